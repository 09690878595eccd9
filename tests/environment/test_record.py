"""The record of a game, whoever stepped it."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from negotiation_env import ScriptedJudge, env, raw_env
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.cli import app
from negotiation_env.environment.episode import read_episodes
from negotiation_env.environment.turns import FailedTurn
from negotiation_env.episodes.rejudge import rejudge
from negotiation_env.episodes.runner import Game, play
from negotiation_env.interfaces import Reply, TokenTrace
from tests.conftest import two_parties

OFFER, YES, ANSWER = "Share?\nPROPOSE: Share it.", "Yes.\nACCEPT", "We share it."
REPLIES = [Reply(words, tokens=TokenTrace((1,), (2,), (-0.5,)), usage={"cost": 1.0}) for words in (OFFER, YES, ANSWER)]


def policy(chat: list[dict[str, str]]) -> str:
    offered = "PROPOSE:" in chat[-1]["content"]
    return "I hear you.\nACCEPT" if offered else "Let us share.\nPROPOSE: Take turns, one week each."


def loop(**settings: Any) -> Any:
    """README's own loop."""
    game = env(**{"scenarios": "eval_conflict", "judge": "scripted"} | settings)
    game.reset(seed=1)
    for _ in game.agent_iter():
        observation, _, terminated, truncated, _ = game.last()
        game.step(None if terminated or truncated else policy(observation["messages"]))
    return game


def fresh(*words: str, **settings: Any) -> Any:
    game = raw_env(**{"scenarios": two_parties(), "judge": "scripted"} | settings)
    game.reset(seed=0)
    for text in words:
        game.step(text)
    return game


def test_a_loop_of_ones_own_has_the_record_that_the_runner_writes():
    agents = (ScriptedAgent("compromising"), ScriptedAgent("accommodating"))
    played = play(Game("g", two_parties(), agents, seed=3, tags={"a": 1}), ScriptedJudge())
    game = fresh(*(turn.raw or turn.text for turn in played.turns), judge=ScriptedJudge())
    names = [agent.name for agent in agents]
    assert game.episode(id="g", seed=3, agents=names, tags={"a": 1}).to_json() == played.to_json()


def test_the_record_of_a_loop_is_read_viewed_and_judged_again(tmp_path):
    path = tmp_path / "episodes.jsonl"
    episode = loop().episode(id="mine")
    path.write_text(episode.to_json() + "\n", encoding="utf-8")
    assert list(read_episodes(path)) == [episode]
    assert (episode.outcome.status, episode.reward, episode.agents) == ("agreed", 3.0, ("negotiator_0", "negotiator_1"))
    assert [turn.text.split("\n")[0] for turn in episode.turns][:2] == ["Let us share.", "I hear you."]
    found = rejudge(tmp_path, ScriptedJudge(score=4.0))
    assert (found.old_score.value, found.new_score.value) == (3.0, 4.0)
    assert CliRunner().invoke(app, ["view", str(tmp_path), "--no-open"]).exit_code == 0
    assert "Take turns, one week each." in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_what_agents_gave_goes_on_record_beside_their_words():
    episode = fresh(OFFER, YES, ANSWER).episode(id="g", replies=REPLIES)
    assert [turn.tokens for turn in episode.turns] == [REPLIES[0].tokens] * 3
    assert [turn.usage for turn in episode.turns] == [{"cost": 1.0}] * 3


def test_what_a_party_only_thought_is_on_record_and_nowhere_else():
    game = fresh(f"<think>My limit is 40.</think>{OFFER}", YES, f"Mine too.</think>{ANSWER}", render_mode="ansi")
    replies = [Reply(OFFER, thought="Endpoints tell it apart."), Reply(YES), Reply(ANSWER, thought="\ud83d")]
    alone, told = game.episode(id="g"), game.episode(id="g", replies=replies)
    assert [turn.thought for turn in alone.turns] == ["My limit is 40.", "", "Mine too."]
    assert told.turns[0].thought == "Endpoints tell it apart.\n\nMy limit is 40."
    assert told.turns[2].thought == "\\ud83d\n\nMine too."
    assert [turn.text for turn in told.turns] == [OFFER, YES, ANSWER]
    assert type(told).from_json(told.to_json()) == told
    assert ['"thought"' in turn for turn in map(json.dumps, json.loads(told.to_json())["said"])] == [True, False, True]
    assert "40" not in repr((game.state(), game.render(), game.infos, game.observe("negotiator_0"), told.dialogue))


@pytest.mark.parametrize("count", [0, 2, 4])
def test_another_number_of_replies_than_turns_is_an_error(count):
    game = fresh(OFFER, YES, ANSWER)
    with pytest.raises(ValueError, match=f"expected 3 replies, one for each turn that was taken; got {count}"):
        game.episode(id="g", replies=[*REPLIES, Reply("")][:count])


def test_another_number_of_names_than_seats_is_an_error():
    with pytest.raises(ValueError, match="expected 2 names of agents, one for each seat; got 1"):
        fresh().episode(id="g", agents=["me"])


@pytest.mark.parametrize(
    ("words", "waits_for"), [((), "speaking"), ((OFFER,), "speaking"), ((OFFER, YES), "completing")]
)
def test_a_game_under_way_is_on_record_as_unscored_and_says_what_it_waits_for(words, waits_for):
    episode = fresh(*words).episode(id="g")
    assert [turn.text for turn in episode.turns] == list(words)
    assert (episode.reward, episode.failure) == (None, f"not over: it is still {waits_for}")
    assert type(episode).from_json(episode.to_json()) == episode


@pytest.mark.parametrize(("words", "where"), [((OFFER,), (1, "utterance")), ((OFFER, YES), (0, "completion"))])
def test_a_turn_that_an_agent_failed_is_on_record_with_or_without_its_reply(words, where):
    game = fresh(*words)
    game.abort("no answer \ud83d")
    assert game.episode(id="g").failed == FailedTurn(*where, "no answer \\ud83d")
    failed = Reply("", error="timeout", usage={"cost": 2.0}, model="m")
    told = game.episode(id="g", replies=[*REPLIES[: len(words)], failed])
    assert told.failed == FailedTurn(*where, "timeout", {"cost": 2.0}, "m")
    assert json.loads(told.to_json())["outcome"]["reason"] == "no answer \\ud83d"
    game.reset(seed=0)
    assert game.episode(id="g").failed is None


def test_before_a_reset_there_is_no_record():
    with pytest.raises(AttributeError, match="before the first reset"):
        env(scenarios=two_parties(), judge="scripted").episode(id="g")
