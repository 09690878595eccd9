"""Five hundred judged episodes while a fifth of the judge's answers fails: nothing lost, nothing invented."""

import random

import pytest

from negotiation_env import load_scenarios
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.endpoints.chat_completions import EndpointSettings
from negotiation_env.endpoints.endpoint import Endpoint
from negotiation_env.episodes.evaluate import seat_agents
from negotiation_env.episodes.runner import Game, play_many
from negotiation_env.judges.llm import LLMJudge, LLMJudgeSettings
from tests.helpers.endpoint_server import FAULTS, EndpointServer
from tests.helpers.llm_replies import judge_reply, level_of

EPISODES = 500
SHARE = 0.2


def mixed(share, seed=0):
    """Faults for a share of the requests, each kind as often as the others, spread at random."""
    draw = random.Random(seed)
    return lambda *_: draw.choice(FAULTS) if draw.random() < share else None


def games():
    agents = [ScriptedAgent("compromising"), ScriptedAgent("stubborn")]
    scenarios = (load_scenarios("train") * 2)[:EPISODES]
    return [
        Game(str(n), scenario, seat_agents(agents, len(scenario.personas)), n) for n, scenario in enumerate(scenarios)
    ]


def run(server, attempts):
    settings = EndpointSettings("m", server.url, timeout=0.5, deadline=20.0, attempts=attempts)
    judge = LLMJudge(Endpoint(settings), settings=LLMJudgeSettings(attempts=attempts))
    return list(play_many(games(), judge, workers=32, max_turns=4, complete_without_agreement=True))


@pytest.mark.slow
@pytest.mark.parametrize("attempts", [1, 6])
def test_every_episode_ends_with_the_true_verdicts_or_unscored(attempts):
    with EndpointServer(judge_reply, mixed(SHARE), latency=0.02, hang=1.0) as server:
        episodes = run(server, attempts)
    assert sorted(int(episode.id) for episode in episodes) == list(range(EPISODES))
    assert all(server.faults[fault] > 20 for fault in FAULTS)
    for episode in episodes:
        for ruling in episode.rulings:
            assert ruling.verdict.value in (None, truth(episode, ruling))
        if any(ruling.verdict.value is None for ruling in episode.rulings):
            assert (episode.outcome.status, episode.reward, episode.outcome.score) == ("unscored", None, None)
        else:
            assert episode.outcome.score == level_of(episode.outcome.completion)
    unscored = sum(episode.reward is None for episode in episodes)
    assert (unscored > 50) if attempts == 1 else (unscored <= 2)


def truth(episode, ruling):
    if ruling.kind == "score":
        return float(level_of(episode.outcome.completion))
    said = [each.text for each in episode.turns if each.task == "utterance"][: ruling.turn]
    return float(any("ACCEPT" in text for text in said))
