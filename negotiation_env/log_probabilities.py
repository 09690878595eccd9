r"""Log-probabilities in an endpoint's answer: what counts as one, and tokens as the text that they make.

Tokens are bytes. Where a character is made of several, engines tell each of them as they can: in a `bytes` field, as
`\xf0\x9f` or `bytes:\xf0\x9f`, or as U+FFFD. Here the tokens of a reply get texts that join up to the reply, whatever
the language, so that a place in the text is a place among the tokens.
"""

import math
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any, Final

from negotiation_env.interfaces import Alternatives
from negotiation_env.strict_json import has_surrogates

__all__ = ["chat_alternatives", "completion_alternatives", "log_probability"]

_LEAST: Final = -sys.float_info.max
_EXCESS: Final = 1e-3
"""Rounding in 16 bits can put a certain token's log-probability so little above 0; it is taken for 0."""
_SPELLED: Final = re.compile(rb"\\x([0-9a-fA-F]{2})")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_MOST_END_TOKENS: Final = 3
"""Some engines tell the tokens that end a turn too, which are no part of the reply."""
_BROKEN: Final = "\ufffd"
_ONE_A_SEQUENCE: Final = "replace"
_ONE_A_BYTE: Final = "surrogateescape"
"""How engines put U+FFFD for what is broken: most for each sequence of bytes that begins a character, some, written in
Go, for each byte."""
_MOST_SAVED: Final = 12
"""Bytes that a token can be shorter than its U+FFFD, which are 3 each: those for up to 3 bytes at the end of one
character and as many at the beginning of another; further ones stand in the reply as they are."""
_LONGEST: Final = 2**12
"""Characters, or bytes, of a token; no vocabulary in use has one of a tenth of it."""
_MOST_PLACES: Final = 2**16
"""Places to look at, beyond one for each token, before a way is given up: a quarter of a second."""


def log_probability(value: Any) -> float | None:
    """The log-probability that a JSON value is, at most 0; None for all that is none, NaN and infinities included."""
    if type(value) not in (int, float) or not _LEAST <= value <= _EXCESS:
        return None
    return float(value) if value < 0 else 0.0


def chat_alternatives(told: Any, text: str) -> tuple[Alternatives, ...]:
    """The tokens of a chat completion.

    Args:
        told: The `logprobs` of a choice, whatever is there.
        text: The reply.

    Returns:
        The tokens, whose texts join up to the reply; an alternative without a log-probability is left out. Empty where
        the endpoint gives none, or tokens that do not make up the reply.
    """
    places = told.get("content") if isinstance(told, dict) else None
    if not isinstance(places, list) or not all(_is_token(place) for place in places):
        return ()
    texts = _texts([place["token"] for place in places], [place.get("bytes") for place in places], text)
    tops = [_pairs(place.get("top_logprobs")) for place in places]
    return tuple(map(_alternatives, texts, tops)) if texts else ()


def completion_alternatives(told: Any, text: str) -> tuple[Alternatives, ...]:
    """The same of a text completion, which tells tokens and their alternatives in two lists."""
    told = told if isinstance(told, dict) else {}
    tokens, tops = told.get("tokens"), told.get("top_logprobs")
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        return ()
    if not isinstance(tops, list) or len(tops) != len(tokens):
        return ()
    texts = _texts(tokens, [None] * len(tokens), text)
    pairs = (top.items() if isinstance(top, dict) else () for top in tops)
    return tuple(map(_alternatives, texts, pairs)) if texts else ()


def _is_token(told: Any) -> bool:
    return isinstance(told, dict) and isinstance(told.get("token"), str)


def _pairs(top: Any) -> Iterable[tuple[Any, Any]]:
    alternatives = top if isinstance(top, list) else ()
    return ((each.get("token"), each.get("logprob")) for each in alternatives if isinstance(each, dict))


def _alternatives(text: str, told: Iterable[tuple[Any, Any]]) -> Alternatives:
    """Those with a log-probability; tokens of one text count together, unless it is one token that is told twice."""
    found: dict[str, float] = {}
    for token, value in told:
        logprob = log_probability(value)
        if logprob is not None and isinstance(token, str):
            name = _without_surrogates(token)
            known = found.get(name, logprob)
            found[name] = logprob if known == logprob else _sum(known, logprob)
    return Alternatives(text, found)


def _sum(one: float, other: float) -> float:
    """The logarithm of the sum of two probabilities."""
    return min(0.0, max(one, other) + math.log1p(math.exp(-abs(one - other))))


def _without_surrogates(text: str) -> str:
    return text if text.isascii() else _SURROGATES.sub(_BROKEN, text)


def _texts(tokens: Sequence[str], told_bytes: Sequence[Any], whole: str) -> list[str] | None:
    """What each token stands for in a reply: joined they are the reply; None where they do not fit.

    A character of several tokens stands with the first of them, and the others have nothing of it. Outer white space
    may have been cut from the reply.
    """
    pieces = [_bytes(token, told) for token, told in zip(tokens, told_bytes, strict=True)]
    if has_surrogates(whole) or any(len(each) > _LONGEST for each in (*tokens, *pieces)):
        return None
    as_told = [_without_surrogates(token).encode() for token in tokens]  # for bytes may be told wrongly
    spelt = [tuple(dict.fromkeys(each)) for each in zip(pieces, as_told, strict=True)]
    for count in range(len(tokens), max(0, len(tokens) - 1 - _MOST_END_TOKENS), -1):
        before, after = _cut(b"".join(as_told[:count]).decode(), whole)
        reply = (before + whole + after).encode()
        first, last = len(before.encode()), len(reply) - len(after.encode())
        for errors in _ONE_A_SEQUENCE, _ONE_A_BYTE:
            if ends := _ends(spelt[:count], reply, errors):
                starts = [_next_character(reply, place) for place in [0, *ends]]
                between = [slice(max(start, first), min(end, last)) for start, end in pairwise(starts)]
                return [*(reply[place].decode() for place in between), *[""] * (len(tokens) - count)]
    return None


def _bytes(token: str, told: Any) -> bytes:
    """The bytes of a token, by the best that is told of them."""
    if told and isinstance(told, list) and all(type(byte) is int and 0 <= byte < 256 for byte in told):
        return bytes(told)
    raw = _without_surrogates(token).encode()
    if b"\\x" not in raw:
        return raw
    return _SPELLED.sub(lambda byte: bytes.fromhex(byte[1].decode()), raw.removeprefix(b"bytes:"))


def _cut(told: str, whole: str) -> tuple[str, str]:
    """The outer white space that was told and is not in the reply."""
    before = len(told) - len(told.lstrip()) - (len(whole) - len(whole.lstrip()))
    after = len(told) - len(told.rstrip()) - (len(whole) - len(whole.rstrip()))
    return told[: max(0, before)], told[len(told) - max(0, after) :]


def _ends(tokens: Sequence[tuple[bytes, ...]], reply: bytes, errors: str) -> list[int] | None:
    """Where in the reply each token ends, the last at the reply's end; None where there is no such way.

    A broken token can end at several places: the search goes on from one, and comes back for the next where that leads
    nowhere. It goes on from no place twice, and stops after `_MOST_PLACES`.
    """
    ends: list[int] = []
    ways = [_ends_of(tokens[0], reply, 0, errors)]
    least = [*accumulate((_least_bytes(token, errors) for token in reversed(tokens)), initial=0)]
    seen: set[tuple[int, int]] = set()
    while ways:
        end = next(ways[-1], None)
        if end is None:
            ways.pop()
            del ends[-1:]
        elif len(ways) == len(tokens):
            if end == len(reply):
                return [*ends, end]
        elif (len(ways), end) not in seen and end + least[len(tokens) - len(ways)] <= len(reply):
            seen.add((len(ways), end))
            if len(seen) > len(tokens) + _MOST_PLACES:
                return None
            ends.append(end)
            ways.append(_ends_of(tokens[len(ends)], reply, end, errors))
    return None


def _ends_of(token: tuple[bytes, ...], reply: bytes, start: int, errors: str) -> Iterator[int]:
    """Where a token that starts at a place can end, the likeliest first.

    Args:
        token: Its spellings.
        reply: The reply.
        start: The place, in bytes.
        errors: How its engine decodes what is broken.
    """
    for spelt in token:
        if reply.startswith(spelt, start):
            yield start + len(spelt)
    for spelt in token:
        shown = _decoded(spelt, errors)
        if _BROKEN in shown:
            longest = start + len(shown.encode())
            for end in range(min(longest, len(reply)), max(start, longest - _MOST_SAVED - 1), -1):
                if _decoded(reply[start:end], errors) == shown:
                    yield end


def _decoded(piece: bytes, errors: str) -> str:
    return piece.decode() if piece.isascii() else _without_surrogates(piece.decode(errors=errors))


def _least_bytes(token: tuple[bytes, ...], errors: str) -> int:
    """How much of a reply a token takes at least, each U+FFFD a byte."""
    shown = [_decoded(spelt, errors) for spelt in token]
    return min(len(each.encode()) - 2 * each.count(_BROKEN) for each in shown)


def _next_character(reply: bytes, place: int) -> int:
    """The place itself where a character starts there, or the next one's."""
    while place < len(reply) and reply[place] & 0b1100_0000 == 0b1000_0000:
        place += 1
    return place
