"""JSON from outside, read once and strictly: what readers differ over is refused, and nothing but `ValueError` escapes.

RFC 8259 leaves open what a reader does with a name that stands twice, with NaN, or with a nesting that it cannot hold;
Python's takes the last one, makes a number of it, and raises `RecursionError`.
"""

import json
import math
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from typing import Any, Final

__all__ = ["decoded", "finite", "has_surrogates", "is_utf_16", "read_json"]

MAX_DEPTH: Final = 100
"""Deepest nesting; records, requests and replies of this project stay below 20."""
_ESCAPE: Final = re.compile(r"\\.")
_STRING: Final = re.compile(rb'"[^"]*"')
_ALIKE: Final = bytes.maketrans(b"{}", b"[]")
_NO_MARK: Final = bytes(set(range(256)) - set(b'[]{}"'))


def read_json(text: str | bytes, *, non_finite: bool = False) -> Any:
    """The value of a JSON text.

    Args:
        text: The text; bytes are UTF-8, with or without a byte order mark.
        non_finite: Let NaN, infinities and numbers beyond a float through, as floats, for a caller that drops them;
            some endpoints send them as log-probabilities.

    Raises:
        ValueError: It is no JSON, a name stands twice in one object, it nests deeper than `MAX_DEPTH`, or a number is
            not finite. The message is one line.
    """
    try:
        plain = decoded(text) if isinstance(text, bytes) else text.removeprefix("\ufeff")
        number = float if non_finite else finite
        found = json.loads(plain, object_pairs_hook=_object, parse_float=number, parse_constant=number)
    except RecursionError:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels") from None
    if _deeper(plain, MAX_DEPTH):
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
    return found


def has_surrogates(text: str) -> bool:
    """Whether a text holds lone surrogates, which JSON can spell and no file in UTF-8 can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def decoded(text: bytes, name: str = "it") -> str:
    """A text in UTF-8, with or without a byte order mark.

    Args:
        text: The text.
        name: What it is, for the message.

    Raises:
        ValueError: It is in another encoding; the message is one line.
    """
    if is_utf_16(text):
        raise ValueError(f"{name} is no UTF-8 text (it looks like UTF-16)")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is no UTF-8 text ({error.reason} at byte {error.start})") from None


def is_utf_16(beginning: bytes) -> bool:
    """Whether a file is UTF-16 or UTF-32, by its byte order mark or the zeros beside plain letters.

    Args:
        beginning: Its first 4 bytes, or more. JSON and settings begin with plain letters.
    """
    first = beginning[:4]
    return first.startswith((BOM_UTF16_BE, BOM_UTF16_LE)) or (0 in first and any(first))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice[:80]!r} stands twice in one object")
    return found


def finite(text: str) -> float:
    """The number that a text spells.

    Raises:
        ValueError: It is not finite, or is no number.
    """
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is not a finite number")
    return number


def _deeper(text: str, levels: int) -> bool:
    """Whether a JSON text nests deeper than so many levels, by its brackets outside strings."""
    marks = _ESCAPE.sub("", text).encode("utf-8", "surrogatepass").translate(_ALIKE, _NO_MARK)
    brackets = _STRING.sub(b"", marks.replace(b'""', b""))
    for _ in range(levels):
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)
