"""Two runs' negotiations over the same scenarios."""

from dataclasses import replace

from negotiation_env import ScriptedJudge, load_scenarios
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.episodes.pairs import compare, pairs_by_scenario
from negotiation_env.episodes.runner import Game, play

AGENTS = (ScriptedAgent("compromising"), ScriptedAgent("stubborn"))
SCENARIOS = load_scenarios("eval_conflict")[:3]


def games(*rewards):
    played = (play(Game(each.id, each, AGENTS), ScriptedJudge()) for each in SCENARIOS)
    return [replace(each, reward=reward) for each, reward in zip(played, rewards, strict=False)]


def test_a_scenarios_negotiations_count_as_one_and_others_not_at_all():
    first = [*games(3.0, 2.0, 5.0), *games(1.0)]
    found = {each.measure: each for each in compare(pairs_by_scenario(first, games(1.0, 1.5)))}
    assert found["reward"].difference.pairs == 2
    assert (found["reward"].first.value, found["reward"].second.value) == (2.0, 1.25)
    assert found["reward"].difference.difference.value == 0.75


def test_what_is_unscored_on_one_side_is_left_out():
    found = compare(pairs_by_scenario(games(None, 2.0), games(1.0, 1.0)))
    assert {each.difference.pairs for each in found} == {1}
    assert compare([])[0].difference.difference.value is None
