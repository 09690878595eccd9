import contextlib
import json
import math

import pytest
from hypothesis import given, settings

from negotiation_env.text.strict_json import has_surrogates, read_json
from tests.helpers.arbitrary_json import json_texts


def test_a_value_is_read_with_or_without_a_byte_order_mark():
    assert read_json(b'\xef\xbb\xbf{"a": [1, 2.5, null, "\xf0\x9f\x99\x82"]}') == {"a": [1, 2.5, None, "🙂"]}
    assert read_json('\ufeff{"a": 1}') == read_json('{"a": 1}') == {"a": 1}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"score": 5, "score": 1}', "'score' stands twice"),
        ('{"a": {"b": 1, "b": 1}}', "'b' stands twice"),
        ("NaN", "not a finite number"),
        ("[-Infinity]", "not a finite number"),
        ("1e999", "not a finite number"),
        ("[" * 100_000, "nested deeper"),
        ("[" * 101 + "]" * 101, "nested deeper"),
        (b"\xff", "no UTF-8"),
        ("", "Expecting value"),
        ("1" * 5000, "digits"),
    ],
)
def test_what_readers_differ_over_is_refused_in_one_line(text, told):
    with pytest.raises(ValueError, match=told) as caught:
        read_json(text)
    assert "\n" not in str(caught.value)


def test_a_caller_that_drops_non_finite_numbers_gets_them():
    first, *others = read_json("[NaN, Infinity, -Infinity, 1e999]", non_finite=True)
    assert math.isnan(first)
    assert others == [math.inf, -math.inf, math.inf]


def test_the_deepest_nesting_that_is_allowed():
    assert read_json("[" * 100 + "]" * 100)
    assert read_json('[{"a": ' * 50 + "1" + "}]" * 50)
    with pytest.raises(ValueError, match="nested deeper"):
        read_json('[{"a": ' * 50 + "[]" + "}]" * 50)


@pytest.mark.parametrize("text", ["[" * 500, "{" * 500, '"[' * 300, '\\"[' * 300, '\\"]' * 300, "\\[" * 300])
def test_brackets_in_a_text_are_no_nesting(text):
    found = [{"[" * 200: text}, text, [], "", text]
    assert read_json(json.dumps(found)) == found


@settings(deadline=None)
@given(json_texts({"id": "a", "values": [1, {"b": None}]}))
def test_nothing_but_a_value_error_escapes(text):
    with contextlib.suppress(ValueError):
        read_json(text)


def test_lone_surrogates_are_seen():
    assert has_surrogates("half \ud83d")
    assert not has_surrogates("whole 🙂")
