"""Secrets kept out of what is said, recorded and shown: a server can send back the key that it was sent."""

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Any, Final
from urllib.parse import quote

from negotiation_env.endpoints.address import HIDDEN
from negotiation_env.interfaces import Reply

__all__ = ["Secrets"]

_SHORT: Final = 8
"""Fewer characters than these are looked for as whole words only."""


class Secrets:
    """Keys and passwords, found in the spellings that servers echo: plain, URL, HTML, JSON, base64.

    A short plain word or a number, such as the EMPTY, none or 123456789 that stand in for a key, is no secret in what a
    model says: its own words, and the numbers of its answer, would be garbled. In errors and names it is hidden too.

    Args:
        secrets: What to hide; empty ones are passed over.
        public: Texts that are shown anyway, such as the model's name; what is part of one is no secret.
    """

    def __init__(self, secrets: Iterable[str], public: Sequence[str] = ()) -> None:
        hidden = {secret for secret in secrets if secret and not any(secret in text for text in public)}
        self._all = _Finder({spelling for secret in hidden for spelling in _spellings(secret)})
        self._in_words = _Finder({spelling for spelling in self._all.spellings if not _is_word(spelling)})

    def hide(self, text: str) -> str:
        """A name or an error without secrets."""
        return self._all.hide(text)

    def hide_in_body(self, body: bytes, *, error: bool) -> bytes:
        """An answer's body without secrets: before it is quoted, for a cut secret could not be found."""
        finder = self._all if error else self._in_words
        text = body.decode("latin-1")  # any bytes, and back
        return body if (hidden := finder.hide(text)) is text else hidden.encode("latin-1")

    def hide_in_reply(self, reply: Reply) -> Reply:
        """A reply all of whose texts are without secrets.

        One whose tokens hold a secret, be it in pieces, comes without their alternatives.
        """
        changed: dict[str, Any] = {}
        for name in (field.name for field in fields(reply)):
            finder = self._all if name in ("error", "model") else self._in_words
            text = getattr(reply, name)
            if isinstance(text, str) and (hidden := finder.hide(text)) is not text:
                changed[name] = hidden
        if self._in_tokens(reply):
            changed["alternatives"] = ()
        return replace(reply, **changed) if changed else reply

    def _in_tokens(self, reply: Reply) -> bool:
        said = "".join(place.text for place in reply.alternatives)
        others = "\n".join(token for place in reply.alternatives for token in place.logprobs)
        return any(self._in_words.hide(text) is not text for text in (said, others))


class _Finder:
    def __init__(self, spellings: Iterable[str]) -> None:
        self.spellings = sorted(spellings, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_bounded, self.spellings)))

    def hide(self, text: str) -> str:
        """The text itself where it holds none."""
        if not any(spelling in text for spelling in self.spellings):  # much faster than the pattern
            return text
        hidden = self._pattern.sub(HIDDEN, text)
        return text if hidden == text else hidden


def _spellings(secret: str) -> set[str]:
    raw = secret.encode()
    coded = {code(raw).decode() for code in (b64encode, urlsafe_b64encode)}
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], html.escape(secret)}
    quoted = {quote(secret), quote(secret, safe=""), quote(secret, safe=":"), secret.replace("/", r"\/")}
    return {secret} | escaped | quoted | coded | {code.rstrip("=") for code in coded}


def _is_word(text: str) -> bool:
    if text.isalpha() and text.islower() and len(text) < 2 * _SHORT:  # "anything" stands in for no key
        return True
    return text.isdigit() or (len(text) < _SHORT and (text.isalnum() or len(text) < _SHORT // 2))


def _bounded(spelling: str) -> str:
    escaped = re.escape(spelling)
    return escaped if len(spelling) >= _SHORT else rf"(?<![^\W_]){escaped}(?![^\W_])"
