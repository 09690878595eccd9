import json
import math
import re
from dataclasses import asdict, replace

import pytest

from negotiation_env import Reply, ScriptedJudge
from negotiation_env.agents.chat import ChatAgent
from negotiation_env.agents.models.fake import FakeModel
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.endpoints.usage import Usage
from negotiation_env.environment.episode import (
    Episode,
    FailedTurn,
    append_episode,
    latest_episodes,
    read_episodes,
    stream_latest,
)
from negotiation_env.episodes.runner import Game, play
from negotiation_env.episodes.summary import policy_usage, summarise
from negotiation_env.errors import UserError
from negotiation_env.game.protocol import Rules
from negotiation_env.interfaces import TokenTrace
from negotiation_env.text.strict_json import read_json
from tests.conftest import two_parties


@pytest.fixture
def episode():
    words = "Fine – 好 🙂 <|im_end|>\u2028\nPROPOSE: Share."
    reply = Reply(words, truncated=True, tokens=TokenTrace((1, 2), (3,), (-0.5,)), usage={"seconds": 0.1})
    agent = ChatAgent(FakeModel(lambda _: reply))
    return play(Game("g", two_parties(), (agent, agent), tags={"step": 3}), ScriptedJudge(), max_turns=3)


def test_an_episode_survives_its_file(tmp_path, episode):
    path = tmp_path / "episodes.jsonl"
    for _ in range(2):
        append_episode(path, episode)
    assert list(read_episodes(path)) == [episode, episode]
    assert Episode.from_json(episode.to_json()).turns[0].tokens == TokenTrace((1, 2), (3,), (-0.5,))


LAST = {
    "the first turn": (0, Rules(), (0, "utterance")),
    "the second turn": (1, Rules(), (1, "utterance")),
    "the third turn": (2, Rules(max_turns=3), (0, "utterance")),
    "the joint answer after agreement": (3, Rules(), (0, "completion")),
    "another's joint answer": (3, Rules(writer=1), (1, "completion")),
    "the joint answer without agreement": (2, Rules(max_turns=2, complete_without_agreement=True), (0, "completion")),
    "the answer of one alone": (0, Rules(max_turns=0, writer=1), (1, "completion")),
}


@pytest.mark.parametrize(("good", "rules", "where"), LAST.values(), ids=LAST)
def test_a_turn_that_failed_is_on_record_with_what_it_took(good, rules, where):
    words = iter(["Hm."] * good)

    def reply(_):
        failed = Reply("", "refused", usage={"cost": 0.5, "prompt_tokens": 3}, model="m-2")
        return next((Reply(each, usage={"cost": 0.5}) for each in words), failed)

    agent = ChatAgent(FakeModel(reply))
    judge = ScriptedJudge(agrees=lambda question: len(question.dialogue) >= 3)
    episode = play(Game("g", two_parties(), (agent, agent)), judge, **asdict(rules))
    assert episode.failed == FailedTurn(*where, "refused", {"cost": 0.5, "prompt_tokens": 3}, "m-2")
    assert len(episode.turns) == good
    assert policy_usage([episode]) == summarise([episode]).usage["policy"] == Usage(good + 1, 3, 0, 0.5 * (good + 1))
    assert Episode.from_json(episode.to_json()) == episode


def test_a_line_of_a_game_without_failures_or_endpoints_is_as_it_always_was(episode):
    line = json.loads(episode.to_json())
    assert "failed" not in line
    assert all("model" not in said for said in line["said"])
    named = replace(episode, turns=(replace(episode.turns[0], model="m-1"), *episode.turns[1:]))
    assert [said.get("model") for said in json.loads(named.to_json())["said"]] == ["m-1", None, None]
    assert Episode.from_json(named.to_json()) == named


def test_the_mark_that_closed_a_thought_for_the_model_is_told_in_its_line_alone(episode):
    first, *others = episode.turns
    trace = TokenTrace((1,), (2, 3), (-0.5, 0.0), forced=(1,))
    closed = replace(episode, turns=(replace(first, tokens=trace), *others))
    assert [said["tokens"].get("forced") for said in json.loads(closed.to_json())["said"]] == [[1], None, None]
    assert Episode.from_json(closed.to_json()) == closed


KEYS = {
    "": "id scenario seed rules agents judge said rulings outcome reward prompts tags format",
    "said": "seat task text events raw truncated tokens usage",
    "rulings": "kind turn verdict",
    "outcome": "status turns agreed completion score reason",
}


@pytest.mark.parametrize(("part", "keys"), KEYS.items(), ids=KEYS)
def test_the_names_in_a_line_are_those_that_every_reader_knows_in_their_order(episode, part, keys):
    line = json.loads(episode.to_json())
    found = line[part] if part else line
    assert list(found[0] if isinstance(found, list) else found) == keys.split()


def test_half_a_line_left_by_a_killed_process_is_passed_over(tmp_path, episode):
    path = tmp_path / "episodes.jsonl"
    append_episode(path, episode)
    with path.open("a") as file:
        file.write(episode.to_json()[:40])
    assert list(read_episodes(path)) == [episode]


def test_a_broken_line_is_named(tmp_path, episode):
    path = tmp_path / "episodes.jsonl"
    path.write_text("{}\n")
    with pytest.raises(UserError, match="line 1 is not an episode"):
        list(read_episodes(path))


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(UserError, match="no episode file"):
        list(read_episodes(tmp_path / "episodes.jsonl"))


def test_a_stream_holds_each_episode_once_as_it_was_played_last(tmp_path, episode):
    path = tmp_path / "episodes.jsonl"
    again = replace(episode, seed=7)
    for each in (episode, replace(episode, id="other"), again):
        append_episode(path, each)
    assert [each.id for each in stream_latest(path)] == ["other", "g"]
    assert {each.id: each for each in stream_latest(path)} == latest_episodes(path)


def test_a_log_probability_that_json_cannot_hold_is_kept(tmp_path, episode):
    trace = TokenTrace((1,), (2, 3), (-math.inf, -0.5))
    usage = {"seconds": math.nan, "cost": math.inf}
    told = replace(episode, turns=(replace(episode.turns[0], tokens=trace, usage=usage), *episode.turns[1:]))
    append_episode(tmp_path / "episodes.jsonl", told)
    (found,) = read_episodes(tmp_path / "episodes.jsonl")
    assert found.turns[0].tokens == trace
    assert found.turns[0].usage == {"seconds": None, "cost": None}  # which says that nobody knows
    read_json((tmp_path / "episodes.jsonl").read_bytes())  # strictly


@pytest.mark.parametrize("value", [5.1, -0.1, 1e6])
@pytest.mark.parametrize("name", ["reward", "score"])
def test_a_reward_or_score_that_is_none_is_refused(episode, name, value):
    row = json.loads(episode.to_json())
    (row["outcome"] if name == "score" else row)[name] = value
    with pytest.raises(ValueError, match=f"expected a {name} from 0 to 5"):
        Episode.from_json(json.dumps(row))


@pytest.mark.parametrize("turns", [-1, 4, 10**400])
def test_a_number_of_turns_that_the_rules_do_not_allow_is_refused(episode, turns):
    with pytest.raises(ValueError, match="expected 0 to 3 turns"):
        replace(episode, outcome=replace(episode.outcome, turns=turns))


def test_numbers_that_are_none_are_refused_in_one_line(tmp_path, episode):
    path = tmp_path / "episodes.jsonl"
    path.write_text(episode.to_json().replace('"seed":0', '"seed":NaN') + "\n")
    with pytest.raises(UserError, match=r"line 1 is not an episode of format 1: [^\n]+$"):
        list(read_episodes(path))


def parts(value, place=()):
    """Every place in a JSON value, with what is there."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in inside:
        yield (*place, name), inner
        if name not in ("usage", "details", "tags"):  # anything that JSON has
            yield from parts(inner, (*place, name))


def exchanged(row, place, value):
    """A copy of a JSON value with another one at a place."""
    copy = json.loads(json.dumps(row))
    inside = copy
    for name in place[:-1]:
        inside = inside[name]
    inside[place[-1]] = value
    return copy


def test_everywhere_in_a_record_a_number_is_a_number_a_count_a_whole_one_and_a_switch_a_switch(episode):
    row, tried = json.loads(episode.to_json()), 0
    for place, value in parts(row):
        wrong = {bool: [0, 1, "true"], int: [True, 1.0, "1", "x"], float: [True, "0.5", "x"], str: [1, True]}
        if place[-1] in ("usage", "details", "tags"):
            continue
        for other in wrong.get(type(value), []):
            tried += 1
            with pytest.raises(ValueError, match=r"."):
                Episode.from_json(json.dumps(exchanged(row, place, other)))
    assert tried > 100


@pytest.mark.parametrize("version", [True, 1.0, "1", None, 2, 0, [1], {"1": 1}])
def test_a_version_is_a_whole_number_and_no_other(episode, version):
    row = json.loads(episode.to_json()) | {"format": version}
    with pytest.raises(ValueError, match=rf"its format is {re.escape(repr(version))}, and this version reads 1"):
        Episode.from_json(json.dumps(row))


CONTRADICTIONS = {
    "a reward that is not the score": ({"reward": 1.0}, {}, "by its outcome and rules the reward is 3.0, got 1.0"),
    "a reward of an unscored game": (
        {},
        {"status": "unscored", "score": None},
        "by its outcome and rules the reward is None, got 3.0",
    ),
    "a reward without agreement": ({}, {"status": "no_agreement"}, "the reward is 0.0, got 3.0"),
    "an unscored game that was scored": ({"reward": None}, {}, "the reward is 3.0, got None"),
    "a turn that nobody took": ({}, {"turns": 2}, "tells of 2 turns, and 3 are on record"),
    "an agent too few": ({"agents": ["a"]}, {}, "an agent for each of 2 seats, got 1"),
}


@pytest.mark.parametrize(("fields", "outcome", "told"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_record_that_contradicts_itself_is_refused(fields, outcome, told):
    agent, judge = ScriptedAgent("stubborn"), ScriptedJudge(agrees=lambda question: len(question.dialogue) == 3)
    row = json.loads(play(Game("g", two_parties(), (agent, agent)), judge).to_json())
    assert (row["reward"], row["outcome"]["score"], row["outcome"]["turns"]) == (3.0, 3.0, 3)
    with pytest.raises(ValueError, match=told):
        Episode.from_json(json.dumps(row | fields | {"outcome": row["outcome"] | outcome}))


@pytest.mark.parametrize("seat", [-1, 2])
def test_a_turn_of_nobody_is_refused(episode, seat):
    row = json.loads(episode.to_json())
    row["said"][1]["seat"] = seat
    with pytest.raises(ValueError, match=f"expected seats from 0 to 1, got {seat}"):
        Episode.from_json(json.dumps(row))


@pytest.mark.parametrize(
    "gated", [Rules(max_turns=2, complete_without_agreement=True), Rules(max_turns=2), Rules(max_turns=0)]
)
@pytest.mark.parametrize("agrees", [True, False])
def test_every_ending_of_a_game_is_read_as_it_was_written(agrees, gated):
    agent = ChatAgent(FakeModel(lambda _: Reply("Hm.")))
    judges = [ScriptedJudge(agrees=lambda _: agrees), ScriptedJudge(score=lambda _: None), ScriptedJudge(score=0.0)]
    rewarded = [gated, replace(gated, reward_without_agreement=gated.complete_without_agreement)]
    for judge in judges:
        for rules in rewarded:
            played = play(Game("g", two_parties(), (agent, agent)), judge, **asdict(rules))
            assert Episode.from_json(played.to_json()) == played
