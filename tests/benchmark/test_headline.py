"""Who is best, by how much, out of a benchmark's tables."""

import pytest

from negotiation_env.benchmark.headline import standing
from negotiation_env.benchmark.measures import SCORE
from negotiation_env.statistics.intervals import Estimate
from negotiation_env.statistics.table import Table

COLUMNS = ("negotiator", "agreement rate", SCORE, "less base's", "p", "games", "unscored")


def row(name, score, less=None, p=None):
    difference = None if less is None else Estimate(less, less - 0.5, less + 0.5, 8)
    return (name, Estimate(0.5, 0.2, 0.8, 8), Estimate(score, score - 1, score + 1, 8), difference, p, 8, 0)


def outcomes(*rows, title="conflict tasks, against the panel"):
    return Table(title, COLUMNS, rows, "Judge: a judge. ")


def test_the_best_is_told_with_its_lead_over_the_reference():
    found = standing([outcomes(row("base", 2.0), row("trained", 3.0, 1.0, 0.01))])
    assert found.told == "trained scores highest: 3.00 of 5, 1.00 [0.50, 1.50] above base."
    assert [name for name, _ in found.scores] == ["trained", "base"]
    assert found.table.columns == ("negotiator", SCORE, "agreement rate", "less base's", "p", "games")


def test_where_the_reference_is_best_the_next_one_is_told_and_what_may_be_chance_is_called_so():
    found = standing([outcomes(row("base", 2.5), row("trained", 2.3, -0.2, 0.4))])
    assert found.told == (
        "base scores highest: 2.50 of 5, 0.20 [-0.30, 0.70] above trained, which may be chance (p = 0.40)."
    )


@pytest.mark.parametrize(
    ("scores", "told"),
    [
        ((3.0, 3.0), "All negotiators score alike: 3.00 of 5."),
        ((3.0, 3.001, 1.0), "b and a score highest: 3.00 of 5."),
    ],
)
def test_equal_scores_have_no_winner(scores, told):
    found = standing([outcomes(*(row(name, score) for name, score in zip("abc", scores, strict=False)))])
    assert found.told == told


def test_games_against_the_panel_decide_and_tables_without_scores_have_no_headline():
    itself = outcomes(row("base", 1.0), row("x", 4.0, 3.0, 0.01), title="conflict tasks, with itself")
    assert standing([itself, outcomes(row("base", 2.0), row("y", 3.0, 1.0, 0.01))]).told.startswith("y ")
    assert standing([itself]).told.startswith("x ")
    assert standing([Table("Wins", ("negotiator", "win rate"), (("a", 0.5),))]) is None
