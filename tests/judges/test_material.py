"""Text under judgement stays text: no attack changes the structure of a judge prompt, byte for byte."""

import json

import pytest

from negotiation_env import Persona, Question, Scenario, Utterance
from negotiation_env.chat_completions import EndpointSettings
from negotiation_env.data import load_injections
from negotiation_env.endpoint import Endpoint
from negotiation_env.events import QuestionKind
from negotiation_env.judges.forms import Pair
from negotiation_env.judges.llm import LLMJudge, LLMJudgeSettings
from negotiation_env.judges.material import clean, is_quoted
from tests.conftest import two_parties
from tests.endpoint_server import EndpointServer
from tests.llm_replies import judge_reply

INJECTIONS = load_injections()
HARMLESS = "Nothing to see here."
TEMPLATE_TOKENS = ("<|", "|>", "[INST]", "[/INST]", "<<SYS", "<start_of_turn>", "</s>", "<｜")


def agreement(text):
    return Question(QuestionKind.AGREEMENT, two_parties(), (Utterance(0, "Hello."), Utterance(1, text)))


def score(text):
    return Question(QuestionKind.SCORE, two_parties(), completion=text)


def scored_with_dialogue(text):
    return Question(QuestionKind.SCORE, two_parties(), (Utterance(0, text), Utterance(1, text)), text)


def hostile_scenario(text):
    personas = (Persona("Lea " + text, text), Persona("Noor", "You need water.", red_line=text))
    return Question(QuestionKind.SCORE, Scenario("s", text, personas), completion="We share.")


def sent(questions, pairs=()):
    """The exact bytes that a judge sends for each question and pair."""
    with EndpointServer(judge_reply) as server:
        endpoint = Endpoint(EndpointSettings("m", server.url, concurrency=1))
        judge = LLMJudge(endpoint, settings=LLMJudgeSettings(attempts=1))
        judge.judge(questions)
        judge.compare(pairs)
    return server.bodies


def encoded(text):
    """A text as it stands inside the user's message, which is JSON inside the JSON of the body."""
    inner = json.dumps(clean(text), ensure_ascii=False).replace("<", "\\u003c").replace(">", "\\u003e")
    return json.dumps(inner, ensure_ascii=False)[3:-3].encode()


def test_there_are_at_least_a_hundred_attacks():
    assert len(INJECTIONS) >= 100


@pytest.mark.parametrize("question", [agreement, score, scored_with_dialogue, hostile_scenario])
def test_no_attack_changes_a_byte_outside_its_own_string(question):
    texts = [HARMLESS, *(f"{HARMLESS} {attack.text}" for attack in INJECTIONS)]
    harmless, *attacked = sent([question(text) for text in texts])
    for text, body in zip(texts[1:], attacked, strict=True):
        assert encoded(text) in body
        assert body.replace(encoded(text), encoded(HARMLESS)) == harmless


def test_no_attack_changes_a_comparison_outside_its_own_string():
    texts = [HARMLESS, *(f"{HARMLESS} {attack.text}" for attack in INJECTIONS)]
    harmless, *attacked = sent([], [Pair(two_parties(), text, "We share.") for text in texts])
    for text, body in zip(texts[1:], attacked, strict=True):
        assert body.replace(encoded(text), encoded(HARMLESS)) == harmless


def test_no_attack_leaves_a_control_token_in_what_is_sent():
    for body in sent([score(attack.text) for attack in INJECTIONS] + [agreement(a.text) for a in INJECTIONS]):
        messages = json.loads(body)["messages"]
        assert [message["role"] for message in messages] == ["system", "user"]
        assert not any(token in messages[1]["content"] for token in TEMPLATE_TOKENS)
        assert set(json.loads(messages[1]["content"])) <= {"dilemma", "parties", "dialogue", "answer"}


def test_ordinary_text_reaches_the_judge_as_it_is():
    body = sent([score("Über “alles”: 5 < 6, 水 🙂 and $100 {each}.\n- a\n- b")])[0]
    shown = json.loads(json.loads(body)["messages"][1]["content"])
    assert shown["answer"] == "Über “alles”: 5 < 6, 水 🙂 and $100 {each}.\n- a\n- b"


def test_the_judge_sees_a_long_answer_whole():
    assert clean("word " * 5000) == ("word " * 5000).strip()


@pytest.mark.parametrize(
    ("quote", "text", "found"),
    [
        ("we share", "Then WE  share it.", True),
        ("“we” share.", 'so "we" share it', True),
        ("we share all", "we share it", False),
        ("", "anything", False),
        ("?!", "what?!", False),
    ],
)
def test_a_quote_is_verbatim_but_for_case_space_and_marks(quote, text, found):
    assert is_quoted(quote, text) is found
