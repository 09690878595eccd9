import base64
import html
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from negotiation_env.endpoints.redaction import Secrets
from negotiation_env.interfaces import Alternatives, Reply

KEY = "sk-a/b&c+d=<e>'\"f"


def may_be_a_word(key):
    """Such a key is hidden in errors alone, for a turn may say the word."""
    return key.isdigit() or (key.isalpha() and key.islower() and len(key) < 16)


keys = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=9, max_size=60).filter(
    lambda key: not may_be_a_word(key)
)
SPELLINGS = [
    *(KEY, quote(KEY), quote(KEY, safe=""), json.dumps(KEY)[1:-1], html.escape(KEY)),
    *(code(KEY.encode()).decode() for code in (base64.b64encode, base64.urlsafe_b64encode)),
]


@pytest.mark.parametrize("spelt", SPELLINGS)
def test_a_key_is_hidden_in_every_spelling_that_servers_echo(spelt):
    assert Secrets([KEY]).hide(f"wrong key: Bearer {spelt}.") == "wrong key: Bearer [hidden]."


@given(keys, st.text(), st.text())
def test_no_text_of_a_reply_holds_the_key(key, before, after):
    text = f"{before}{key}{after}"
    told = Secrets([key]).hide_in_reply(Reply(text, text, model=text))
    assert key not in told.text
    assert key not in (told.error or "")
    assert key not in told.model


@given(st.text())
def test_a_text_without_secrets_stays_as_it_is(text):
    reply = Reply(text, model="m")
    assert Secrets(["sk-0123456789abcdef"]).hide_in_reply(reply) is reply


@pytest.mark.parametrize("word", ["EMPTY", "none", "x", "test", "ollama", "1", "123456789"])
def test_a_word_that_stands_in_for_a_key_garbles_no_turn_and_is_hidden_in_errors(word):
    said = f"There is {word} left, {word}s and {word}."
    told = Secrets([word]).hide_in_reply(Reply(said, error=f"bad key {word}: Max exists", model=f"is {word}"))
    assert told == Reply(said, error="bad key [hidden]: Max exists", model="is [hidden]")


def test_a_short_key_that_is_no_word_is_hidden_in_turns_too():
    assert Secrets(["sk-x"]).hide_in_reply(Reply("It is sk-x, not sk-xy.")).text == "It is [hidden], not sk-xy."


def test_the_model_s_own_name_is_no_secret():
    reply = Reply("Hi.", model="org/policy-2026")
    assert Secrets(["policy"], public=["org/policy"]).hide_in_reply(reply) is reply


def test_tokens_that_spell_a_key_out_do_not_leave():
    pieces = tuple(Alternatives(piece, {piece: -0.1}) for piece in ("It is ", "sk-01", "2345678", "9"))
    told = Secrets(["sk-0123456789"]).hide_in_reply(Reply("It is sk-0123456789", alternatives=pieces))
    assert told == Reply("It is [hidden]")
    other = (Alternatives("Hi", {"Hi": -0.1, "sk-0123456789": -3.0}),)
    assert Secrets(["sk-0123456789"]).hide_in_reply(Reply("Hi", alternatives=other)).alternatives == ()


def test_a_body_is_read_as_bytes_and_only_its_secrets_change():
    body = "Grüß „Gott“ sk-0123456789 \udcff".encode("utf-8", "surrogateescape")
    hidden = Secrets(["sk-0123456789"]).hide_in_body(body, error=False)
    assert hidden == body.replace(b"sk-0123456789", b"[hidden]")
