from dataclasses import replace

import pytest

from negotiation_env.benchmark.config import AGAINST_ALONE, Decoding, Setting
from negotiation_env.benchmark.win_tables import win_tables
from negotiation_env.statistics.intervals import Estimate
from tests.benchmark.hand_made import FAILED, compared, place, question_place
from tests.benchmark.small_benchmark import small

pytestmark = pytest.mark.usefixtures("few_draws")

CONFIG = small()
ARENA = "quality: conflict tasks, with itself"
DUELS = ("second", "first", "either", "tie", "unsaid", "second")
"""Of base and meek: meek wins twice, base once."""


def tables(found, config=CONFIG):
    return {table.title: table for table in win_tables(found, config, {})}


def paper(found, config=CONFIG):
    """The paper's table, cells by row and column."""
    table = tables(found, config)[f"Wins against base, {ARENA}"]
    return {row[0]: dict(zip(table.columns[1:], row[1:], strict=True)) for row in table.rows}


def duels(first="base", second="meek", found=DUELS, **more):
    return [compared(first, second, better, f"s{number}", **more) for number, better in enumerate(found)]


def test_the_papers_table_counts_what_both_orders_prefer():
    (row,) = paper(duels()).values()
    assert (row["win rate"].value, row["win rate"].n) == (pytest.approx(2 / 3), 3)
    assert [row[name] for name in ("wins", "losses", "ties", "unscored", "not played")] == [2, 1, 1, 1, 0]
    assert row["inconsistent share"] == pytest.approx(1 / 5)
    # However the signs of three comparisons are flipped, the sum is at least 1 away from 0.
    assert row["p"] == pytest.approx(1.0)


def test_it_makes_no_difference_who_is_named_first():
    swapped = {"first": "second", "second": "first"}
    others = duels("meek", "base", [swapped.get(better, better) for better in DUELS])
    assert list(paper(others).values()) == list(paper(duels()).values())


def test_a_clear_winner_has_a_small_p_that_is_corrected_for_the_number_of_rows():
    six = duels(found=["second"] * 6)
    assert paper(six)["meek, greedy"]["p"] == pytest.approx(2 / 2**6)
    both = paper([*six, *duels(second="hard", found=["second"] * 6)])
    assert [row["p"] for row in both.values()] == [pytest.approx(2 * 2 / 2**6)] * 2


def test_runs_are_told_apart():
    first = duels(found=["second", "second"], where=place("base", run=0))
    second = duels(found=["first", "either"], where=place("base", run=1))
    row = paper(first + second, replace(CONFIG, repetitions=2))["meek, greedy"]
    assert (row["mean over runs"], row["sd over runs"]) == (0.5, pytest.approx(0.5**0.5))
    assert row["win rate"].value == pytest.approx(2 / 3)
    assert "mean over runs" not in paper(first + second)["meek, greedy"]


def test_a_pair_that_could_not_be_played_is_told_and_counts_nowhere_else():
    lost = duels(found=[FAILED, FAILED])
    (row,), (without,) = paper([*duels(), *lost]).values(), paper(duels()).values()
    assert row == without | {"not played": 2}
    (row,) = paper(lost).values()
    assert (row["win rate"].value, row["not played"], row["unscored"]) == (None, 2, 0)


def test_scores_have_no_order_that_could_be_inconsistent():
    by_scores = duels(found=["first", "second"], orders=False)
    assert paper(by_scores)["meek, greedy"]["inconsistent share"] is None
    assert {
        "By scores: the higher one wins, there is no order." in each.note for each in tables(by_scores).values()
    } == {True}


def test_every_table_names_its_judge_and_what_counts():
    notes = [table.note for table in tables(duels(category="home")).values()]
    assert all(note.startswith("Judge: a judge. Only what it prefers in both orders is counted") for note in notes)


def test_wins_by_category_and_tension_where_there_are_any():
    home = duels(found=["second", "second", "first"], category="home")
    found = tables([*home, *duels(found=["first"], category="work", tension="privacy_vs_safety")])
    by_category, by_tension = (found[f"Wins by {field}, against base, {ARENA}"] for field in ("category", "tension"))
    assert by_category.columns == ("negotiator", "home", "work")
    assert [cell.value for cell in by_category.rows[0][1:]] == [pytest.approx(2 / 3), 0.0]
    assert (by_tension.columns, by_tension.rows[0][1].n) == (("negotiator", "privacy_vs_safety"), 1)
    assert f"Wins by category, against base, {ARENA}" not in tables(duels())


def test_decodings_and_negotiators_have_rows_of_their_own_and_others_are_no_matter():
    sampled = duels(found=["first"], where=place("base", decoding=Decoding.SAMPLED))
    found = paper([*duels(), *sampled, *duels(second="hard", found=["tie"]), *duels("meek", "hard")])
    assert list(found) == ["meek, greedy", "meek, sampled", "hard, greedy"]
    assert found["meek, sampled"]["losses"] == 1


def test_where_nothing_counts_there_is_no_rate_and_no_matrix():
    found = tables(duels(found=["either", "tie"]))
    (row,) = paper(duels(found=["either", "tie"])).values()
    assert (row["win rate"].value, row["p"]) == (None, None)
    assert f"Who beats whom, {ARENA}" not in found
    assert [row[3] for row in tables(duels(found=["unsaid"]))[f"Wins against base, {ARENA}"].rows] == [0]
    assert win_tables([], CONFIG, {}) == []


def matrix(found):
    table = tables(found)[f"Who beats whom, {ARENA}"]
    assert table.matrix
    return {
        (row[0], column): cell.value if isinstance(cell, Estimate) else cell
        for row in table.rows
        for column, cell in zip(table.columns[1:], row[1:], strict=True)
    }


def test_a_rate_in_the_matrix_and_its_mirror_add_up_to_one():
    found = matrix([*duels(), *duels(second="hard"), *duels("meek", "hard", ["first", "first", "first", "second"])])
    assert found["meek", "base"] == pytest.approx(2 / 3)
    assert found["meek", "hard"] == 0.75
    assert all(found[name, name] is None for name in CONFIG.negotiators)
    mirrored = [rate + found[column, row] for (row, column), rate in found.items() if rate is not None]
    assert mirrored == [pytest.approx(1.0)] * 6


def test_the_matrix_is_over_all_decodings_and_leaves_a_gap_where_two_never_met():
    sampled = duels(found=["second"] * 3, where=place("base", decoding=Decoding.SAMPLED))
    found = matrix([*duels(), *sampled])
    assert found["meek", "base"] == pytest.approx(5 / 6)
    assert found["hard", "base"] is found["base", "hard"] is None


def test_the_ranking_has_the_best_first_and_leaves_out_what_is_inconsistent():
    wins = [*duels("base", "meek", ["second"] * 4), *duels("base", "hard", ["first", "first", "either", "unsaid"])]
    table = tables(wins)[f"Ranking, {ARENA}"]
    assert [row[0] for row in table.rows] == ["meek", "base", "hard"]
    assert [row[3] for row in table.rows] == [4, 6, 2]
    assert sum(row[1].value for row in table.rows) == pytest.approx(0.0, abs=1e-6)


def test_a_tie_makes_two_equal():
    table = tables(duels(found=["tie", "first", "second"]))[f"Ranking, {ARENA}"]
    assert [row[2].value for row in table.rows] == [pytest.approx(0.5), pytest.approx(0.5)]


def test_each_objective_and_setting_has_tables_of_its_own():
    found = [
        *duels(found=["first"]),
        *duels(found=["first"], objective="clarity"),
        *duels(found=["first"], where=place("base", setting=Setting.MULTI)),
        *duels(found=["first"], where=question_place()),
    ]
    assert [title for title in tables(found) if title.startswith("Wins")] == [
        "Wins against base, quality: conflict tasks, with itself",
        "Wins against base, clarity: conflict tasks, with itself",
        "Wins against base, quality: three to five parties, with itself",
        "Wins against base, quality: open questions, alone",
    ]
    assert len(tables(found)) == 12


def test_an_answer_that_was_negotiated_wins_against_one_that_was_given_alone():
    mixed = place("base", AGAINST_ALONE)
    met = [
        *duels("base", "base", ["first", "first", "second"], where=mixed),
        *duels("meek", "base", ["first"], where=mixed),
    ]
    found = tables([*met, *duels("base", "meek", ["second"], where=mixed)])
    arena = "quality: conflict tasks, with itself against alone"
    rows = {row[0]: row[1].value for row in found[f"Wins against base, {arena}"].rows}
    assert rows == {"base, greedy": pytest.approx(2 / 3), "meek, greedy": 1.0}
    whom = {row[0]: [cell and cell.value for cell in row[1:]] for row in found[f"Who beats whom, {arena}"].rows}
    assert whom == {"base": [pytest.approx(2 / 3), 0.0, None], "meek": [1.0, None, None], "hard": [None, None, None]}
