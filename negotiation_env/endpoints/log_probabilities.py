r"""Log-probabilities in an endpoint's answer: what counts as one, and tokens as the text that they make.

Tokens are bytes. Where a character is made of several, engines tell each of them as they can: in a `bytes` field, as
`\xf0\x9f` or `bytes:\xf0\x9f`, or as U+FFFD. Here the tokens of a reply get texts that join up to the reply, whatever
the language, so that a place in the text is a place among the tokens.
"""

import math
import re
import sys
from codecs import getincrementaldecoder
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, Final

from negotiation_env.interfaces import Alternatives
from negotiation_env.text.strict_json import has_surrogates

__all__ = ["chat_alternatives", "completion_alternatives", "log_probability"]

_LEAST: Final = -sys.float_info.max
_EXCESS: Final = 1e-3
"""Rounding in 16 bits can put a certain token's log-probability so little above 0; it is taken for 0."""
_SPELLED: Final = re.compile(rb"\\x([0-9a-fA-F]{2})")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_MOST_END_TOKENS: Final = 3
"""Some engines tell the tokens that end a turn too, which are no part of the reply."""
_BROKEN: Final = "\ufffd"
_BROKEN_THEN_WHOLE: Final = re.compile(f"({_BROKEN}*)([^{_BROKEN}]*)")


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

    A character of several tokens stands with one of them, and the others have nothing of it.
    """
    if has_surrogates(whole):
        return None
    decode, pieces = getincrementaldecoder("utf-8")("replace").decode, [*map(_bytes, tokens, told_bytes)]
    joined = [decode(piece, number == len(pieces)) for number, piece in enumerate(pieces, 1)]
    as_told = [_without_surrogates(token) for token in tokens]  # for bytes may be told wrongly
    for ends in range(_MOST_END_TOKENS + 1):
        for texts in (joined, as_told):
            fitted = _fitted([*texts[: len(texts) - ends], *[""] * ends], whole) if ends < len(texts) else None
            if fitted is not None:
                return fitted
    return None


def _bytes(token: str, told: Any) -> bytes:
    """The bytes of a token, by the best that is told of them."""
    if told and isinstance(told, list) and all(type(byte) is int and 0 <= byte < 256 for byte in told):
        return bytes(told)
    raw = _without_surrogates(token).encode()
    if b"\\x" not in raw:
        return raw
    return _SPELLED.sub(lambda byte: bytes.fromhex(byte[1].decode()), raw.removeprefix(b"bytes:"))


def _fitted(texts: Sequence[str], whole: str) -> list[str] | None:
    """The texts with what is broken in them exchanged for what stands there in the reply.

    Outer white space may have been cut from the reply.
    """
    told = "".join(texts)
    before = len(told) - len(told.lstrip()) - (len(whole) - len(whole.lstrip()))
    after = len(told) - len(told.rstrip()) - (len(whole) - len(whole.rstrip()))
    if before < 0 or after < 0:
        return None
    characters = _mended(told[before : len(told) - after], whole)
    if characters is None:
        return None
    characters = [*[""] * before, *characters, *[""] * after]
    ends = accumulate(map(len, texts))
    return ["".join(characters[end - len(text) : end]) for text, end in zip(texts, ends, strict=True)]


def _mended(told: str, whole: str) -> list[str] | None:
    """For each character that was told, what stands there in the reply; None where the two differ.

    The characters behind a run of U+FFFD, at least one and at most as many, stand with its first, and none is ASCII.
    """
    mended: list[str] = []
    position = 0
    for part in _BROKEN_THEN_WHOLE.finditer(told):
        broken, literal = part.groups()
        start = _start(literal, whole, position, len(broken), last=part.end() == len(told))
        if start < 0:
            return None
        if broken:
            mended += [whole[position:start], *[""] * (len(broken) - 1)]
        mended += literal
        position = start + len(literal)
    return mended if position == len(whole) else None


def _start(literal: str, whole: str, position: int, broken: int, *, last: bool) -> int:
    """Where what follows a run of U+FFFD starts in the reply; -1 where nowhere."""
    if not broken:
        return position if whole.startswith(literal, position) else -1
    most = position + broken
    farthest = next((place for place in range(position, most) if whole[place : place + 1].isascii()), most)
    if last:
        start = len(whole) - len(literal)
        return start if position < start <= farthest and whole.endswith(literal) else -1
    return whole.find(literal, position + 1, farthest + len(literal))
