"""Secrets kept out of what is said, recorded and shown: a server can send back the key that it was sent."""

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from html.entities import html5
from itertools import groupby
from typing import Any, Final

from negotiation_env.address import HIDDEN
from negotiation_env.interfaces import Reply

__all__ = ["STAND_INS", "Secrets"]

STAND_INS: Final = frozenset(
    {
        *("anything", "changeme", "irrelevant", "optional", "password", "placeholder"),
        *("required", "something", "undefined", "unnecessary", "whatever"),
    }
)
"""Words that people write, in any case, for a server that wants some key and looks at none."""
_BACKSLASH: Final = "\\"
_SHORT: Final = 8
"""Fewer characters than these are looked for as whole words only."""


def _names() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in sorted(html5, reverse=True):  # amp; before amp
        found.setdefault(html5[name], []).append(name)
    return found


_NAMES: Final = _names()
"""The names of each character in HTML."""


class Secrets:
    """Keys and passwords, found as servers echo them: in any case, plain or in base64, escaped as anywhere on the web.

    Each character may be as it is, or escaped as in URLs, HTML, JSON or Python, once or several times over.

    What stands in for a key is no secret in what a model says, for its own words, and the numbers of its answer, would
    be garbled: a word of `STAND_INS`, a number, fewer than 8 letters such as EMPTY or none, fewer than 4 characters. In
    errors and names it is hidden too, where it stands as it is. Any other word is a password: better a garbled turn.

    Args:
        secrets: What to hide; empty ones are passed over.
        names: User names to hide; one of letters alone is treated as what stands in for a key.
        public: Texts that are shown anyway, such as the model's name; what is part of one is no secret.
    """

    def __init__(self, secrets: Iterable[str], names: Iterable[str] = (), public: Sequence[str] = ()) -> None:
        words = {name for name in names if name.isalpha()}
        hidden = {each for each in (*secrets, *names) if each and not any(each in text for text in public)}
        self._in_words = _Finder({each for each in hidden if not _stands_in(each)} - words)
        self._words = [_whole(re.escape(each), each) for each in hidden if _stands_in(each) or each in words]

    def hide(self, text: str) -> str:
        """A name or an error without secrets."""
        text = self._in_words.hide(text)
        for word in self._words:
            text = word.sub(HIDDEN, text)
        return text

    def hide_in_body(self, body: bytes, *, error: bool) -> bytes:
        """An answer's body without secrets: before it is quoted, for a cut secret could not be found."""
        text = body.decode("utf-8", "surrogateescape")  # any bytes, and back
        hidden = self.hide(text) if error else self._in_words.hide(text)
        return body if hidden is text else hidden.encode("utf-8", "surrogateescape")

    def hide_in_reply(self, reply: Reply) -> Reply:
        """A reply all of whose texts are without secrets.

        One whose tokens hold a secret, be it in pieces, comes without their alternatives.
        """
        changed: dict[str, Any] = {}
        for name in (field.name for field in fields(reply)):
            hide = self.hide if name in ("error", "model") else self._in_words.hide
            text = getattr(reply, name)
            if isinstance(text, str) and (hidden := hide(text)) != text:
                changed[name] = hidden
        if self._in_tokens(reply):
            changed["alternatives"] = ()
        return replace(reply, **changed) if changed else reply

    def _in_tokens(self, reply: Reply) -> bool:
        said = "".join(place.text for place in reply.alternatives)
        others = "\n".join(token for place in reply.alternatives for token in place.logprobs)
        return any(self._in_words.hide(text) is not text for text in (said, others))


class _Finder:
    """One pattern for each spelling; first comes a look for what they all need, which is much faster."""

    def __init__(self, secrets: Iterable[str]) -> None:
        spellings = sorted({each for secret in secrets for each in _spellings(secret)}, key=len, reverse=True)
        self._patterns = [_whole(_pattern(each), each) for each in spellings]
        self._plain = [each.lower() for each in spellings]
        signs = "".join(re.escape(sign) for sign in {*"".join(spellings)} if not sign.isalnum())
        escapes = rf"u[\da-f]{{4}}|x[\da-f]{{2}}{f'|[{signs}]' if signs else ''}"
        self._escape = re.compile(rf"[\\%&](?:{escapes}|[\da-f]{{2}}|#|\w+;)", re.IGNORECASE)

    def hide(self, text: str) -> str:
        """The text itself where it holds none."""
        lower = text.lower()
        if not any(each in lower for each in self._plain) and not self._escape.search(text):
            return text
        hidden = text
        for pattern in self._patterns:
            hidden = pattern.sub(HIDDEN, hidden)
        return text if hidden == text else hidden


def _stands_in(text: str) -> bool:
    if text.isdigit() or text.lower() in STAND_INS:
        return True
    return len(text) < (_SHORT if text.isalpha() else _SHORT // 2)


def _spellings(secret: str) -> set[str]:
    coded = {code(secret.encode()).decode() for code in (b64encode, urlsafe_b64encode)}
    return {secret} | coded | {code.rstrip("=") for code in coded}


def _whole(pattern: str, text: str) -> re.Pattern[str]:
    return re.compile(pattern if len(text) >= _SHORT else rf"(?<![^\W_])(?:{pattern})(?![^\W_])")


def _pattern(spelling: str) -> str:
    """The pattern of a spelling, each of its characters in either case, escaped or not.

    Escapes begin with their mark, for which the search can look fast, and of a run of backslashes, which may be long,
    only the first begins one: the search takes a time that is proportional to the text.
    """
    first, *others = [(sign, len([*run])) for sign, run in groupby(spelling)]
    parts = [_character(*first, r"\\(?<!\\\\)"), *(_character(*each, r"\\") for each in others)]
    return "".join(parts)


def _character(plain: str, count: int, backslash: str) -> str:
    cases = [each for each in dict.fromkeys((plain, plain.lower(), plain.upper())) if len(each) == 1]
    found = [*map(re.escape, cases), *(escape for each in cases for escape in _escapes(each, backslash))]
    times = f"{{{count},}}" if plain == _BACKSLASH else f"{{{count}}}" if count > 1 else ""
    return f"(?:{'|'.join(found)}){times}"


def _escapes(plain: str, backslash: str) -> Iterator[str]:
    r"""The patterns of \u0026, \x26, %26, &#x26; or &#38;, &amp;, and a backslash before a sign."""
    units, code = plain.encode("utf-16-be").hex(), ord(plain)
    yield "".join(rf"{backslash}(?i:\\*u{units[place : place + 4]})" for place in range(0, len(units), 4))
    yield "".join(rf"{backslash}(?i:\\*x{byte:02x})" for byte in plain.encode())
    others = ["".join(f"%(?i:(?:25)*{byte:02x})" for byte in plain.encode())]
    others += [f"&(?i:(?:amp;)*#(?:x0*{code:x}|0*{code});?)", *(f"&(?:amp;)*{name}" for name in _NAMES.get(plain, ()))]
    yield from others
    if not plain.isalnum() and plain != _BACKSLASH:
        yield rf"{backslash}\\*(?:{'|'.join([re.escape(plain), *others])})"
