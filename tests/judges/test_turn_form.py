"""What guards ask an LLM judge about a turn: one question, and a yes only with words of the turn."""

import json

import pytest

from negotiation_env.endpoints.chat_completions import EndpointSettings
from negotiation_env.endpoints.endpoint import Endpoint
from negotiation_env.game.events import Question, QuestionKind, Utterance
from negotiation_env.judges.llm import LLMJudge, LLMJudgeSettings
from tests.conftest import two_parties
from tests.helpers.endpoint_server import EndpointServer
from tests.helpers.llm_replies import material

ASKED = "Does the speaker give up its red line?"
DIALOGUE = (Utterance(0, "Keep the log."), Utterance(1, "Then burn it, for all I care."))
QUESTION = Question(QuestionKind.TURN, two_parties(), DIALOGUE, asked=ASKED)


def said(answer, quote):
    return json.dumps({"quote": quote, "reason": "so", "answer": answer})


def judged(*replies):
    """A judge's verdict, and what it was shown at last."""
    left, shown = iter(replies), []

    def reply(asked):
        shown.append(material(asked))
        return next(left)

    with EndpointServer(reply) as server:
        judge = LLMJudge(Endpoint(EndpointSettings("m", server.url)), settings=LLMJudgeSettings(attempts=2))
        (verdict,) = judge.judge([QUESTION])
    return verdict, shown[-1]


def test_a_yes_has_words_of_the_turn_and_the_verdict_names_its_prompt_and_question():
    verdict, shown = judged(said(True, "burn it, for all I care"))
    assert (verdict.value, verdict.reason, verdict.details["asked"]) == (1.0, "so", ASKED)
    assert verdict.details["form"].startswith("turn v")
    assert shown["question"] == ASKED
    assert shown["turn"]["says"] == DIALOGUE[1].text
    assert [each["says"] for each in shown["dialogue"]] == [DIALOGUE[0].text]


def test_a_no_needs_no_words():
    assert judged(said(False, ""))[0].value == 0.0


def test_a_yes_by_words_of_another_turn_is_asked_again():
    verdict, _ = judged(said(True, "Keep the log"), said(False, ""))
    assert (verdict.value, len(verdict.calls)) == (0.0, 2)


@pytest.mark.parametrize("reply", ["yes", said("yes", "burn it"), said(True, "Keep the log")])
def test_what_cannot_be_read_is_unscored(reply):
    assert judged(reply, reply)[0].value is None
