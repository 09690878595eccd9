"""Expected values out of log-probabilities, at the real HTTP boundary and as values."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negotiation_env import Reply
from negotiation_env.interfaces import Alternatives
from negotiation_env.judges.expected import expected_level, probability_of_true
from tests.endpoints.test_chat_completions import answer
from tests.endpoints.test_log_probabilities import SPELLINGS, pieces_of, told
from tests.helpers.arbitrary_json import json_values
from tests.helpers.endpoint_server import EndpointServer
from tests.judges.test_llm import ANSWER, SCORE, judge_at, replying, served

TORN = [{"token": "3", "logprob": math.log(0.5)}, {"token": "4", "logprob": math.log(0.5)}]


def torn(reason, spelling, alternatives=TORN):
    """A judge that is torn between 3 and 4 and says 3, for that reason."""
    parties = {"party_1": served(5), "party_2": served(5)}
    aspects = dict.fromkeys(("knowledge", "benevolence", "power", "vitality"), 3)

    def answered(asked):
        good = json.loads(replying(parties=parties, aspects=aspects)(asked))
        text = json.dumps(good | {"reason": reason, "score": 3}, ensure_ascii=False)
        logprobs = told(pieces_of(text, 2), spelling)
        logprobs["content"][-2]["top_logprobs"] = alternatives
        return answer(text, logprobs=logprobs)

    return answered


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("reason", ["fair", "fair 🙂", "公平", "справедливо 👨‍👩‍👧"])
def test_the_expected_score_is_the_same_in_every_language(reason, spelling):
    with EndpointServer(torn(reason, spelling)) as server:
        verdict = judge_at(server).judge([SCORE])[0]
    assert verdict.details["levels"]["score"] == pytest.approx(3.5)
    assert verdict.reason == reason


@pytest.mark.parametrize("wrong", [math.nan, math.inf, 0.5, 709.0, 1000.0, None])
def test_a_log_probability_that_is_none_never_makes_a_score(wrong):
    without_said = [{"token": "3", "logprob": wrong}, {"token": "4", "logprob": -1.0}]
    without_other = [{"token": "3", "logprob": -1.0}, {"token": "4", "logprob": wrong}]
    for alternatives in (without_said, without_other):
        with EndpointServer(torn("fair", SPELLINGS[0], alternatives)) as server:
            verdict = judge_at(server).judge([SCORE])[0]
        assert verdict.details["levels"]["score"] == 3.0


def reply(text, logprobs, at):
    tokens = [Alternatives(token, logprobs if place == at else {}) for place, token in enumerate(text)]
    return Reply("".join(text), alternatives=tuple(tokens))


def test_a_token_that_holds_more_than_the_level_tells_no_expected_value():
    logprobs = {"3}": math.log(0.6), "4": math.log(0.3)}
    assert expected_level(reply(['{"score": ', "3}"], logprobs, 1), "score") is None
    assert expected_level(reply(['{"score":', ' "3', "}"], {' "3': -0.1}, 1), "score") == 3.0


def test_models_that_are_no_endpoint_may_tell_what_is_no_log_probability():
    logprobs = {"true": math.log(0.3), "false": math.log(0.1), "t": 1000.0, "f": math.nan}
    assert probability_of_true(reply(['{"agreed": ', "true", "}"], logprobs, 1), "agreed") == pytest.approx(0.75)
    assert expected_level(reply(['{"score": ', "3", "}"], {"3": 1000.0, "4": -0.1}, 1), "score") is None


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["3", " 4", "5", "x", ""]), st.one_of(st.floats(), json_values())))
def test_whatever_is_told_an_expected_level_is_on_the_scale(logprobs):
    level = expected_level(reply(['{"score": ', "3", "}"], logprobs, 1), "score")
    assert level is None or 0 <= level <= 5


@pytest.mark.parametrize("first", [5, 1])
def test_a_reply_that_gives_two_scores_is_no_score(first):
    def twice(asked):
        return replying(score=6 - first)(asked).replace('"parties"', f'"score": {first}, "parties"', 1)

    with EndpointServer(twice, logprobs={}) as server:
        verdict = judge_at(server, attempts=1).judge([SCORE])[0]
    assert verdict.value is None
    assert "'score' stands twice" in verdict.reason


@pytest.mark.parametrize("blank", ["", " \n", None])
def test_a_judge_that_says_nothing_leaves_its_question_unscored(blank):
    with EndpointServer(lambda _: answer(blank)) as server:
        verdict = judge_at(server).judge([SCORE])[0]
    assert verdict.value is None
    assert "holds no text" in verdict.reason


@pytest.mark.parametrize("reason", ["content_filter", "error", "abort", "tool_calls"])
def test_a_verdict_that_was_not_generated_to_its_end_is_unscored(reason):
    whole = replying(parties={"party_1": served(5, ANSWER), "party_2": served(5, ANSWER)})
    with EndpointServer(lambda asked: answer(whole(asked), finish_reason=reason)) as server:
        verdict = judge_at(server).judge([SCORE])[0]
    assert verdict.value is None
    assert reason in verdict.reason
