"""Tokens of replies in many scripts, told in every spelling in use."""

import itertools
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negotiation_env.endpoints.log_probabilities import chat_alternatives, completion_alternatives, log_probability
from tests.helpers.arbitrary_json import json_values

TEXTS = [
    '{"reason": "fair 🙂", "score": 3}',
    '{"reason": "🙂🙂 公平な分け方 👨‍👩‍👧", "score": 3}',
    '{"reason": "справедливо", "score": 3}',
    '{"reason": "لكل طرف نصيب", "score": 3}',
    '{"reason": "it holds \ufffd itself", "score": 3}',
    '{"reason": "plain \\\\xf0 words", "score": 3}',
    "🙂🙂",
]


def as_bytes(piece):
    return {"token": piece.decode("utf-8", "replace"), "bytes": list(piece)}


def as_escapes(piece, prefix=""):
    try:
        return {"token": piece.decode(), "bytes": None}
    except UnicodeDecodeError:
        return {"token": prefix + "".join(f"\\x{byte:02x}" for byte in piece), "bytes": None}


def as_prefixed_escapes(piece):
    return as_escapes(piece, "bytes:")


def as_replacements(piece):
    return {"token": piece.decode("utf-8", "replace"), "bytes": None}


def as_bytes_of_replacements(piece):
    told = piece.decode("utf-8", "replace")
    return {"token": told, "bytes": list(told.encode())}


def as_replaced_bytes(piece):
    """As engines written in Go have it: one for each byte."""
    told = piece.decode("utf-8", "surrogateescape").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return {"token": told, "bytes": None}


SPELLINGS = [
    *(as_bytes, as_escapes, as_prefixed_escapes, as_replacements, as_replaced_bytes, as_bytes_of_replacements),
]


def pieces_of(text, size):
    """The bytes of a text, so many at a time beyond ASCII, where one byte is a piece as digits are."""
    raw, start = text.encode(), 0
    while start < len(raw):
        end = start + (1 if raw[start] < 128 else size)
        yield raw[start:end]
        start = end


def told(pieces, spelling):
    return {"content": [spelling(piece) | {"logprob": 0, "top_logprobs": []} for piece in pieces]}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_the_tokens_of_a_reply_join_up_to_it_in_every_script_and_spelling(text, spelling, size):
    pieces = list(pieces_of(text, size))
    found = chat_alternatives(told(pieces, spelling), text)
    assert "".join(each.text for each in found) == text
    assert len(found) == len(pieces)
    if "score" in text:
        assert [each.text for each in found][-2:] == ["3", "}"]


characters = st.characters(exclude_categories=["Cs"]) | st.sampled_from("🇩🇪👍🏽👨‍👩‍👧🙂\ufffdก็ำé公\\x \u3000")


@pytest.mark.parametrize("spelling", SPELLINGS)
@settings(deadline=None)
@given(text=st.text(characters, min_size=1, max_size=20), data=st.data())
def test_tokens_of_any_text_cut_anywhere_are_found_each_in_its_place(spelling, text, data):
    raw = text.encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(raw)))))
    pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    found = [each.text for each in chat_alternatives(told(pieces, spelling), text)]
    assert "".join(found) == text
    for piece, place in zip(pieces, found, strict=True):
        shown = piece.decode("utf-8", "replace")
        assert place == shown or "\ufffd" in shown


@pytest.mark.parametrize("text", ["👍🏽" * 200, "🇩🇪" * 200, "กำลัง" * 300, "é" * 500 + "3", "\ufffd" * 500 + "3"])
@pytest.mark.parametrize("sizes", [[1], [2, 1], [1, 2], [3, 1], [1, 3], [2, 5, 1, 1], [7, 2]])
def test_long_replies_of_nothing_but_broken_tokens_are_found_too(text, sizes):
    raw, pieces = text.encode(), []
    for size in itertools.cycle(sizes):
        pieces.append(raw[:size])
        if not (raw := raw[size:]):
            break
    found = chat_alternatives(told(pieces, as_replacements), text)
    assert "".join(each.text for each in found) == text


@pytest.mark.slow
def test_tokens_that_could_stand_anywhere_and_fit_nowhere_are_given_up():
    broken = [b"\xef\xbf\xbd"] * 2000
    assert chat_alternatives(told([*broken, b"4"], as_replacements), "กำลัง" * 200 + "3") == ()
    endless = [b"\xef\xbf\xbd" * 10**6]
    assert chat_alternatives(told([*broken, *endless], as_replacements), "กำลัง" * 10**5) == ()


def test_a_character_told_as_halves_of_a_surrogate_pair_joins_up_too():
    halves = told([], as_bytes) | {"content": [{"token": token} for token in ("\ud83d", "\ude42", " 3")]}
    assert [each.text for each in chat_alternatives(halves, "🙂 3")] == ["🙂", "", " 3"]


def test_outer_white_space_and_an_end_token_may_be_missing_from_the_reply():
    tokens = [{"token": token} for token in (" ", "\n3", "\n", "<|im_end|>", "\n")]
    assert [each.text for each in chat_alternatives({"content": tokens}, "3")] == ["", "3", "", "", ""]


def test_escapes_may_stand_beside_letters_and_be_what_a_text_says():
    def texts(whole, *tokens, **more):
        found = chat_alternatives({"content": [{"token": token} | more for token in tokens]}, whole)
        return [each.text for each in found]

    assert texts("a 🙂b", "a", " \\xf0\\x9f", "\\x99", "\\x82b") == ["a", " 🙂", "", "b"]
    assert texts("a 🙂b", "a", "bytes: \\xf0\\x9f", "bytes:\\x99\\x82", "b") == ["a", " 🙂", "", "b"]
    assert texts("in \\xf0 it", "in ", "\\xf0", " it") == ["in ", "\\xf0", " it"]
    assert texts("a 🙂", "a", " ", "🙂", bytes=[]) == ["a", " ", "🙂"]
    assert texts("3", "3", bytes=[52]) == ["3"]


@pytest.mark.parametrize("token", [None, 3, ["3"], {"3": 0}])
def test_tokens_that_are_no_text_or_do_not_make_up_the_reply_are_not_used(token):
    good = {"token": "3", "top_logprobs": [{"token": "3", "logprob": -0.1}]}
    assert chat_alternatives({"content": [good]}, "3")
    assert chat_alternatives({"content": [good, {"token": token}]}, "3") == ()
    assert chat_alternatives({"content": [good]}, "4") == ()
    assert chat_alternatives({"content": [good, good]}, "3 and more") == ()


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        (-0.5, -0.5),
        (-2, -2.0),
        (0, 0.0),
        (1e-6, 0.0),
        (-9999.0, -9999.0),
        *((wrong, None) for wrong in (0.1, 1, 1000, 10**400, -(10**400), math.nan, math.inf, -math.inf)),
        *((wrong, None) for wrong in (None, True, False, "-0.5", [-0.5], {})),
    ],
)
def test_a_log_probability_is_finite_and_at_most_0(value, taken):
    assert log_probability(value) == taken


@pytest.mark.parametrize("wrong", [None, math.nan, math.inf, 0.5, 1000, "x", [], True])
def test_an_alternative_without_a_log_probability_is_left_out_and_no_other(wrong):
    top = [{"token": "3", "logprob": -0.1}, {"token": "4", "logprob": wrong}, {"token": None, "logprob": -3}, 7]
    [found] = chat_alternatives({"content": [{"token": "3", "top_logprobs": top}]}, "3")
    assert found.logprobs == {"3": -0.1}


def test_tokens_of_one_text_count_together_but_one_that_is_told_twice_once():
    def top(*values):
        alternatives = [{"token": "3", "logprob": value} for value in values]
        [found] = chat_alternatives({"content": [{"token": "3", "top_logprobs": alternatives}]}, "3")
        return found.logprobs["3"]

    assert top(math.log(0.25), math.log(0.5)) == pytest.approx(math.log(0.75))
    assert top(-0.5, -0.5) == -0.5
    assert top(0.0, -9999.0) == 0.0


def test_a_text_completion_tells_the_same_in_two_lists():
    lists = {"tokens": ["3", " �", "�", "<|im_end|>"], "top_logprobs": [{"3": -0.1, "4": None}, None, {}, {}]}
    found = completion_alternatives(lists, "3 🙂")
    assert [each.text for each in found] == ["3", " 🙂", "", ""]
    assert [each.logprobs for each in found] == [{"3": -0.1}, {}, {}, {}]
    assert completion_alternatives(lists | {"top_logprobs": [{}]}, "3 🙂") == ()


@settings(deadline=None)
@given(told=json_values(), text=st.text(max_size=8))
def test_nothing_that_an_endpoint_tells_of_tokens_is_an_error(told, text):
    for found in (told, {"content": told, "tokens": told, "top_logprobs": told}, {"content": [told], "tokens": [told]}):
        json.dumps([[each.text, each.logprobs] for each in chat_alternatives(found, text)], allow_nan=False)
        completion_alternatives(found, text)
