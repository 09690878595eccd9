"""A judge that thinks before it replies: its thoughts are taken off, are no evidence, and stay on record."""

import json

import pytest

from negotiation_env import Reply
from negotiation_env.agents.models.fake import FakeModel
from negotiation_env.interfaces import Alternatives
from negotiation_env.judges.cache import ReplyCache
from negotiation_env.judges.forms import as_read
from negotiation_env.judges.llm import LLMJudge
from tests.endpoints.test_chat_completions import answer
from tests.helpers.endpoint_server import EndpointServer
from tests.helpers.llm_replies import judge_reply, level_of
from tests.judges.test_llm import ANSWER, SCORE, judge_at, replying, served

HM = 'Perhaps {"score": 5}? "agreed": true'


def with_field(asked):
    return answer(judge_reply(asked), message={"reasoning_content": HM})


WAYS = (
    lambda asked: f"<think>\n{HM}\n</think>\n\n{judge_reply(asked)}",
    lambda asked: f"{HM[8:]}</think>{judge_reply(asked)}"[1:],
    lambda asked: f"[THINK]{HM}[/THINK]{judge_reply(asked)}",
    with_field,
)


@pytest.mark.parametrize("answered", WAYS)
def test_a_thinking_judge_scores_as_it_would_without_and_its_thoughts_are_on_record(answered):
    with EndpointServer(answered) as server:
        verdict = judge_at(server).judge([SCORE])[0]
    assert verdict.value == level_of(ANSWER)
    assert len(verdict.calls) == 1
    assert '"score": 5}?' in verdict.calls[0].reply


def test_a_judge_that_only_thinks_says_nothing_and_is_told_so():
    with EndpointServer(lambda _: answer(None, message={"reasoning": HM}, finish_reason="length")) as server:
        verdict = judge_at(server).judge([SCORE])[0]
    assert (verdict.value, verdict.reason) == (None, "the reply is nothing but thoughts; allow more tokens")
    assert [call.reply for call in verdict.calls] == [f"<think>{HM}</think>\n"] * 3


def test_words_that_stand_only_in_a_thought_are_no_evidence():
    invented = served(5, "We abolish the well")
    reply = replying(parties={"party_1": invented, "party_2": invented}, score=5)
    with EndpointServer(lambda asked: f"<think>We abolish the well</think>{reply(asked)}") as server:
        verdict = judge_at(server).judge([SCORE])[0]
    assert verdict.value is None
    assert "words that are not in the answer" in verdict.reason


def test_log_probabilities_of_a_thinking_judge_count_where_it_speaks():
    parties = {"party_1": served(5), "party_2": served(5)}
    aspects = dict.fromkeys(("knowledge", "benevolence", "power", "vitality"), 3)
    reply = replying(parties=parties, aspects=aspects, score=3)
    with EndpointServer(
        lambda asked: f'<think>"score": 1, "score": 3</think>\n{reply(asked)}', logprobs={"3": {"3": 0.5, "4": 0.5}}
    ) as server:
        verdict = judge_at(server).judge([SCORE])[0]
    assert verdict.details["levels"]["score"] == pytest.approx(3.5)


def test_a_token_that_ends_a_thought_and_begins_the_words_is_cut():
    whole = '<think>hm</think>{"score": 3}'
    pieces = ("<think>", "hm", "</think>{", '"score"', ": ", "3", "}")
    reply = Reply(whole, alternatives=tuple(Alternatives(piece, {piece: -0.5}) for piece in pieces)).spoken
    assert [each.text for each in reply.alternatives] == ["{", '"score"', ": ", "3", "}"]
    assert (reply.text, reply.thought) == ('{"score": 3}', "hm")


def test_a_reply_that_begins_as_it_has_to_is_taken_as_it_came():
    reply = Reply(json.dumps({"reason": "It says </think> and no more."}))
    assert as_read(reply) is reply


def test_a_thinking_judge_s_reply_is_kept_whole_and_read_again(tmp_path):
    asked = []
    model = FakeModel(lambda request: asked.append(request) or Reply(good(request), thought=HM))

    def good(request):
        schema = {"json_schema": {"schema": request.schema}}
        return f"<think>{HM}</think>" + judge_reply({"messages": request.messages, "response_format": schema})

    first, again = (LLMJudge(model, cache=ReplyCache(tmp_path / "c")).judge([SCORE])[0] for _ in range(2))
    assert len(asked) == 1
    assert (again.value, again.calls[0].reply) == (first.value, first.calls[0].reply)
    assert again.calls[0].cached
