from dataclasses import replace

import pytest

from negotiation_env.benchmark.config import Decoding, Setting
from negotiation_env.benchmark.tables import outcome_tables
from negotiation_env.statistics.intervals import Estimate
from tests.benchmark.hand_made import place, question, question_place, seen
from tests.benchmark.small_benchmark import small
from tests.conftest import three_parties, two_parties

SCORE, ITSELF = "Collective Agency, 0–5", "conflict tasks, with itself"
CONFIG = small(decoding=tuple(Decoding))
WELL, RIVER = (
    replace(two_parties(name), category=category) for name, category in (("well", "home"), ("river", "work"))
)


def tables(games, config=CONFIG):
    return {table.title: table for table in outcome_tables(games, config)}


def rows(table):
    """Cells by row and column; an estimate is its value."""
    shown = [[cell.value if isinstance(cell, Estimate) else cell for cell in row] for row in table.rows]
    return {row[0]: dict(zip(table.columns[1:], row[1:], strict=True)) for row in shown}


def scored(negotiator, *scores, **more):
    """Games with itself over the well and the river."""
    return [
        seen(place(negotiator), each, score=score, **more) for each, score in zip((WELL, RIVER), scores, strict=False)
    ]


def test_every_negotiator_s_mean_and_its_distance_from_the_reference():
    found = rows(tables([*scored("base", 1.0, 2.0), *scored("meek", 3.0, 3.0)])[ITSELF])
    assert list(found) == ["base, greedy", "meek, greedy"]
    assert [found[row][SCORE] for row in found] == [1.5, 3.0]
    assert [found[row]["less base's"] for row in found] == [None, 1.5]
    # Of the four ways to flip the signs of +2 and +1 one sum is as high and one as low: 2/4.
    assert [found[row]["p"] for row in found] == [None, 0.5]


def test_p_values_are_corrected_for_the_number_of_negotiators():
    found = rows(tables([*scored("base", 1.0, 2.0), *scored("meek", 3.0, 3.0), *scored("hard", 3.0, 3.0)])[ITSELF])
    assert [found[row]["p"] for row in found] == [None, 1.0, 1.0]


def test_the_difference_is_over_games_that_both_played_with_the_same_decoding():
    games = [*scored("base", 1.0, 2.0), *scored("meek", 3.0)]
    games += [seen(place("meek", decoding=Decoding.SAMPLED), WELL, score=5.0)]
    found = tables(games)[ITSELF]
    cells = {row[0]: dict(zip(found.columns, row, strict=True)) for row in found.rows}
    assert (cells["meek, greedy"]["less base's"].value, cells["meek, greedy"]["less base's"].n) == (2.0, 1)
    assert cells["meek, sampled"]["less base's"] is None


def test_the_other_seat_opponent_or_run_is_another_game():
    base = seen(place("base", "pushy", 0), WELL, score=1.0)
    others = [place("meek", "pushy", 1), place("meek", "halving", 0), place("meek", "pushy", 0, run=1)]
    found = rows(
        tables([base, *(seen(where, WELL, score=4.0) for where in others)])["conflict tasks, against the panel"]
    )
    assert found["meek, greedy"]["less base's"] is None


def test_the_reference_is_the_one_that_the_settings_name():
    found = tables([*scored("base", 1.0, 2.0), *scored("meek", 3.0, 3.0)], replace(CONFIG, reference="meek"))[ITSELF]
    assert [rows(found)[row]["less meek's"] for row in ("base, greedy", "meek, greedy")] == [-1.5, None]


def test_over_runs_is_the_mean_and_deviation_of_the_runs_means():
    games = [
        seen(place(run=run), scenario, score=score) for run, score in ((0, 1.0), (1, 4.0)) for scenario in (WELL, RIVER)
    ]
    found = rows(tables(games, replace(CONFIG, repetitions=2))[ITSELF])["base, greedy"]
    assert (found["mean over runs"], found["sd over runs"]) == (2.5, pytest.approx(4.5**0.5))
    assert "sd over runs" not in tables(games)[ITSELF].columns


def test_who_plays_as_it_is_has_one_row_and_is_held_against_every_decoding_and_run_of_the_reference():
    games = [
        seen(place("base", decoding=decoding, run=run), WELL, score=score)
        for decoding, run, score in (
            (Decoding.GREEDY, None, 1.0),
            (Decoding.SAMPLED, 0, 2.0),
            (Decoding.SAMPLED, 1, 3.0),
        )
    ]
    games.append(seen(place("script", decoding=None, run=None), WELL, score=4.0))
    found = tables(games, replace(CONFIG, repetitions=2))[ITSELF]
    script = {row[0]: dict(zip(found.columns, row, strict=True)) for row in found.rows}["script"]
    assert (script["less base's"].value, script["less base's"].n, script["games"]) == (2.0, 3, 1)
    assert (script["mean over runs"], script["sd over runs"]) == (4.0, None)


def test_every_table_names_its_judge():
    games = [*scored("base", 1.0, 2.0), seen(place(opponent="pushy"), WELL, satisfied=(1.0, 2.0))]
    assert {table.note.partition(". ")[0] for table in tables(games).values()} == {"Judge: a judge"}


def test_what_is_unscored_counts_nowhere_and_is_told():
    games = [*scored("base", 1.0, None), *scored("meek", None, 4.0), *scored("hard", None, None)]
    found = rows(tables(games)[ITSELF])
    assert [(found[row][SCORE], found[row]["games"], found[row]["unscored"]) for row in found] == [
        (1.0, 1, 1),
        (4.0, 1, 1),
        (None, 0, 2),
    ]
    assert [found[row]["agreement rate"] for row in found] == [1.0, 1.0, None]
    assert found["meek, greedy"]["less base's"] is None


def test_what_nobody_measured_has_no_column():
    beyond = tables(scored("base", 1.0, 2.0))[f"Beyond one number: {ITSELF}"]
    assert beyond.columns == ("negotiator", "capitulation", "words a turn")


def test_what_was_asked_of_some_is_a_mean_over_those_and_a_dash_for_the_others():
    games = [*scored("base", 1.0, satisfied=(4.0, 2.0), accepts=(True, True)), *scored("base", 1.0, 2.0)[1:]]
    found = rows(tables([*games, *scored("meek", 3.0)])[f"Beyond one number: {ITSELF}"])
    names = ("accepted by all", "least satisfied, 0–5", "Nash product, 0–1")
    assert [found["base, greedy"][name] for name in names] == [1.0, 2.0, pytest.approx(0.32)]
    assert [found["meek, greedy"][name] for name in names] == [None, None, None]


def test_a_question_has_no_agreement_and_none_of_what_goes_with_it():
    found = tables([seen(question_place(), question(), score=2.0, agreed=False)])
    assert list(found) == ["open questions, alone", f"{SCORE}, by category: open questions, alone"]
    assert found["open questions, alone"].columns[:3] == ("negotiator", SCORE, "reward")


def test_each_setting_with_itself_and_against_the_panel_is_a_table():
    games = [
        seen(place(), WELL),
        seen(place(opponent="pushy"), WELL),
        seen(place(setting=Setting.MULTI), three_parties()),
        seen(place(opponent="pushy", setting=Setting.MULTI), three_parties()),
        seen(question_place(), question(), agreed=False),
    ]
    assert list(tables(games))[:5] == [
        "conflict tasks, with itself",
        "conflict tasks, against the panel",
        "three to five parties, with itself",
        "three to five parties, against the panel",
        "open questions, alone",
    ]


def test_who_gets_its_way_against_each_opponent():
    def met(opponent, seat, satisfied, decoding=Decoding.GREEDY):
        return seen(place("meek", opponent, seat, decoding=decoding), WELL, satisfied=satisfied)

    games = [met("pushy", 0, (1.0, 5.0)), met("pushy", 1, (4.0, 2.0)), met("halving", 0, (3.0, 3.0))]
    three = seen(place("meek", "pushy", setting=Setting.MULTI), three_parties(), satisfied=(2.0, 3.0, 4.0))
    alone = seen(place("meek"), WELL, satisfied=(0, 0))
    found = tables([*games, met("pushy", 0, (5.0, 1.0), Decoding.SAMPLED), three, alone])
    columns = ("own satisfaction, 0–5", "the other's", "own less the other's")
    two, many = (
        {row: [cells[name] for name in columns] for row, cells in rows(found[f"Who gets its way: {arena}"]).items()}
        for arena in ("conflict tasks, against the panel", "three to five parties, against the panel")
    )
    assert two == {
        "meek, greedy, against pushy": [1.5, 4.5, -3.0],
        "meek, greedy, against halving": [3.0, 3.0, 0.0],
        "meek, sampled, against pushy": [5.0, 1.0, 4.0],
    }
    assert many == {"meek, greedy, against pushy": [2.0, 4.0, -2.0]}


def test_scores_by_category_are_those_of_one_population():
    games = [*scored("base", 1.0, 4.0), seen(place("base", "pushy"), WELL, score=3.0), *scored("meek", 5.0)]
    found = tables([*games, seen(question_place(), question(), score=2.0)])
    assert rows(found[f"{SCORE}, by category: {ITSELF}"]) == {
        "base, greedy": {"home": 1.0, "work": 4.0},
        "meek, greedy": {"home": 5.0, "work": None},
    }
    assert rows(found[f"{SCORE}, by category: open questions, alone"]) == {"base, greedy": {"society": 2.0}}


def test_scores_by_tension_where_scenarios_have_one():
    tense = replace(WELL, tension="privacy_vs_safety")
    found = rows(tables([*scored("base", 1.0), seen(place(), tense, score=4.0)])[f"{SCORE}, by tension: {ITSELF}"])
    assert found == {"base, greedy": {"privacy_vs_safety": 4.0}}


def test_titles_differ():
    found = outcome_tables([*scored("base", 1.0), seen(place(opponent="pushy"), WELL)], CONFIG)
    assert len({table.title for table in found}) == len(found)
