import json
import re
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negotiation_env import ChatRequest, Reply, Sampling, ScriptedJudge
from negotiation_env.agents.chat import ChatAgent
from negotiation_env.agents.models.fake import FakeModel
from negotiation_env.endpoints.recording import Recorder, Replayer, read_reply, sound, writable, write_reply
from negotiation_env.environment.episode import Episode
from negotiation_env.episodes.evaluate import seat_agents
from negotiation_env.episodes.runner import Game, play
from negotiation_env.errors import UserError
from negotiation_env.game.events import JudgeCall, Verdict
from negotiation_env.interfaces import Alternatives, TokenTrace
from negotiation_env.judges.specs import resolve_judge
from tests.conftest import two_parties
from tests.helpers.arbitrary_json import json_texts, json_values
from tests.helpers.endpoint_server import EndpointServer
from tests.helpers.llm_replies import judge_reply

ASK = ChatRequest(({"role": "user", "content": "Grüß Gott 你好"},), Sampling(), schema={"type": "object"})


def never():
    raise AssertionError("a replay must not make the model")


def test_a_reply_comes_back_whole(tmp_path):
    trace = TokenTrace((1, 2), (3, 4), (-0.5, 0.0), fresh=False, forced=(1,))
    reply = Reply("Hi.", truncated=True, tokens=trace, usage={"seconds": 0.5}, model="m-1", thought="Hm.")
    Recorder(tmp_path / "tape").model("m", lambda: FakeModel(lambda _: reply)).chat([ASK])
    assert Replayer(tmp_path / "tape").model("m", never).chat([ASK]) == [reply]


@pytest.mark.parametrize("tokens", [None, TokenTrace((1,), (2,), (-0.5,))])
def test_of_a_reply_without_a_thought_and_its_mark_none_is_written(tokens):
    reply = Reply("Hi.", tokens=tokens)
    assert not {"thought", "forced"} & {*re.findall(r"\w+", write_reply(reply))}
    assert read_reply(write_reply(reply)) == reply


def test_a_reply_with_a_lone_surrogate_or_a_line_separator_is_recorded_as_it_is_given(tmp_path):
    said = "half \ud83d and\u2028next"
    reply = Reply(said, alternatives=(Alternatives("\ud83d", {"\ud83d": -0.1}),))
    given = Recorder(tmp_path / "tape").model("m", lambda: FakeModel(lambda _: reply)).chat([ASK])
    assert given == [Reply("half \\ud83d and\u2028next")]
    assert Replayer(tmp_path / "tape").model("m", never).chat([ASK]) == given


NO_NUMBERS = [float("nan"), float("inf"), float("-inf")]


@pytest.mark.parametrize("bad", NO_NUMBERS)
def test_what_has_no_finite_number_is_dropped_as_it_arrives(tmp_path, bad):
    tokens = (Alternatives("3", {"3": -0.1, "x": bad, "\ud83d": -9.0}), Alternatives("}", {"}": bad}))
    reply = Reply("3}", usage={"cost": bad, "prompt_tokens": 3, "by": object()}, model="m\ud83d", alternatives=tokens)
    given = Recorder(tmp_path / "tape").model("m", lambda: FakeModel(lambda _: reply)).chat([ASK])
    kept = (Alternatives("3", {"3": -0.1}), Alternatives("}", {}))
    assert given == [Reply("3}", usage={"prompt_tokens": 3}, model="m\\ud83d", alternatives=kept)]
    assert Replayer(tmp_path / "tape").model("m", never).chat([ASK]) == given


@pytest.mark.parametrize("bad", NO_NUMBERS)
def test_a_reply_whose_sampled_token_has_no_finite_log_probability_has_failed_and_its_game_is_unscored(bad):
    drawn = Reply("Hi.", tokens=TokenTrace((1,), (2, 3), (-0.1, bad)), usage={"prompt_tokens": 3})
    assert read_reply(write_reply(drawn)) == sound(drawn) == Reply("", sound(drawn).error, usage={"prompt_tokens": 3})
    agent = ChatAgent(FakeModel(lambda _: drawn))
    episode = play(Game("g", two_parties(), seat_agents([agent], 2)), ScriptedJudge())
    assert (episode.outcome.status, episode.turns) == ("unscored", ())
    assert "no finite number" in episode.outcome.reason
    assert Episode.from_json(episode.to_json()) == episode


def test_an_agent_s_failure_and_usage_that_no_file_can_hold_do_not_cost_the_record():
    class Own:
        name = "own"

        def act(self, requests):
            return [Reply("", "half \ud83d", usage={"cost": 0.5, "tool": {1, 2}, ("a",): 1}) for _ in requests]

    episode = play(Game("g", two_parties(), (Own(), Own())), ScriptedJudge())
    assert episode.outcome.reason == "the agent failed: half \\ud83d"
    assert Episode.from_json(episode.to_json()) == episode


class Loose:
    """Gives what is only like what it should give: NumPy's numbers, 1 for True, lists for tuples."""

    name = "loose"

    def act(self, requests):
        trace = TokenTrace([np.int64(1), True], (np.int32(2),), np.array([-0.5], dtype=np.float32), fresh=1)
        return [Reply("Hm.", truncated=0, tokens=trace) for _ in requests]

    def judge(self, questions):
        calls = (JudgeCall(({"role": "user", "content": "?"},), cached=1),)
        return [Verdict(np.float64(1.0), self.name, calls=calls) for _ in questions]


def test_what_is_only_like_a_reply_or_verdict_is_on_record_as_what_it_is_like():
    loose = Loose()
    episode = play(Game("g", two_parties(), (loose, loose)), loose)
    assert episode.turns[0].tokens == TokenTrace((1, 1), (2,), (-0.5,))
    assert Episode.from_json(episode.to_json()) == episode


@pytest.mark.parametrize("ids", [(1.5,), ("1",), (None,)])
def test_a_trace_of_what_is_no_token_has_failed(ids):
    assert "no finite number" in sound(Reply("Hm.", tokens=TokenTrace(ids, (1,), (-0.5,)))).error
    assert "no finite number" in sound(Reply("Hm.", tokens=TokenTrace((1,), ids, (-0.5,)))).error


GOOD = {"text": "3", "tokens": None, "usage": {"cost": 0.5}, "alternatives": [{"text": "3", "logprobs": {"3": -0.1}}]}


@given(json_values(), json_values(), st.floats(), st.text())
def test_whatever_a_model_reports_is_read_as_it_was_written(usage, other, number, text):
    found = {"a": usage, text: other, "n": number}
    reply = Reply("3", usage=found, model=text, alternatives=(Alternatives("3", {text: number}),))
    assert read_reply(write_reply(reply)) == writable(reply)
    assert writable(writable(reply)) == writable(reply)


@given(json_texts(GOOD))
def test_what_is_read_is_a_reply_or_a_value_error(line):
    with suppress(ValueError):
        assert isinstance(read_reply(line), Reply)


def test_equal_requests_get_their_replies_in_order_and_then_the_last(tmp_path):
    said = iter(["one", "two"])
    Recorder(tmp_path / "tape").model("m", lambda: FakeModel(lambda _: next(said))).chat([ASK, ASK])
    again = Replayer(tmp_path / "tape").model("m", never).chat([ASK] * 3)
    assert [reply.text for reply in again] == ["one", "two", "two"]


def test_a_request_that_was_never_recorded_is_told(tmp_path):
    Recorder(tmp_path / "tape").model("m", FakeModel).chat([ASK])
    model = Replayer(tmp_path / "tape").model("m", never)
    with pytest.raises(UserError, match="holds no such request"):
        model.chat([replace(ASK, seed=7)])


def test_a_recording_is_not_overwritten_and_another_file_is_told(tmp_path):
    (tmp_path / "tape").write_text("hello\n")
    with pytest.raises(UserError, match="exists"):
        Recorder(tmp_path / "tape")
    with pytest.raises(UserError, match="no recording"):
        Replayer(tmp_path / "tape")


def test_a_game_with_its_judge_replays_without_network(tmp_path):
    def game(traffic, judge):
        agent = ChatAgent(traffic.model("policy", FakeModel))
        return play(Game("g", two_parties(), seat_agents([agent], 2), seed=3), judge)

    with EndpointServer(judge_reply) as server:
        spec = f"openai:m@{server.url}"
        recorder = Recorder(tmp_path / "tape")
        live = game(recorder, resolve_judge(spec, recorder))
        asked = len(server.bodies)
        assert asked >= 2
    replayer = Replayer(tmp_path / "tape")  # the server is gone
    assert game(replayer, resolve_judge(spec, replayer)) == live
    assert len((tmp_path / "tape").read_text().splitlines()) == asked + len(live.turns)


def test_no_key_is_recorded(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with EndpointServer(judge_reply) as server:
        recorder = Recorder(tmp_path / "tape")
        judge = resolve_judge(f"openai:m@{server.url}", recorder)
        play(Game("g", two_parties(), seat_agents([ChatAgent(FakeModel())], 2)), judge)
    assert server.keys[0] == "Bearer sk-secret"
    assert "sk-secret" not in (tmp_path / "tape").read_text()
    assert json.loads((tmp_path / "tape").read_text().splitlines()[0])["model"].startswith("openai:m@")


def test_a_recording_that_another_run_goes_on_with_answers_with_what_was_said_last(tmp_path):
    tape, others = tmp_path / "tape", replace(ASK, seed=1)

    def record(words, asks, **more):
        said = iter(words)
        return Recorder(tape, **more).model("m", lambda: FakeModel(lambda _: next(said))).chat(asks)

    record(["one", "kept"], [ASK, others], resume=True)  # a new file can be gone on with too
    record(["two", "three"], [ASK, ASK], resume=True)
    record(["four"], [replace(ASK, seed=2)], resume=True)
    again = Replayer(tape).model("m", never).chat([ASK, ASK, ASK, others, replace(ASK, seed=2)])
    assert [reply.text for reply in again] == ["two", "three", "three", "kept", "four"]
    with pytest.raises(UserError, match=r"exists; go on with --resume, record into another file, or remove it"):
        Recorder(tape)


def test_an_empty_recording_does_not_block_the_next_and_other_files_stay_as_they_are(tmp_path):
    Recorder(tmp_path / "tape")  # whose endpoint was not there
    assert Recorder(tmp_path / "tape").model("m", FakeModel).chat([ASK])
    for content in ("hello", "hello\n", '{"key": 1}\n', '{"a": 1}'):
        (tmp_path / "notes").write_text(content)
        for resume in (False, True):
            with pytest.raises(UserError, match=r"exists; go on|is no recording made with --record"):
                Recorder(tmp_path / "notes", resume=resume)
        assert (tmp_path / "notes").read_text() == content


def test_a_recording_that_is_a_link_or_not_there_is_told(tmp_path):
    (tmp_path / "tape").symlink_to(tmp_path / "target")
    with pytest.raises(UserError, match="is a link"):
        Recorder(tmp_path / "tape")
    assert not (tmp_path / "target").exists()
    with pytest.raises(UserError, match="no recording"):
        Replayer(tmp_path / "none")
