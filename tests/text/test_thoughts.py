from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from negotiation_env.text.thoughts import MARKERS, has_no_mark, joined, marker_in, markers_table, split_thought
from negotiation_env.text.untrusted import neutralise

ROOT = Path(__file__).parents[2]
ALIKE = (
    ("<seed:think>", "</seed:think>"),
    ("<unused94>", "<unused95>"),
    ("<longcat_think>", "</longcat_think>"),
    ("<think:6124c78e>", "</think:6124c78e>"),
    ("<ifm|think_fast>", "</ifm|think_fast>"),
    ("<thinking>", "</thinking>"),
    ("<Thought>", "</Thought>"),
    ("<reasoning lang='en'>", "</reasoning>"),
    ("< think >", "< / think >"),
    ("<|channel|>commentary to=all<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
)
MARKS = tuple((each.example, each.closing) for each in MARKERS if not each.plain) + ALIKE
PLAIN = (
    ("Here is my thought process:", "Here is my response:"),
    ("Here's my thought process:", "Here's my response:"),
    ("analysis", "assistantfinal"),
)
marks = st.sampled_from(MARKS)
LETTERS = st.characters(codec="utf-8", exclude_characters="<>[]◁▷|")
words = st.text(LETTERS, min_size=1).map(lambda text: f"{text} water".strip()).filter(lambda text: "We" not in text)
every = [mark for pair in (*MARKS, *PLAIN) for mark in pair]
pieces = st.sampled_from([*every, "<", ">", " ", "\n", "[", "think", "We"])


@pytest.mark.parametrize(("opening", "closing"), MARKS + PLAIN)
@pytest.mark.parametrize("around", ["{}We need water.{}I offer half.", "\n{}\nWe need water.\n{}\n\nI offer half.\n"])
def test_a_thought_is_told_from_the_words_behind_it_in_every_family(opening, closing, around):
    assert split_thought(around.format(opening, closing)) == ("We need water.", "I offer half.")


@pytest.mark.parametrize(("opening", "closing"), MARKS)
def test_a_thought_that_the_template_opened_is_one(opening, closing):
    assert split_thought(f"We need water.{closing}I offer half.") == ("We need water.", "I offer half.")


@pytest.mark.parametrize(("opening", "closing"), MARKS + PLAIN[:2])
def test_a_thought_that_was_cut_off_leaves_no_words(opening, closing):
    assert split_thought(f"{opening}We need water.") == ("We need water.", "")


def test_an_empty_thought_leaves_the_words_alone():
    assert split_thought("<think>\n\n</think>\n\nI offer half.") == ("", "I offer half.")


def test_words_between_thoughts_stand_on_lines_of_their_own():
    raw = "<think>a</think>I offer half. <think>b</think>\nPROPOSE: Half. <think>c"
    assert split_thought(raw) == ("a\n\nb\n\nc", "I offer half.\nPROPOSE: Half.")


def test_a_thought_on_a_line_of_its_own_hides_no_words_before_it():
    assert split_thought("I hear you.\n<think>hm</think>\nACCEPT") == ("hm", "I hear you.\nACCEPT")


def test_a_thought_that_the_template_opened_may_speak_of_its_mark():
    assert split_thought("My <think> is private.</think>I offer half.") == ("My\n\nis private.", "I offer half.")


def test_a_thought_may_hold_the_marks_of_others_and_its_own_opening_one():
    raw = "<think>a <think> [THINK] b [/THINK] c</think>I offer half."
    assert split_thought(raw) == ("a <think> [THINK] b [/THINK] c", "I offer half.")


def test_before_a_closing_mark_that_closes_nothing_all_is_thought():
    assert split_thought("<think>a</think>b</think>I offer half.") == ("a\n\nb", "I offer half.")


@pytest.mark.parametrize(
    "wrapped",
    [
        "<answer>\nHalf.\n</answer>",
        "<response>Half.</response>",
        "<response>Half.",
        "<|START_RESPONSE|>Half.<|END_RESPONSE|>",
        "<|begin_of_solution|>Half.<|end_of_solution|>",
    ],
)
def test_what_a_family_puts_its_words_into_goes_with_the_thought(wrapped):
    assert split_thought(f"<think>a</think>{wrapped}") == ("a", "Half.")
    assert split_thought(wrapped) == ("", wrapped)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        " \n",
        "I think that half is fair; think about it, and the reasoning holds.",
        "Here is my response: no.",
        "I said it: Here is my thought process: half. Here is my response: no.",
        "analysis shows that half is fair",
        "The final analysis of assistantfinal",
        "<b>half</b> [1] 3 < 4 <thinker> [Think] <thin k> ◁ thinking ▷ ‹think›half‹/think›",
    ],
)
def test_what_is_merely_written_about_thinking_is_left_as_it_came(raw):
    assert split_thought(raw) == ("", raw)
    assert marker_in(raw) is None


@pytest.mark.parametrize("marker", MARKERS, ids=lambda marker: marker.example)
def test_the_family_of_a_mark_is_named(marker):
    assert marker_in(f"{marker.example}We need water.{marker.closing}I offer half.") is marker
    if not marker.plain:
        assert marker_in(f"We need water.{marker.closing}I offer half.") is marker


def test_the_documented_table_is_that_of_the_code():
    assert markers_table() in (ROOT / "docs" / "game.md").read_text(encoding="utf-8")


def test_thoughts_are_joined_without_empty_ones():
    assert joined("", " a\n", " ", "b") == "a\n\nb"


@given(st.lists(pieces | st.text(max_size=5), max_size=30).map("".join))
@example("◁think▷hm◁/think▷Half.")
@example("analysisWe say half.")
def test_a_harmless_text_that_has_no_mark_is_all_words(raw):
    harmless = neutralise(raw, 1000).text
    for text in (harmless, raw):
        if neutralise(text, 1000).text == text and has_no_mark(text):
            assert split_thought(text) == ("", text)


@pytest.mark.parametrize("text", ["How about twelve beds?", "Here is what I need.", "as you like, an analysis"])
def test_words_that_begin_like_a_mark_in_words_are_known_to_hold_none(text):
    assert has_no_mark(text)


@given(st.lists(st.tuples(marks, words, words), min_size=1, max_size=4), st.booleans())
def test_no_thought_is_among_the_words_and_no_word_is_lost(turns, cut):
    raw = "".join(f"{opening}{thought}SECRET{closing}{said}" for (opening, closing), thought, said in turns)
    raw += f"{turns[0][0][0]}SECRET" if cut else ""
    thought, said = split_thought(raw)
    assert "SECRET" not in said
    assert thought.count("SECRET") == len(turns) + cut
    assert "".join(said.split()) == "".join("".join(each.split()) for _, _, each in turns)


@given(marks, words, words)
def test_no_thought_that_the_template_opened_is_among_the_words(pair, thought, said):
    opening, closing = pair
    for mention in ("", f" the mark {opening} ", f"\n{opening}"):
        assert "SECRET" not in split_thought(f"{thought}{mention}SECRET{closing}{said}")[1]


@given(st.lists(pieces | st.text(max_size=5), max_size=30).map("".join))
@example("<thi<think>nk>x")
def test_of_any_text_nothing_is_made_up_and_no_mark_is_left(raw):
    thought, said = split_thought(raw)
    for line in (*thought.splitlines(), *said.splitlines()):
        assert line.strip() in raw
    if said != raw:
        assert marker_in(said) is None or marker_in(said).plain
