from collections import Counter, defaultdict
from dataclasses import replace
from itertools import product

import pytest

from negotiation_env import ScriptedJudge
from negotiation_env.benchmark.config import Decoding, Setting
from negotiation_env.benchmark.plan import game, grouped, pairs, place_of, plan
from negotiation_env.environment.episode import Episode
from negotiation_env.episodes.runner import play
from tests.benchmark.small_benchmark import NEGOTIATORS, cast_of, small
from tests.conftest import two_parties

MODELS = {"negotiators": {"base": "hf:a", "meek": "hf:b", "hard": "hf:c"}, "panel": {"pushy": "hf:d"}}
EVERYTHING = small(**MODELS, conflict=3, multi=20, open=2, decoding=tuple(Decoding), repetitions=2)


class Named:
    """An agent that is never asked."""

    def __init__(self, spec):
        self.name = spec

    def act(self, requests):
        raise AssertionError


def games(config):
    cast = cast_of(config, agent=Named)
    return [game(each, config.seed, cast.negotiators, cast.panel) for each in plan(config)]


def test_every_negotiator_meets_the_same_scenarios_opponents_seats_and_seeds():
    met = defaultdict(Counter)
    for each in games(EVERYTHING):
        where = {**each.tags, "scenario": each.scenario.id, "seed": each.seed}
        met[where.pop("negotiator")][tuple(where.values())] += 1
    assert list(met) == list(NEGOTIATORS)
    assert met["base"] == met["meek"] == met["hard"]
    assert set(met["base"].values()) == {1}


def test_conflicts_can_come_from_a_file_of_ones_own_and_too_few_are_told(tmp_path, capsys):
    path = tmp_path / "scenarios.jsonl"
    path.write_text(two_parties().to_json() + "\n", encoding="utf-8")
    found = plan(small(conflict=3, multi=0, open=0, conflict_split=str(path)))
    assert {each.scenario for each in found} == {two_parties()}
    told = " ".join(capsys.readouterr().err.split())
    assert told.endswith("holds 1, fewer than conflict = 3: each is taken once")


def test_no_two_games_have_one_id():
    ids = [each.id for each in plan(EVERYTHING)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(("setting", "seats"), [("eval_conflict", {2}), ("eval_multi", {3, 4, 5}), ("eval_open", {1})])
def test_against_itself_once_against_each_opponent_from_every_seat_and_alone_over_a_question(setting, seats):
    tables = defaultdict(list)
    for each in plan(small(conflict=3, multi=20, open=2)):
        if each.place.setting == setting and each.place.negotiator == "meek":
            tables[each.scenario].append((each.place.opponent, each.place.seat))
    assert {scenario.seats for scenario in tables} == seats
    for scenario, found in tables.items():
        everywhere = range(scenario.seats)
        panel = [(opponent, seat) for opponent in ("pushy", "halving") for seat in everywhere]
        assert found == ([("itself", 0), *panel] if scenario.personas else [("", 0)])


def test_the_negotiator_sits_in_its_seat_and_writes_and_the_opponent_takes_all_others():
    for each in games(small(multi=4)):
        names = [agent.name for agent in each.agents]
        own, opponent = NEGOTIATORS[each.tags["negotiator"]], each.tags["opponent"]
        other = {"pushy": "scripted:pushy", "halving": "scripted:compromising"}.get(opponent, own)
        assert each.writer == each.tags["seat"]
        assert names == [own if seat == each.writer else other for seat in range(len(names))]


def test_an_own_decoding_is_an_agent_of_its_own_and_the_panel_s_stays():
    config = small(**MODELS, decoding=tuple(Decoding), open=0)
    cast = cast_of(config, agent=Named)
    cast = replace(
        cast,
        negotiators={key: Named(key) for key in cast.negotiators},
        panel={name: Named((name,)) for name in cast.panel},
    )
    for each in plan(config):
        agents, own = game(each, 0, cast.negotiators, cast.panel).agents, (each.place.negotiator, each.place.decoding)
        assert agents[each.place.seat].name == own
        assert agents[1 - each.place.seat].name == (own if each.place.opponent == "itself" else (each.place.opponent,))


def test_seeds_differ_between_games_and_runs_and_not_between_negotiators_and_decodings():
    seeds = defaultdict(set)
    for each in games(EVERYTHING):
        repetition = each.tags["repetition"] or 0
        seeds[each.scenario.id, each.tags["opponent"], each.tags["seat"], repetition].add(each.seed)
    assert {len(found) for found in seeds.values()} == {1}
    assert len(set.union(*seeds.values())) == len(seeds)


def test_the_benchmark_s_seed_draws_the_scenarios_and_seeds_the_games():
    first, again, other = (games(small(seed=seed, conflict=5)) for seed in (0, 0, 1))
    assert [(each.id, each.seed) for each in first] == [(each.id, each.seed) for each in again]
    assert {each.scenario.id for each in first} != {each.scenario.id for each in other}
    assert not {each.seed for each in first} & {each.seed for each in other}


def test_a_setting_with_no_scenarios_is_not_played():
    assert {each.place.setting for each in plan(small(multi=0, open=0))} == {Setting.CONFLICT}


def test_an_episode_knows_its_place_also_out_of_a_file():
    planned = next(each for each in plan(small()) if each.place.seat == 1)
    cast = cast_of(small())
    episode = play(game(planned, 0, cast.negotiators, cast.panel), ScriptedJudge())
    assert place_of(Episode.from_json(episode.to_json())) == place_of(episode) == planned.place


def runs(config, **where):
    """Decoding and repetition of each of a negotiator's games in a place, over one scenario."""
    found = [each.place for each in plan(config) if each.scenario == plan(config)[0].scenario]
    return [
        (each.decoding, each.repetition) for each in found if all(getattr(each, key) == where[key] for key in where)
    ]


def test_a_game_in_which_nobody_draws_at_random_is_played_once():
    agents = {"model": "hf:a", "script": "scripted:liar", "own": "python:m:f"}
    both = (Decoding.GREEDY, Decoding.SAMPLED)
    config = small(negotiators=agents, conflict=1, open=0, repetitions=2, decoding=both)
    sampled = [(Decoding.SAMPLED, 0), (Decoding.SAMPLED, 1)]
    for opponent in ("itself", "pushy"):
        where = {"opponent": opponent, "seat": 0}
        assert runs(config, negotiator="model", **where) == [(Decoding.GREEDY, None), *sampled]
        assert runs(config, negotiator="script", **where) == [(None, None)]
        assert runs(config, negotiator="own", **where) == [(None, 0), (None, 1)]


def test_where_one_of_the_panel_draws_all_of_it_is_met_in_every_run():
    config = small(panel={"pushy": "scripted:pushy", "model": "hf:d"}, conflict=1, open=0, repetitions=2)
    for opponent in config.panel:
        assert runs(config, negotiator="base", opponent=opponent, seat=0) == [(None, 0), (None, 1)]
    assert runs(config, negotiator="base", opponent="itself") == [(None, None)]


def test_every_two_negotiators_meet_where_nothing_else_differs():
    met = pairs(plan(EVERYTHING))
    assert all(replace(one.place, negotiator="") == replace(other.place, negotiator="") for one, other in met)
    assert all(one.scenario == other.scenario and one.place.alone for one, other in met)
    names = Counter((one.place.negotiator, other.place.negotiator) for one, other in met)
    scenarios = 3 + 20 + 2
    assert names == dict.fromkeys([("base", "meek"), ("base", "hard"), ("meek", "hard")], scenarios * (1 + 2))


def test_conflicts_can_be_answered_alone_too_and_nothing_else_of_the_plan_changes():
    without, found = (plan(small(conflict=2, multi=1, alone=alone)) for alone in (False, True))
    added = [each for each in found if each not in without]
    assert [each for each in found if each not in added] == without
    assert Counter((each.place.setting, each.place.opponent, each.place.seat) for each in added) == {
        (Setting.CONFLICT, "", 0): 2 * 3,
        (Setting.MULTI, "", 0): 3,
    }


def test_an_answer_that_was_negotiated_meets_every_negotiators_answer_given_alone():
    config = small(**MODELS, conflict=1, open=0, alone=True, repetitions=2, decoding=tuple(Decoding))
    mixed = [(one, other) for one, other in pairs(plan(config)) if one.place.opponent != other.place.opponent]
    assert {(one.place.opponent, other.place.opponent) for one, other in mixed} == {("itself", "")}
    drawn = Counter((one.place.negotiator, other.place.negotiator) for one, other in mixed)
    assert drawn == dict.fromkeys(product(NEGOTIATORS, NEGOTIATORS), 1 + 2)  # greedy, and in two runs
    assert all(one.place.decoding == other.place.decoding for one, other in mixed)
    assert all(one.place.repetition == other.place.repetition for one, other in mixed)


def test_values_are_grouped_in_the_order_of_their_first():
    assert grouped("baNana", str.lower) == {"b": ["b"], "a": ["a", "a", "a"], "n": ["N", "n"]}
