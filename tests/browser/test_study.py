"""Who plays what with whom, and what is kept of it."""

from collections import Counter
from itertools import pairwise

import pytest

from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.browser.session import run_session
from negotiation_env.browser.study import Study, Trial, next_trials, read_study, trials
from negotiation_env.episodes.runner import Game
from negotiation_env.errors import UserError
from negotiation_env.judges.ratings import RatedGame
from negotiation_env.judges.scripted import ScriptedJudge
from tests.browser.pages import ask, serving, state, until
from tests.browser.test_serving import RULES, WATER
from tests.helpers.command_line import negotiate

LEVELS = {"acceptable": 4, "fair": 2, "agreed": 5}


def study(conditions, scenarios=0, **settings):
    specs = {f"condition-{letter}": "scripted:stubborn" for letter in range(conditions)}
    ids = tuple(f"s{number}" for number in range(scenarios or conditions))
    return Study("Pilot", "Do you agree?", ids, specs, **settings)


@pytest.mark.parametrize(("conditions", "rows"), [(1, 1), (2, 2), (3, 6), (4, 4), (5, 10)])
def test_each_condition_stands_at_each_place_and_follows_each_other_one_equally_often(conditions, rows):
    orders = [[trial.condition for trial in trials(study(conditions), place)] for place in range(rows)]
    assert all(len(set(order)) == conditions for order in orders)
    for place in range(conditions):
        assert set(Counter(order[place] for order in orders).values()) == {rows // conditions}
    follows = Counter(pair for order in orders for pair in pairwise(order))
    assert len(follows) == conditions * (conditions - 1)
    assert len(set(follows.values())) <= 1


def test_each_condition_meets_each_scenario_equally_often_and_nobody_one_twice():
    plan = study(2, 4, seats=(0,))
    everybody = [trials(plan, place) for place in range(8)]
    assert all(len({trial.scenario for trial in one}) == 2 for one in everybody)
    met = Counter((trial.condition, trial.scenario) for one in everybody for trial in one)
    assert (len(met), set(met.values())) == (8, {2})


def test_each_condition_meets_each_scenario_from_each_seat_equally_often_and_everybody_keeps_one():
    plan = study(2, 4)
    everybody = [trials(plan, place) for place in range(16)]
    met = Counter((trial.condition, trial.scenario, trial.seat) for one in everybody for trial in one)
    assert (len(met), set(met.values())) == (2 * 4 * 2, {2})
    assert all(len({trial.seat for trial in one}) == 1 for one in everybody)
    assert Counter(one[0].seat for one in everybody[:4]) == {0: 2, 1: 2}
    assert {trial.seat for one in map(trials, [study(2, seats=(1,))] * 4, range(4)) for trial in one} == {1}


def test_the_seed_deals_out_the_conditions():
    orders = {tuple(trial.condition for trial in trials(study(4, seed=seed), 0)) for seed in range(9)}
    assert len(orders) > 1
    assert trials(study(4), 3) == trials(study(4), 3)


def rated(participant, trial, id="Pilot@0"):
    return RatedGame(id, participant, trial, "c", 0, WATER, (), "", LEVELS)


def test_who_comes_back_goes_on_and_who_is_new_gets_the_next_order():
    plan, done = study(2), [rated("1", 0), rated("1", 1), rated("Ada", 0)]
    assert next_trials(plan, "Pilot@0", done, "Ada") == ("Ada", trials(plan, 1)[1:])
    assert next_trials(plan, "Pilot@0", done, None) == ("3", trials(plan, 2))
    with pytest.raises(UserError, match="has rated all games"):
        next_trials(plan, "Pilot@0", done, "1")
    with pytest.raises(UserError, match="ratings of 'Pilot@0'"):
        next_trials(plan, "Pilot@1", done, None)


def sitting(left, kept, rates, agent="stubborn"):
    plan = study(2)

    def game(trial):
        return Game(trial.scenario, WATER, (ScriptedAgent(agent),) * 2)

    def rate(trial, episode, ratings):
        rates.append((trial.number, ratings))

    return serving(
        lambda show: run_session(plan, left, game, ScriptedJudge(), show=show, keep=kept.append, rate=rate, **RULES)
    )


def game_of(page, is_so):
    return until(page, lambda now: now["game"] and is_so(now["game"]))["game"]


def play_one(page):
    """Three turns and the answer; whatever else the opponent says."""
    while until(page, lambda now: now["stage"] != "game" or now["game"]["speaker"] == 0)["stage"] == "game":
        now = state(page)["game"]
        assert ask(page, "answer", said={"move": now["move"], "words": "ACCEPT"})[0] in (204, 409)


def test_a_session_goes_from_consent_through_games_and_ratings_to_the_end():
    kept, rates = [], []
    with sitting([Trial(0, "c", "s0", 0), Trial(1, "d", "s1", 0)], kept, rates) as (page,):
        assert state(page)["stage"] == "consent"
        assert state(page)["game"] is None
        assert ask(page, "answer", said={"move": 0, "words": "Hi."})[0] == 409
        assert ask(page, "answer", said={"consent": True})[0] == 204
        assert ask(page, "answer", said={"consent": True})[0] == 409
        for trial in (0, 1):
            until(page, lambda now, trial=trial: now["stage"] == "game" and now["trial"] == trial and now["game"])
            assert ask(page, "answer", said={"trial": trial, "ratings": LEVELS})[0] == 409
            play_one(page)
            rating = until(page, lambda now: now["stage"] == "rating")
            assert rating["game"]["said"]
            assert (rating["game"]["score"], rating["game"]["status"]) == (None, None)
            assert all(ruling["kind"] == "agreement" for ruling in rating["game"]["rulings"])
            for wrong in ({}, {**LEVELS, "fair": 6}, {**LEVELS, "fair": True}, {**LEVELS, "fair": 2.5}, 3):
                assert ask(page, "answer", said={"trial": trial, "ratings": wrong})[0] == 400
            text = ask(page, "state")[2]
            assert [word for word in ("stubborn", "condition", "TOMS-STYLE", "scripted") if word in text] == []
            assert ask(page, "answer", said={"trial": trial, "ratings": LEVELS})[0] == 204
            assert ask(page, "answer", said={"trial": trial, "ratings": LEVELS})[0] == 409
        until(page, lambda now: now["stage"] == "over")
    assert rates == [(0, LEVELS), (1, LEVELS)]
    assert [episode.agents for episode in kept] == [("human", ScriptedAgent("stubborn").name)] * 2


FILE = """
name = "Pilot"
consent = "Do you agree?"
scenarios = ["ec-001", "ec-002"]
judge = "scripted"

[conditions]
a = "scripted:stubborn"
b = "scripted:compromising"
"""


def test_a_study_is_read_with_a_digest_of_its_file(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(FILE)
    read, id = read_study(path)
    assert list(read.conditions) == ["a", "b"]
    assert id.startswith("Pilot@")
    path.write_text(FILE + "# changed")
    assert read_study(path)[1] != id


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ('scenarios = ["ec-001"]', "a scenario of its own for each"),
        ('scenarios = ["ec-001", "ec-002"]\nsead = 3', "did you mean seed"),
        ('scenarios = ["ec-001", "ec-777"]', "no scenario 'ec-777'"),
        ('scenarios = ["ec-001", "ec-002"]\nseats = [0, 2]', "seats that every scenario has"),
        ('scenarios = ["ec-001", "ec-002"]\nseats = [1, 1]', "seats that differ"),
    ],
)
def test_a_wrong_study_is_one_clear_line(tmp_path, wrong, told):
    (tmp_path / "study.toml").write_text(FILE.replace('scenarios = ["ec-001", "ec-002"]', wrong))
    done = negotiate("play", "--browser", "--study", tmp_path / "study.toml", "--out", tmp_path / "out", "--no-open")
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--study", "s.toml", "--out", "o"], "give --browser --study FILE --out FOLDER"),
        (["--browser", "--study", "s.toml"], "give --browser --study FILE --out FOLDER"),
        (["--participant", "3"], "give --browser --study FILE --out FOLDER"),
        (["--browser", "--study", "s.toml", "--out", "o", "--judge", "scripted", "--seed", "3"], "--judge, --seed"),
    ],
)
def test_options_that_do_not_go_with_a_study_are_named(options, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = negotiate("play", *options)
    assert done.returncode == 2
    assert told in done.stderr
