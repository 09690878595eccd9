import base64
import html
import json
from html.entities import html5
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negotiation_env.endpoints.redaction import STAND_INS, Secrets
from negotiation_env.interfaces import Alternatives, Reply

KEY = "sk-a/b&c+d=<e>'\"f"
CODES = ["&#{};", "&#x{:x};", "&#X{:X};", "&#x00{:X};"]


def html5_name(text):
    return next((f"&{name}" for name, stands_for in html5.items() if stands_for == text and name[-1] == ";"), text)


def backslashed(text):
    return text if text.isalnum() else f"\\{text}"


keys = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=9, max_size=40).filter(
    lambda key: not key.isdigit() and key.lower() not in STAND_INS
)
ESCAPES = [
    *(str, str.lower, str.upper, lambda text: json.dumps(text)[1:-1], html.escape, html5_name, backslashed),
    *(lambda text, form=form: "".join(form.format(byte) for byte in text.encode()) for form in ("%{:02x}", "%{:02X}")),
    *(lambda text, form=form: "".join(form.format(ord(each)) for each in text) for form in CODES),
]
AGAIN = [str, json.dumps, html.escape, lambda text: text.replace("%", "%25"), lambda text: text.replace("\\", "\\\\")]
SPELLINGS = [
    *(KEY, quote(KEY), quote(KEY, safe=""), json.dumps(KEY)[1:-1], html.escape(KEY)),
    *(code(KEY.encode()).decode() for code in (base64.b64encode, base64.urlsafe_b64encode)),
    *(KEY.upper(), KEY.lower(), KEY.title(), quote(KEY).lower(), repr(KEY)[1:-1], ascii(KEY)[1:-1]),
]


@pytest.mark.parametrize("spelt", SPELLINGS)
def test_a_key_is_hidden_in_every_spelling_that_servers_echo(spelt):
    assert Secrets([KEY]).hide(f"wrong key: Bearer {spelt}.") == "wrong key: Bearer [hidden]."


@settings(deadline=None)
@given(keys, st.text(), st.text())
def test_no_text_of_a_reply_holds_the_key(key, before, after):
    text = f"{before}{key}{after}"
    told = Secrets([key]).hide_in_reply(Reply(text, text, model=text))
    assert key not in told.text
    assert key not in (told.error or "")
    assert key not in told.model


passwords = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=9, max_size=20).filter(
    lambda password: len(password) == len(password.lower()) == len(password.upper())
)


@pytest.mark.slow
@settings(deadline=None)
@given(keys | passwords, st.data())
def test_a_key_is_found_however_each_of_its_characters_is_written(key, data):
    secrets, again = Secrets([f"{key}+é"]), data.draw(st.sampled_from(AGAIN))
    written = again("".join(data.draw(st.sampled_from(ESCAPES))(each) for each in f"{key}+é"))
    assert secrets.hide(f"<{written}>").strip('"') in ("<[hidden]>", '<"[hidden]">')
    assert secrets.hide_in_body(f"<{written}>".encode(), error=False).strip(b'"<>') == b"[hidden]"


@pytest.mark.parametrize(
    "key", ["letmein-please", "letmeinplease", "correcthorse", "hunter2", "ABCDEFGH", "pässwörter"]
)
def test_a_word_that_is_a_password_is_hidden_in_turns_too(key):
    assert Secrets([key]).hide_in_reply(Reply(f"It is {key}, I say.")).text == "It is [hidden], I say."


def test_a_user_s_name_that_is_a_word_garbles_no_turn():
    said, secrets = Reply("The mediator agrees.", error="no mediator"), Secrets(["p:w-1"], names=["mediator", "bot-77"])
    assert secrets.hide_in_reply(said) == Reply("The mediator agrees.", error="no [hidden]")
    assert secrets.hide_in_reply(Reply("I am bot-77.")).text == "I am [hidden]."


@settings(deadline=None)
@given(st.text())
def test_a_text_without_secrets_stays_as_it_is(text):
    reply = Reply(text, model="m")
    assert Secrets(["sk-0123456789abcdef"]).hide_in_reply(reply) is reply


@pytest.mark.parametrize("word", ["EMPTY", "none", "x", "test", "ollama", "1", "123456789", "anything", "Placeholder"])
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


@pytest.mark.parametrize("mark", ["\\", "%25", "&amp;", "a\\", "\\u0", KEY[:-1]])
def test_a_body_of_nothing_but_marks_is_looked_through_once(mark):
    body = mark.encode() * 100_000
    assert Secrets([KEY, r"a\\\\\b"]).hide_in_body(body, error=True) == body
