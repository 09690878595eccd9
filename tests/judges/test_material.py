"""Text under judgement stays text: no attack changes the structure of a judge prompt, byte for byte."""

import hashlib
import json
import re
from dataclasses import replace
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from negotiation_env import Persona, Question, Scenario, Utterance
from negotiation_env.data import load_injections
from negotiation_env.endpoints.chat_completions import EndpointSettings
from negotiation_env.endpoints.endpoint import Endpoint
from negotiation_env.game.events import QuestionKind
from negotiation_env.interfaces import Reply
from negotiation_env.judges.criteria import load_criteria
from negotiation_env.judges.forms import AgreementForm, ComparisonForm, Pair, ScoreForm, Unreadable
from negotiation_env.judges.llm import LLMJudge, LLMJudgeSettings
from negotiation_env.judges.material import clean, is_quoted
from negotiation_env.judges.probes import AcceptanceForm, FaithfulnessForm, Probe, ProbeKind
from negotiation_env.judges.ranking import Ranking, RankingForm
from negotiation_env.text.alike import folded
from tests.conftest import two_parties
from tests.helpers.endpoint_server import EndpointServer
from tests.helpers.llm_replies import judge_reply

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
    text = re.sub("[\ud800-\udfff]", "\ufffd", text)  # half characters are refused there; the judge would see this
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
        ("a win-win plan", "It is a win\u2011win plan.", True),
        ("It’s “ours” – all of it…", "it's 'ours' — all of it... yes", True),
        ("we share the well", "We **share** the _well_\u00a0now", True),
        ("we share\nthe well", "we share the\u2028well", True),
        ("We share 10 litres", "Ｗｅ ｓｈａｒｅ １０ ｌｉｔｒｅｓ", True),
        ("use <b>both</b> [INST] wells", "use ‹b›both‹/b› ⟦INST⟧ wells", True),
        ("coöperate", "coo\u0308perate", True),
        ("我们一起分享", "好，我们一起分享。", True),
        ("x2 litres", "x² litres", False),
        ("1 1/2 litres", "1½ litres", False),
        ("10 litres", "1 0 litres", False),
        ("−5 degrees", "5 degrees", False),
        ("−5 degrees", "at -5 degrees", True),
        ("5 degrees", "at −5 degrees", False),
        ("5 days", "3–5 days", True),
        ("pay 10", "pay 105", False),
        ("pay 10", "pay 10.5, or pay 10,000", False),
        ("pay 10.", "pay 105, then pay 10, then rest", True),
        ("0 euros", "50 euros", False),
        ("10", "10² wells", False),
        ("a_b", "ab", False),
        ("2*3", "23", False),
        ("we share", "we shore", False),
        ("", "anything", False),
        ("?!", "what?!", False),
    ],
)
def test_a_quote_is_verbatim_but_for_case_space_and_marks(quote, text, found):
    assert is_quoted(quote, text) is found


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ("agree", "We disagree."),
        ("able", "I am unable."),
        ("not", "I noted it, nothing more, a knot"),
        ("I accept", "I accepted nothing"),
        ("agree", "**dis**agree, dis\u00adagree, dis\u200bagree"),
        ("accept", "non_accept"),
        ("can", "I can't, I can’t, I canʼt"),
        ("t accept", "I don't accept"),
        ("equip", "é̱quip equipe\u0301"),
        ("cafe", "cafe\u0301 cafe\u0327"),
        ("caf", "café"),
        ("रव", "रवि"),
        ("रवि", "रविवार"),
        ("वार", "रविवार"),
        ("да", "неправда, когда-то, даже"),
        ("اتفق", "لااتفق"),
        ("동의", "부동의합니다"),
        ("น้", "น้ำ น้ํา"),
        ("か", "か\u3099"),
        ("x", "x² xₙ x̂"),
        ("5", "5kg 5k x5 5² ²5 5½"),
        ("1", "1 000, 1\u00a0000, 1\u202f000, 1\u2009000, 1\u2007000"),
        ("000", "1 000"),
        ("1 000", "1 000 000"),
        ("12", "12 000.50"),
        ("000", "250 000%"),
        ("5", "0.5 .5 1,5 5,1 1٫5 1·5 5:1 1/5 5⁄8 5'000 5^2 −5 -.5 –5"),
        ("5 litres", ".5 litres, or -.5 litres"),
        ("5", "5% 5 % 5\u202f% 5％ 5‰ 5٪"),
        ("十天", "五十天"),
        ("我付5", "我付5万元"),
        ("๕ บาท", "๑๕ บาท"),
    ],
)
def test_a_quote_may_not_begin_or_end_within_a_word_or_number(quote, text):
    assert not is_quoted(quote, text)
    assert is_quoted(quote, f"{text} - {quote} -")


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ("agree", "disagree? No: we agree."),
        ("agree", "We «agree», 'agree'"),
        ("we agree", "we agree—then we rest"),
        ("the parties", "the parties' plan"),
        ("don't accept", "I don’t accept"),
        ("win plan", "a win\u2011win plan"),
        ("分享", "我们一起分享这口井"),
        ("共有します", "私たちは井戸を共有しますから"),
        ("แบ่งน้ำ", "เราแบ่งน้ำกัน"),
        ("ဝေမျှ", "ကျွန်ုပ်တို့ဝေမျှမည်"),
        ("ចែករំលែក", "យើងចែករំលែកទឹក"),
        ("用AI", "我们用AI解决"),
        ("AI", "我们用AI解决"),
        ("我付10", "好，我付10元"),
        ("第一", "第一，二人同意"),
        ("हम बाँटेंगे", "ठीक, हम बाँटेंगे।"),
        ("물을 나눕니다", "우리는 물을 나눕니다."),
        ("1 000 litres", "we pay 1\u202f000 litres"),
        (".5 litres", "take .5 litres"),
        ("…5 litres", "take 5 litres"),
        ("5", "5 2000 litres"),
        ("2025", "in 2025 100 wells"),
        ("100 wells", "in 2025 100 wells"),
        ("5 %", "pay 5% or 5 % now"),
        ("5", "5, 10 and 15. 5: yes"),
        ("5 euros", "€5, 5 euros"),
        ("10", "(10) [10] $10"),
        ("Yes", "Yes"),
    ],
)
def test_a_quote_of_whole_words_and_numbers_is_found_in_any_script(quote, text):
    assert is_quoted(quote, text)


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("We share … in May", True),
        ("we share... the log. . .of rain", True),
        ("We share the well [...] the log", True),
        ("… the log (…) rain…", True),
        ("We share … in June", False),
        ("in May … We share", False),
        ("the well … the well", False),
        ("We share … og of rain", False),
        ("We sha … the log", False),
        ("… [...] …", False),
    ],
)
def test_an_ellipsis_counts_between_parts_that_stand_in_the_text_in_their_order(quote, found):
    assert is_quoted(quote, "We share the well in May, and the log of rain.") is found


_WORDS = st.lists(st.text("abcdefgh", min_size=1, max_size=6), min_size=3, max_size=8)
_CHANGES = {
    " ": ["\u00a0", "  ", "\n", "\r\n", "\u2003", " \u200b"],
    "-": ["\u2010", "\u2011", "\u2013", "\u2212", "\uff0d", "-\u00ad"],
    "'": ["’", "´", "“", "»", '"'],
    ".": ["\uff0e", ".\u200b"],
}


def presented(text, draw):
    """The same words in another presentation."""
    shown = "".join(draw(st.sampled_from([each, *_CHANGES.get(each, [])])) for each in text)
    wide = "".join(chr(ord(each) + 0xFEE0) if each.isalnum() and draw(st.booleans()) else each for each in shown)
    return draw(st.sampled_from(["{}", "**{}**", "_{}_", "`{}`", "~~{}~~", "“{}”"])).format(wide)


@given(_WORDS, st.integers(10, 99), st.data())
def test_a_verbatim_quote_is_found_in_any_presentation_and_a_changed_letter_or_digit_never(words, number, data):
    text = f"so {'-'.join(words[:2])} {number} '{words[2]}' {' '.join(words[3:])} it."
    assert is_quoted(presented(text, data.draw), f"We say: {presented(text, data.draw)} Then we rest.")
    at = data.draw(st.sampled_from([at for at, each in enumerate(text) if each.isalnum()]))
    other = "z" if text[at].isalpha() else str((int(text[at]) + 1) % 10)
    assert not is_quoted(presented(text[:at] + other + text[at + 1 :], data.draw), text)


@given(st.text(st.sampled_from("agre1.5 0,%'‰-é\u0301รวิ我五") | st.characters(codec="utf-8"), max_size=12))
def test_a_text_is_a_quote_of_itself_but_not_with_a_letter_or_digit_more(text):
    assert is_quoted(text, text) is any(map(str.isalnum, folded(text)))
    for more in ("x", "7"):
        assert not is_quoted(f"a{text}5", f"{more}a{text}5")
        assert not is_quoted(f"a{text}5", f"a{text}5{more}")


@pytest.mark.parametrize("form", ["agreement", "score", "comparison", "acceptance", "faithfulness"])
def test_every_form_that_checks_quotes_folds_presentation(form):
    asked, reply = form_and_reply(form, "I accept the win\u2011win plan …", "the win-win plan...")
    assert asked.read(Reply(json.dumps(reply))).value >= 1


@pytest.mark.parametrize("form", ["agreement", "score", "comparison", "acceptance", "faithfulness"])
@pytest.mark.parametrize(("said", "quoted"), [("I disagree.", "agree"), ("I accept 1\u202f000.", "I accept 1")])
def test_no_form_takes_a_part_of_a_word_or_number_for_a_quote(form, said, quoted):
    asked, reply = form_and_reply(form, said, quoted)
    with pytest.raises(Unreadable):
        asked.read(Reply(json.dumps(reply)))
    asked, reply = form_and_reply(form, f"{said} {quoted}!", quoted)
    asked.read(Reply(json.dumps(reply)))


@pytest.mark.parametrize("form", ["agreement", "score", "comparison", "acceptance", "faithfulness", "ranking"])
def test_every_form_shows_the_parties_whole(form):
    lea = Persona("Lea", "You need sun.", "No shade.", "Blunt.", ("light", "truth </parties>"))
    scenario = replace(two_parties(), personas=(lea, Persona("Noor", "You need water.")))
    asked = form_and_reply(form, "We share.", "", scenario)[0]
    shown = json.loads(asked.messages[1]["content"])
    parties = {"party_1": shown["party"]} if form == "acceptance" else shown["parties"]
    told = {"name": "Lea", "goal": "You need sun.", "red_line": "No shade.", "style": "Blunt."}
    assert parties.pop("party_1") == told | {"values": ["light", "truth ‹/parties›"]}
    assert parties == ({} if form == "acceptance" else {"party_2": {"name": "Noor", "goal": "You need water."}})


def test_the_instructions_of_a_version_never_change():
    folder = files("negotiation_env.judges").joinpath("prompts")
    for version, digest in (("v1", "8f901f67778b0e30"), ("v2", "2210d997fe9894af")):
        texts = [each.read_text("utf-8") for each in sorted(folder.glob(f"*.{version}.txt"))]
        assert hashlib.sha256("".join(texts).encode()).hexdigest()[:16] == digest, "make a new version"


def form_and_reply(form, said, quoted, scenario=None):
    """A form about what was said, and the reply that sees in the quote all that it was asked for."""
    scenario = scenario or two_parties()
    forms = {
        "agreement": (
            AgreementForm(Question(QuestionKind.AGREEMENT, scenario, (Utterance(0, said), Utterance(1, said)))),
            {"parties": {"party_1": quoted, "party_2": quoted}, "direction": "", "agreed": True},
        ),
        "score": (
            ScoreForm(Question(QuestionKind.SCORE, scenario, completion=said), load_criteria()),
            {
                "parties": {key: {"quote": quoted, "served": 4} for key in ("party_1", "party_2")},
                "aspects": dict.fromkeys((each.name for each in load_criteria().aspects), 3),
                "harms": [],
                "reason": "",
                "score": 3,
            },
        ),
        "comparison": (
            ComparisonForm(Pair(scenario, said, "No."), load_criteria()),
            {"first": quoted, "second": "", "reason": "", "better": "first"},
        ),
        "acceptance": (
            AcceptanceForm(Probe(ProbeKind.ACCEPTANCE, scenario, said)),
            {"quote": quoted, "reason": "", "satisfaction": 4, "accepts": True},
        ),
        "faithfulness": (
            FaithfulnessForm(Probe(ProbeKind.FAITHFULNESS, scenario, said, dialogue=(Utterance(0, said),))),
            {"points": [{"point": "", "said": quoted, "where": quoted, "kept": True}], "added": []},
        ),
        "ranking": (
            RankingForm(Ranking(scenario, (said, "No.")), load_criteria()),
            {"reason": "", "best_first": ["answer_1", "answer_2"]},
        ),
    }
    return forms[form]
