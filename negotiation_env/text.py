"""Untrusted text made harmless without losing what it says.

A negotiator's words go into other parties' prompts, the judge's prompt, terminals and files. Whatever could act
as more than words there is exchanged for a look-alike and reported as an event; nothing is ever an error.
"""

import re
from functools import lru_cache
from typing import NamedTuple

__all__ = ["SILENCE", "CleanText", "neutralise", "one_line", "writable_text"]

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
_LINE_ENDS = "\r\v\f\x85\u2028\u2029"
_SURROGATES = "\ud800-\udfff"
_HIDDEN = "\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2060-\u2064\u3164\ufeff\uffa0\ufff9-\ufffb"
_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f"  # all but tab and line feed
_BIDIRECTIONAL = "\u202a-\u202e\u2066-\u2069"
_TAGS = "\U000e0000-\U000e01ef"  # tags and the supplementary variation selectors, which can carry hidden bytes
_INVISIBLE = _LINE_ENDS + _SURROGATES + _HIDDEN + _CONTROLS + _BIDIRECTIONAL + _TAGS
_INVISIBLES = re.compile(f"[{_INVISIBLE}]")
# Every control token has a bracket or a bar. ASCII is looked through quickest by taking out what is unsuspicious.
_SUSPICIOUS = re.compile(rf"[<\[|｜{_INVISIBLE}]")
_UNSUSPICIOUS = bytes(code for code in range(128) if not _SUSPICIOUS.match(chr(code)))


class CleanText(NamedTuple):
    """A harmless text and what was wrong with the raw one.

    Attributes:
        text: Never empty, at most the length limit.
        events: Any of "empty", "too_long", "control_character", "role_token", "fake_speaker"; in this order.
    """

    text: str
    events: tuple[str, ...]


def neutralise(raw: str, limit: int, speakers: tuple[str, ...] = ()) -> CleanText:
    """Make a message harmless.

    Args:
        raw: Anything that a model or person said.
        limit: Most characters to keep, at least 1.
        speakers: Names that must not open a line, as if another party spoke there.

    Returns:
        The text and its events. Ordinary text in any script, emoji included, comes back unchanged but for
        white space at its ends.
    """
    fake_speaker = _fake_speaker(speakers)
    text = raw.strip()
    suspicious = raw.encode().translate(None, _UNSUSPICIOUS) if raw.isascii() else _SUSPICIOUS.search(raw)
    if not suspicious and 0 < len(text) <= limit and not fake_speaker.search(f"\n{text}"):
        return CleanText(text, ())  # most messages; what follows would find nothing
    visible = _visible(raw)
    tokens_gone = _OPENERS.sub(_mask, _SQUARE.sub(_mask, _ANGLE.sub(_mask, visible)))
    text, fakes = fake_speaker.subn(r"\n\1\2 -", f"\n{tokens_gone}")
    text = text.strip()
    events = {
        "empty": not text,
        "too_long": len(text) > limit,
        "control_character": visible != raw.replace("\r\n", "\n"),
        "role_token": tokens_gone != visible,
        "fake_speaker": fakes > 0,
    }
    return CleanText(text[:limit].rstrip() or SILENCE, tuple(name for name, happened in events.items() if happened))


def _mask(match: re.Match[str]) -> str:
    return match[0].translate(_LOOKALIKES)


def _visible(raw: str) -> str:
    """Drop control, bidirectional and invisible characters; lone surrogates cannot be written to UTF-8."""
    return _INVISIBLES.sub(_replacement, raw.replace("\r\n", "\n"))


def _replacement(match: re.Match[str]) -> str:
    character = match[0]
    if character in _LINE_ENDS:
        return "\n"
    return "\ufffd" if "\ud800" <= character <= "\udfff" else ""


@lru_cache(maxsize=4096)
def _fake_speaker(speakers: tuple[str, ...]) -> re.Pattern[str]:
    """A line that opens with a name and a colon; a text is searched with a line feed before it, which is quick."""
    names = "|".join([_ROLES, *map(re.escape, speakers)])
    return re.compile(rf"\n((?:[^\S\n]|[#*_>\[⟦])*)({names})(?:[^\S\n]|[*_\]⟧])*[:：]", re.IGNORECASE)


def one_line(raw: str, limit: int = 300) -> str:
    """A text that may quote anybody as part of a message: harmless, in one line, at most `limit` characters."""
    return " ".join(neutralise(raw, limit).text.split())


def writable_text(raw: str) -> str:
    """A text as a file can hold it: lone surrogates, which JSON can spell and UTF-8 cannot, become escapes."""
    return raw if raw.isascii() else raw.encode("utf-8", "backslashreplace").decode()
