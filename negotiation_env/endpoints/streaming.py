"""A chat completion that comes in pieces, as server-sent events; put together it reads like one that came whole."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from negotiation_env.endpoints.faults import PassingFault
from negotiation_env.text.strict_json import read_json

__all__ = ["STREAMED", "Listener", "whole"]

STREAMED: Final[Mapping[str, Any]] = {"stream": True, "stream_options": {"include_usage": True}}
"""The fields of a request that ask for pieces, and for token counts behind them."""
_PREFIX: Final = b"data:"
_DONE: Final = b"[DONE]"
_NAMES: Final = ("type", "role", "id", "format")
"""Fields that name something: the last one counts, where other texts go on."""


class Listener:
    """Tells what has been said so far, each time that a part of an answer brings more.

    Args:
        hear: Told the words.
    """

    def __init__(self, hear: Callable[[str], None]) -> None:
        self._hear = hear
        self._rest, self._words = b"", ""

    def take(self, part: bytes) -> None:
        """The next bytes of the answer; what cannot be read is left to who reads the whole."""
        *lines, self._rest = (self._rest + part).split(b"\n")
        before = len(self._words)
        for line in lines:
            content = _delta(_piece(line)).get("content")
            self._words += content if isinstance(content, str) else ""
        if len(self._words) > before:
            self._hear(self._words)


def whole(raw: bytes) -> bytes:
    """The body of the completion whose pieces an answer holds; any other body as it is.

    Raises:
        PassingFault: The pieces break off, or one of them is an error.
    """
    if not raw.lstrip().startswith((_PREFIX, b":", b"event:")):
        return raw
    told: dict[str, Any] = {}
    message: dict[str, Any] = {}
    reason = None
    lines = raw.split(b"\n")
    for piece in map(_piece, lines):
        if piece.get("error"):
            raise PassingFault(f"the stream ends in an error: {json.dumps(piece['error'])[:200]}")
        told |= {name: value for name, value in piece.items() if value is not None}
        message = _merged(message, _delta(piece))
        reason = _choice(piece).get("finish_reason") or reason
    if reason is None and _DONE not in map(_data, lines):
        raise PassingFault("the stream breaks off")
    told["choices"] = [{"message": message, "finish_reason": reason}]
    return json.dumps(told).encode()


def _data(line: bytes) -> bytes:
    return line.removeprefix(_PREFIX).strip() if line.startswith(_PREFIX) else b""


def _piece(line: bytes) -> dict[str, Any]:
    """The object in a line of the stream; empty where it holds none."""
    try:
        found = read_json(_data(line), non_finite=True)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _choice(piece: Mapping[str, Any]) -> dict[str, Any]:
    choices = piece.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _delta(piece: Mapping[str, Any]) -> dict[str, Any]:
    delta = _choice(piece).get("delta")
    return delta if isinstance(delta, dict) else {}


def _merged(old: Any, new: Any, name: str = "") -> Any:
    """What two pieces of one value come to: texts and lists go on; of anything else the last that says something."""
    if new is None or type(old) is not type(new) or name in _NAMES:
        return old if new is None else new
    if isinstance(old, dict):
        return old | {key: _merged(old.get(key), value, key) for key, value in new.items()}
    if isinstance(old, list):
        return _gone_on(old, new)
    return old + new if isinstance(old, str) else new


def _gone_on(old: list[Any], new: list[Any]) -> list[Any]:
    """A list whose last part goes on in the next one of its type."""
    ends = [*old[-1:], *new[:1]]
    types = [each.get("type") for each in ends if isinstance(each, dict)]
    if len(types) == 2 and types[0] and types[0] == types[1]:
        return [*old[:-1], _merged(*ends), *new[1:]]
    return old + new
