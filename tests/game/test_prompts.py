import re
from dataclasses import replace
from importlib.resources import files
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from negotiation_env import Persona, Scenario
from negotiation_env.errors import UserError
from negotiation_env.game.chats import brief, completion_request, conversation, single_agent_chat
from negotiation_env.game.events import Utterance
from negotiation_env.game.prompts import SHIPPED, PromptSet, read_prompts, shipped_prompts
from tests.conftest import three_parties, two_parties

NATURAL = files("negotiation_env.game").joinpath("prompt_sets", "natural.toml").read_text(encoding="utf-8")
SAID = (Utterance(0, "Water first."), Utterance(1, "Children first."), Utterance(0, "Both."))


def everything_shown(told, scenario, personas):
    for seat in range(len(scenario.personas)):
        yield brief(told, scenario, seat, personas=personas)
        yield completion_request(told, scenario, seat, personas=personas)
        yield from (each["content"] for each in single_agent_chat(told, scenario, seat, personas=personas))
        for turns in range(4):
            yield from (
                m["content"] for m in conversation(told, scenario, seat, SAID[:turns], personas=personas, window=2)
            )


def test_the_set_that_models_were_trained_on_says_what_it_said():
    assert shipped_prompts("handshake").id == "handshake 1 b8a117b5"


def gaps():
    """Whether a persona has values, a red line, a style: each way to lack some."""
    for values, red_line, style in product([("food",), ()], ["No dry week.", ""], ["Counts days.", ""]):
        lea = Persona("Lea", "You need water.", red_line, style, values)
        yield Scenario(
            "x", "Who gets the well?", (lea, Persona("Noor", "You need rain.", "No thirst.", "Asks.", ("calm",)))
        )


def test_in_the_second_handshake_nothing_is_said_of_what_a_persona_lacks():
    for scenario in gaps():
        lea = scenario.personas[0]
        told = [
            ("Values: food.", lea.values),
            ("Red line: No dry week.", lea.red_line),
            ("Style: Counts days.", lea.style),
        ]
        first = "You are Lea. You need water. " + " ".join(text for text, there in told if there)
        assert brief(shipped_prompts("handshake.2"), scenario, 0).split("\n")[0] == first.rstrip()
        request = completion_request(shipped_prompts("handshake.2"), scenario, 1)
        assert ("Values:" in request, "Red line:" in request) == (bool(lea.values), bool(lea.red_line))


def test_the_second_handshake_says_of_whole_personas_what_the_first_says():
    first, second = shipped_prompts("handshake"), shipped_prompts("handshake.2")
    scenario = next(gaps())
    assert brief(second, scenario, 0).split("\n")[:3] == brief(first, scenario, 0).split("\n")[:3]
    assert completion_request(second, scenario, 0) == completion_request(first, scenario, 0)
    assert single_agent_chat(second, scenario) == single_agent_chat(first, scenario)


def test_the_second_handshake_speaks_of_no_one_other_side():
    for personas in (True, False):
        assert not any(
            "other side" in text for text in everything_shown(shipped_prompts("handshake.2"), three_parties(), personas)
        )


def test_ids_differ_where_a_word_differs():
    changed = read_prompts(NATURAL.replace("Speak freely", "Talk freely"), "mine.toml")
    assert changed.id != shipped_prompts("natural").id
    assert changed.id.startswith("natural 1 ")


@pytest.mark.parametrize("personas", [True, False])
@pytest.mark.parametrize("name", [name for name in SHIPPED if name.startswith("natural")])
def test_no_natural_prompt_asks_for_a_tag_or_says_begin_or_shows_a_blank_field(name, personas):
    for scenario in (two_parties(), three_parties()):
        for text in everything_shown(shipped_prompts(name), scenario, personas):
            assert not re.search(r"PROPOSE|ACCEPT|\bBegin\b|: -|\$", text)


@pytest.mark.parametrize("name", SHIPPED)
def test_who_writes_the_joint_answer_is_shown_every_other_persona(name):
    request = completion_request(shipped_prompts(name), three_parties(), 0)
    for other in three_parties().personas[1:]:
        assert all(text in request for text in (other.name, other.goal, other.red_line))


def test_natural_shows_personas_whole_and_leaves_out_what_they_do_not_have():
    request = completion_request(shipped_prompts("natural"), three_parties(), 0)
    cards = request.split("\n\n")[1:-1]
    assert cards == [
        "Lea\nGoal, as this party was told: You need water for your field before the harvest.\nValues: food\n"
        "Red line: No dry week.\nStyle: Counts days.",
        "Noor\nGoal, as this party was told: You need clean water for forty pupils.\n"
        "Red line: No child goes thirsty.\nStyle: Asks questions.",
        "Ida\nGoal, as this party was told: You keep the well from running dry.",
    ]


def test_a_chat_with_reminders_only_grows_and_the_request_for_the_answer_takes_the_place_of_one():
    told, scenario = shipped_prompts("natural"), two_parties()
    reminder = dict(told.texts)["reminder"]
    before = conversation(told, scenario, 1, SAID[:1])
    after = conversation(told, scenario, 1, SAID)
    assert before[-1]["content"] == f"Water first.\n\n{reminder}"
    assert after[: len(before)] == before
    answer = conversation(told, scenario, 1, SAID, completing=True)
    assert answer[:-1] == after[:-1]
    assert answer[-1]["content"] == f"Both.\n\n{completion_request(told, scenario, 1)}"


@given(name=st.text(min_size=1), goal=st.text(min_size=1), dilemma=st.text(min_size=1))
@pytest.mark.parametrize("told", [shipped_prompts(name) for name in SHIPPED], ids=SHIPPED)
def test_whatever_a_scenario_says_is_shown_once_filled(told, name, goal, dilemma):
    tricky = "$goal ${name} $$ $"
    personas = (Persona(f"n{name}{tricky}", f"g{goal}{tricky}"), Persona("Noor", "You need water."))
    text = brief(told, Scenario("x", f"d{dilemma}{tricky}", personas), 0)
    assert text.count("${name}") >= 3


FAULTS = {
    "no table of texts": ("[plain]", "[other]", "1: expected a table [plain], got none"),
    "an unknown table": ("[limits]", "[limit]", "8: there is no text 'limit'"),
    "an unknown text": ("elided =", "ellided =", "6: there is no text 'ellided'"),
    "a missing text": ('persona = """\n$name', 'style = """\n$name', "there is no text 'personas.style'"),
    "an unknown placeholder": (
        "Your red line: $red_line",
        "Your red line: $redline",
        "17: personas.brief has no placeholder $redline",
    ),
    "a stray dollar": (
        "What you value: $values",
        "What you value: 5 $",
        "16: a $ in personas.brief begins no placeholder",
    ),
    "a missing placeholder": (
        "These are the parties:\n\n$all_personas\n\nYou now",
        "You now",
        "25: personas.completion needs the placeholder",
    ),
    "a persona where none is shown": (
        "You are negotiator_$seat",
        "You are $name",
        "plain.brief has no placeholder $name",
    ),
    "no version": ("version = 1\n", "", "1: expected a version from 1, got None"),
    "a limit that is none": (
        "answer_words = 80",
        'answer_words = "80"',
        "9: expected the limit answer_words as a number",
    ),
    "an empty text": (
        'opening = "You speak first. Say where you stand on the dilemma, and why."',
        'opening = " "',
        "4: expected opening as a text",
    ),
}


@pytest.mark.parametrize(("old", "new", "told"), FAULTS.values(), ids=FAULTS)
def test_what_is_wrong_with_a_set_is_told_with_its_line(old, new, told):
    assert old in NATURAL
    with pytest.raises(UserError) as error:
        read_prompts(NATURAL.replace(old, new), "mine.toml")
    assert told in str(error.value)
    assert str(error.value).startswith("mine.toml, line ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["name = ", "[" * 9999, "a.b = 1\na = 2"])
def test_what_is_no_toml_is_told(text):
    with pytest.raises(UserError, match=r"mine\.toml"):
        read_prompts(text, "mine.toml")


def refusal(content):
    try:
        read_prompts(content, "mine.toml")
    except UserError as error:
        return str(error)
    return ""


@given(st.data())
def test_whatever_a_file_holds_in_place_of_a_value_is_read_or_told_in_one_line(data):
    lines = NATURAL.split("\n")
    places = [n for n, line in enumerate(lines) if " = " in line and '"""' not in line]
    place = data.draw(st.sampled_from(places))
    value = data.draw(st.sampled_from(["1", "-1", "true", '"x"', '"$name"', "[]", "{}", "1.5", "1979-05-27"]))
    lines[place] = f"{lines[place].split(' = ')[0]} = {value}"
    assert "\n" not in refusal("\n".join(lines))


def test_a_set_that_is_made_in_python_is_held_to_the_same():
    with pytest.raises(ValueError, match="the text opening is missing"):
        PromptSet("mine", 1, ())
    other = tuple((name, text.replace("Speak freely", "Speak up")) for name, text in shipped_prompts().texts)
    made = replace(shipped_prompts(), name="mine", texts=other[::-1])
    assert made.id == replace(made, texts=other).id
    with pytest.raises(ValueError, match="has no placeholder \\$nobody"):
        replace(made, texts=tuple((name, f"{text} $nobody") for name, text in made.texts))


def test_the_languages_of_a_set_have_the_same_texts_and_placeholders():
    german, english = shipped_prompts("natural.de"), shipped_prompts("natural")
    used = [
        {name: sorted(set(re.findall(r"\$(\w+)", text))) for name, text in each.texts} for each in (german, english)
    ]
    assert used[0] == used[1]
