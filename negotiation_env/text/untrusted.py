"""Untrusted text made harmless without losing what it says.

A negotiator's words go into other parties' prompts, the judge's prompt, terminals and files. Whatever could act
as more than words there is exchanged for a look-alike and reported as an event; nothing is ever an error.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from negotiation_env.text.alike import RARE_COLONS, name_key

__all__ = ["SILENCE", "SLACK", "CleanText", "is_harmless", "masked", "neutralise", "one_line", "writable_text"]

SILENCE = "(says nothing)"
"""Stands for an empty message; chat endpoints reject empty content."""

SLACK = 2**16
"""Characters that are read of a message beyond its limit: what neutralising drops must not use the limit up."""

_LOOKALIKES = str.maketrans("<>[]|", "‹›⟦⟧¦")
# Control tokens of chat templates, and tags in general: <|im_end|>, <｜User｜>, <start_of_turn>, </s>, <<SYS>>;
# TeleChat's <_user>, a byte of sentencepiece as <0x0A>, Falcon's >>TITLE<<.
_ANGLE = re.compile(
    r"<{1,2}\s*(?:[/!]\s*)?(?:[|｜][^<>\n]{0,80}[|｜]|[A-Za-z_][^<>\n]{0,80}+|0x[0-9A-F]{2})\s*+>{1,2}|>>[A-Z_]+<<"
)
# Mistral and Llama 2: [INST], [/INST], [control_8]; InternLM: [UNUSED_TOKEN_9]; EXAONE: [|user|]; GLM: [gMASK]; BERT:
# [unused1]; Gemma: [multimodal], [@BOS@]; MiniMax: ]~b]. What people write in brackets, [1], [sic] or [x], is none.
_SQUARE = re.compile(
    r"\[/?[A-Z][A-Z_]+\]|\[/?[A-Z]+(?:_[A-Z0-9]+)+\]|\[[|｜][^\[\]\n]{0,80}[|｜]\]|\[[a-z]MASK\]|\[@[A-Z]+@\]"
    r"|\[(?:unused|control|extra_id|special|reserved)[_ ]?\d+\]|\[multimodal\]|\[toxicity=\d\]|\]~!?b[\[\]]|\[e~\["
)
_BARS = re.compile(r"\|\|\|[A-Z_]+\|\|\|")  # OLMo's |||EMAIL_ADDRESS|||
# A lone half such as "<|im_start" can still be completed by the text after it.
_OPENERS = re.compile(r"[<\[][|｜]|[|｜][>\]]")
_ROLES = frozenset(("system", "user", "assistant", "developer", "tool", "human", "ai", "judge", "grader", "moderator"))
_SEAT = re.compile(r"negotiator_\d+")
_TRAILING = re.compile(r"[\s*_\]⟧]+\Z")
_COLONS = ":："
_LONG_HEAD = 64
"""Characters before a colon beyond which decoration may stand before a name."""
_LINE_ENDS = "\r\v\f\x85\u2028\u2029"
_SURROGATES = "\ud800-\udfff"
_HIDDEN = "\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2060-\u2064\u3164\ufeff\uffa0\ufff9-\ufffb"
_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f"  # all but tab and line feed
_BIDIRECTIONAL = "\u202a-\u202e\u2066-\u2069"
_TAGS = "\U000e0000-\U000e01ef"  # tags and the supplementary variation selectors, which can carry hidden bytes
_INVISIBLE = _LINE_ENDS + _SURROGATES + _HIDDEN + _CONTROLS + _BIDIRECTIONAL + _TAGS
_INVISIBLES = re.compile(f"[{_INVISIBLE}]")
# Every control token has a bracket or a bar. ASCII is looked through quickest by taking out what is unsuspicious.
_SUSPICIOUS = re.compile(rf"[<\[\]|｜{RARE_COLONS}{_INVISIBLE}]")
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
        raw: Anything that a model or person said. Only its first `limit + SLACK` characters are read.
        limit: Most characters to keep, at least 1.
        speakers: Names that must not open a line, as if another party spoke there; however they are written there, see
            `negotiation_env.text.alike.name_key`.

    Returns:
        The text and its events. Ordinary text in any script, emoji included, comes back unchanged but for
        white space at its ends.
    """
    if cut := len(raw) > limit + SLACK:
        raw = raw[: limit + SLACK]
    text = raw.strip()
    if not cut and not _is_suspicious(raw) and 0 < len(text) <= limit and not _has_fake_speaker(text, speakers):
        return CleanText(text, ())  # what follows would find nothing
    visible = _visible(raw)
    tokens_gone = masked(visible)
    text = _without_fake_speakers(tokens_gone, speakers)
    faked = text != tokens_gone
    text = text.strip()
    events = {
        "empty": not text,
        "too_long": cut or len(text) > limit,
        "control_character": visible != raw.replace("\r\n", "\n"),
        "role_token": tokens_gone != visible,
        "fake_speaker": faked,
    }
    return CleanText(text[:limit].rstrip() or SILENCE, tuple(name for name, happened in events.items() if happened))


def is_harmless(text: str, limit: int, speakers: tuple[str, ...] = ()) -> bool:
    """Whether `neutralise` leaves a text as it is, without an event, as most; quicker than to see what it does."""
    if not 0 < len(text) <= limit or len(text.strip()) < len(text):
        return False
    return not _is_suspicious(text) and not _has_fake_speaker(text, speakers)


def _is_suspicious(text: str) -> object:
    return text.encode().translate(None, _UNSUSPICIOUS) if text.isascii() else _SUSPICIOUS.search(text)


def masked(text: str) -> str:
    """A text with the control tokens of chat templates exchanged for look-alikes."""
    for tokens in (_ANGLE, _SQUARE, _BARS, _OPENERS):
        text = tokens.sub(_mask, text)
    return text


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


def _has_fake_speaker(text: str, speakers: tuple[str, ...]) -> bool:
    """Whether a line opens with a speaker; may say so where `_without_fake_speakers` then finds none.

    A text that has a rarer colon is suspicious already and never comes here.
    """
    colon = text.find(":")
    while colon >= 0:
        head = text[text.rfind("\n", 0, colon) + 1 : colon]
        if len(head) > _LONG_HEAD:
            return _without_fake_speakers(text, speakers) != text
        if _speaks(head, speakers):
            return True
        line_end = text.find("\n", colon)
        colon = text.find(":", line_end) if line_end >= 0 else -1
    return "：" in text and _without_fake_speakers(text, speakers) != text


def _without_fake_speakers(text: str, speakers: tuple[str, ...]) -> str:
    """Take the colon from lines that open with a speaker."""

    def shown(line: re.Match[str]) -> str:
        head, start = line[1], line.start()
        named = line.string[start : line.start(1)] + _TRAILING.sub("", head)
        return f"{named} -" if _speaks(head, speakers) else line[0]

    return _heads(speakers).sub(shown, f"\n{text}")[1:]


@lru_cache(maxsize=4096)
def _speaks(head: str, speakers: tuple[str, ...]) -> bool:
    """Whether what stands before a colon is a role or one of the speakers' names, as a reader takes it."""
    key = name_key(head)
    return key in _ROLES or key in _keys(speakers) or _SEAT.fullmatch(key) is not None


@lru_cache(maxsize=4096)
def _keys(speakers: tuple[str, ...]) -> frozenset[str]:
    """The speakers' names; of "Finance: Ann" its beginning, where a line's first colon would stand."""
    names = [re.split(f"[{_COLONS}{RARE_COLONS}]", name.strip()) for name in speakers]
    return frozenset(key for parts in names if (key := name_key(parts[0])))


@lru_cache(maxsize=4096)
def _heads(speakers: tuple[str, ...]) -> re.Pattern[str]:
    """Lines with a colon not far from their beginning: decoration, then what could be a name.

    No part can give back what it took, so that a text is gone through once. A text is searched with a line feed before
    it, which is quick.
    """
    longest = 2 * max(map(len, (*speakers, "negotiator_0"))) + 16  # accents may be characters of their own
    colon = f"{_COLONS}{RARE_COLONS}"
    before, name, after = r"(?:[^\S\n]|[#*_>\[⟦])*+", rf"[^\n{colon}]{{1,{longest}}}+", r"(?:[^\S\n]|[*_\]⟧])*+"
    return re.compile(rf"\n{before}({name})(?:{after}[{colon}])++")


def one_line(raw: str, limit: int = 300) -> str:
    """A text that may quote anybody as part of a message: harmless, in one line, at most `limit` characters."""
    return " ".join(neutralise(raw, limit).text.split())


def writable_text(raw: str) -> str:
    """A text as a file can hold it: lone surrogates, which JSON can spell and UTF-8 cannot, become escapes."""
    return raw if raw.isascii() else raw.encode("utf-8", "backslashreplace").decode()
