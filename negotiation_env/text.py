"""Untrusted text made harmless without losing what it says.

A negotiator's words go into other parties' prompts, the judge's prompt, terminals and files. Whatever could act
as more than words there is exchanged for a look-alike and reported as an event; nothing is ever an error.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["SILENCE", "CleanText", "neutralise"]

SILENCE = "(says nothing)"
"""Stands for an empty message; chat endpoints reject empty content."""

_LOOKALIKES = str.maketrans("<>[]|", "‹›⟦⟧¦")
# Control tokens of chat templates, and tags in general: <|im_end|>, <｜User｜>, <start_of_turn>, </s>, <<SYS>>.
_ANGLE = re.compile(r"<{1,2}\s*(?:[/!]\s*)?(?:[|｜][^<>\n]{0,80}[|｜]|[A-Za-z][^<>\n]{0,80})\s*>{1,2}")
# Mistral and Llama 2: [INST], [/INST], [AVAILABLE_TOOLS].
_SQUARE = re.compile(r"\[/?[A-Z][A-Z_]+\]")
# A lone half such as "<|im_start" can still be completed by the text after it.
_OPENERS = re.compile(r"<[|｜]|[|｜]>")
_ROLES = r"system|user|assistant|developer|tool|human|ai|judge|grader|moderator|negotiator_\d+"
_HIDDEN = frozenset(
    "\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2060\u2061\u2062\u2063\u2064\u3164\ufeff\uffa0\ufff9\ufffa\ufffb"
)
_LINE_ENDS = frozenset("\r\v\f\x85\u2028\u2029")


@dataclass(frozen=True, slots=True)
class CleanText:
    """A harmless text and what was wrong with the raw one.

    Attributes:
        text: Never empty, at most the length limit.
        events: Any of "empty", "too_long", "control_character", "role_token", "fake_speaker"; in this order.
    """

    text: str
    events: tuple[str, ...]


def neutralise(raw: str, limit: int, speakers: Sequence[str] = ()) -> CleanText:
    """Make a message harmless.

    Args:
        raw: Anything that a model or person said.
        limit: Most characters to keep, at least 1.
        speakers: Names that must not open a line, as if another party spoke there.

    Returns:
        The text and its events. Ordinary text in any script, emoji included, comes back unchanged but for
        white space at its ends.
    """
    visible = _without_controls(raw)
    tokens_gone = _OPENERS.sub(_mask, _SQUARE.sub(_mask, _ANGLE.sub(_mask, visible)))
    text = _fake_speaker(speakers).sub(r"\1\2 -", tokens_gone).strip()
    events = {
        "empty": not text,
        "too_long": len(text) > limit,
        "control_character": visible != raw.replace("\r\n", "\n"),
        "role_token": tokens_gone != visible,
        "fake_speaker": text != tokens_gone.strip(),
    }
    return CleanText(text[:limit].rstrip() or SILENCE, tuple(name for name, happened in events.items() if happened))


def _mask(match: re.Match[str]) -> str:
    return match[0].translate(_LOOKALIKES)


def _without_controls(raw: str) -> str:
    """Drop control, bidirectional and invisible characters; lone surrogates cannot be written to UTF-8."""
    if raw.isascii() and raw.isprintable():
        return raw
    return "".join(_replacement(character) for character in raw.replace("\r\n", "\n"))


def _replacement(character: str) -> str:
    if character in "\n\t":
        return character
    if character in _LINE_ENDS:
        return "\n"
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    code = ord(character)
    bidirectional = 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069
    tag = 0xE0000 <= code <= 0xE01EF  # tags and the supplementary variation selectors, which can carry hidden bytes
    return "" if category == "Cc" or bidirectional or tag or character in _HIDDEN else character


def _fake_speaker(speakers: Sequence[str]) -> re.Pattern[str]:
    names = "|".join([_ROLES, *map(re.escape, speakers)])
    return re.compile(rf"^((?:[^\S\n]|[#*_>\[⟦])*)({names})(?:[^\S\n]|[*_\]⟧])*[:：]", re.IGNORECASE | re.MULTILINE)
