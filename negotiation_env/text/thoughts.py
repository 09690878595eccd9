"""What a model says to itself and what it says to the others: two texts out of one.

Models that reason mark their thoughts in what they write; the marks are their chat template's. `MARKERS` lists those of
the families in use, after their chat templates, vLLM's reasoning parsers (`vllm/reasoning`) and SGLang's list of them.
Endpoints that take thoughts off themselves send them as a field of their own, see
`negotiation_env.endpoints.chat_completions`.

How a text is split:

* A thought goes from an opening mark to the first closing one of the same family, else to the end: it was cut off.
  What opens within it is part of it. There may be several.
* Before a closing mark that closes nothing all is thought: the chat template had opened it in the prompt.
* So it is, too, where the first opening mark stands within a line, behind words: a thought that the template opened
  speaks of the mark. On a line of its own it opens a thought behind what was said.

In doubt a thought, then: words that are lost can be said again, a thought that is heard cannot be taken back. The word
"think" is no mark, and neither is a look-alike, such as `negotiation_env.text.untrusted` leaves of a mark. One thing
cannot be told: a thought that the template opened and the token limit cut off before its closing mark has no mark. The
engines of this project put the opening one before such a reply; of an endpoint let the server take thoughts off.

A text is split once, where its speaker hands it in. What a mark in it hides is the speaker's own, and nothing of it is
left in what the others get: no party can hide, or bring to light, what another says or thinks.
"""

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["MARKERS", "Marker", "has_no_mark", "joined", "marker_in", "markers_table", "split_thought"]


@dataclass(frozen=True, slots=True)
class Marker:
    """How a family of models marks its thoughts.

    Attributes:
        example: The opening mark as it is mostly written.
        closing: Likewise the closing one.
        families: Whose it is.
        opens: A pattern of the opening mark, which never holds a line feed.
        closes: A pattern of the closing mark, likewise.
        plain: The marks are words: they count only where the text begins with the opening one.
    """

    example: str
    closing: str
    families: str
    opens: str
    closes: str
    plain: bool = False


_NAME: Final = r"(?:[a-z]{1,24}[:_|])?(?:think(?:ing)?|thoughts?|reasoning)(?:[:_| \t][^<>\n]{0,80})?"
_BLANK: Final = r"[^\S\n]*"


def _control(opening: str, closing: str, families: str) -> Marker:
    """Marks that are control tokens, spelled one way."""
    return Marker(opening, closing, families, re.escape(opening), re.escape(closing))


MARKERS: Final = (
    Marker(
        "<think>",
        "</think>",
        "Qwen3, QwQ, DeepSeek, GLM, Granite 3.3, Kimi K2, MiniMax, Nemotron, Phi 4, SmolLM3, OLMo 3, Hunyuan, ERNIE "
        "and others; tags of such names: `<seed:think>` of Seed-OSS, `<longcat_think>`, `<thought>` of EXAONE Deep",
        rf"(?i:<{_BLANK}{_NAME}{_BLANK}>)",
        rf"(?i:<{_BLANK}/{_BLANK}{_NAME}{_BLANK}>)",
    ),
    _control("[THINK]", "[/THINK]", "Mistral, Magistral"),
    Marker(
        "<|channel|>analysis<|message|>",
        "<|channel|>final<|message|>",
        "gpt-oss (harmony): every channel but the final one",
        r"<\|channel\|>(?!\s*final)[^<>\n]{0,80}(?:<\|message\|>)?",
        r"(?:<\|end\|>)?(?:<\|start\|>assistant)?<\|channel\|>\s*final[^<>\n]{0,80}(?:<\|message\|>)?",
    ),
    Marker("<|channel>thought", "<channel|>", "Gemma 4", r"<\|channel>(?:thought)?", r"<channel\|>"),
    _control("◁think▷", "◁/think▷", "Kimi-VL, Kimi-Dev"),
    _control("<|open|>think<|sep|>", "<|close|>think<|sep|>", "Kimi K3"),
    _control("<|START_THINKING|>", "<|END_THINKING|>", "Cohere Command"),
    _control("<|inner_prefix|>", "<|inner_suffix|>", "Apertus"),
    _control("<|think:start|>", "<|think:end|>", "Solar Open"),
    _control("<|plamo:begin_think:plamo|>", "<|plamo:end_think:plamo|>", "PLaMo 3"),
    _control("<|begin_of_thought|>", "<|end_of_thought|>", "OpenThinker, Sky-T1, Bespoke-Stratos"),
    _control("[unused16]", "[unused17]", "openPangu"),
    Marker("<unused94>thought", "<unused95>", "MedGemma", r"<unused94>(?:thought)?", r"<unused95>"),
    Marker(
        "Here is my thought process:",
        "Here is my response:",
        "Granite 3.2",
        r"Here(?: i|')s my thought process:",
        r"Here(?: i|')s my response:",
        plain=True,
    ),
    Marker(
        "analysis",
        "assistantfinal",
        "gpt-oss, from an engine that leaves control tokens out",
        r"analysis(?=[^\W\d_a-z]|(?s:.*)assistantfinal)",
        r"assistantfinal",
        plain=True,
    ),
)
"""By family; a closing mark closes what its own family opened."""

_MARKED: Final = tuple(marker for marker in MARKERS if not marker.plain)
_PLAIN: Final = tuple(marker for marker in MARKERS if marker.plain)
_INITIALS: Final = "".join(sorted({mark[0] for each in _MARKED for mark in (each.example, each.closing)}))
_MARK: Final = re.compile(
    rf"(?=[{re.escape(_INITIALS)}])(?:{'|'.join(f'({each.opens})|({each.closes})' for each in _MARKED)})"
)
_PLAIN_INITIALS: Final = frozenset(marker.example[0] for marker in _PLAIN)
_PLAIN_START: Final = re.compile(rf"\s*(?:{'|'.join(f'({each.opens})' for each in _PLAIN)})")
_WRAPPED: Final = re.compile(
    r"<(?:\|?(?:START_|begin_of_)?)(answer|response|solution|output)\|?>(.*?)(?:<(?:/|\|END_|\|end_of_)\1\|?>)?",
    re.DOTALL | re.IGNORECASE,
)
"""What some families put their words into, behind the thoughts."""
_LONGEST: Final = 2**19
"""Characters that are read of a text: a thought of some 130,000 tokens."""


def split_thought(raw: str) -> tuple[str, str]:
    """What a model thought, and what it says; takes a time that goes with the length of the text.

    Args:
        raw: Anything that a model or person said. Only its first 524,288 characters are read.

    Returns:
        The thoughts without their marks, "" for none, and the words, "" where there are thoughts alone. Without a mark
        the words are the text as it came; stretches of words that a thought parts stand on lines of their own.
    """
    thought, words = _split_plain(raw[:_LONGEST])
    pieces = _pieces(words)
    if len(pieces) == 1:
        return thought, words
    thoughts = joined(thought, *(text for text, is_thought in pieces if is_thought))
    words = "\n".join(text.strip() for text, is_thought in pieces if not is_thought and text.strip())
    wrapped = _WRAPPED.fullmatch(words)
    return thoughts, wrapped[2].strip() if wrapped else words


def has_no_mark(harmless: str) -> bool:
    """Whether a text that `negotiation_env.text.untrusted.neutralise` leaves as it is surely holds no mark; quick.

    It has no control tokens then, and no white space before its words.
    """
    plain = harmless[:1] in _PLAIN_INITIALS and _PLAIN_START.match(harmless)
    return not plain and "◁" not in harmless


def joined(*thoughts: str) -> str:
    """Several thoughts as one text, a blank line between them."""
    return "\n\n".join(thought.strip() for thought in thoughts if thought.strip())


def marker_in(raw: str) -> Marker | None:
    """Whose the first mark in a text is; None where there is none."""
    if start := _PLAIN_START.match(raw):
        return _PLAIN[(start.lastindex or 1) - 1]
    found = _MARK.search(raw)
    return _MARKED[((found.lastindex or 1) - 1) // 2] if found else None


def markers_table() -> str:
    """The families as a Markdown table; the documentation's copy is drawn from it."""
    marks = [f"`{each.example}` … `{each.closing}`".replace("|", r"\|") for each in MARKERS]
    rows = [f"| {shown} | {each.families} |" for shown, each in zip(marks, MARKERS, strict=True)]
    return "\n".join(["| marks | of |", "|---|---|", *rows])


def _split_plain(raw: str) -> tuple[str, str]:
    """The thought that is marked in words, and all behind it."""
    if not (start := _PLAIN_START.match(raw)):
        return "", raw
    parts = re.split(_PLAIN[(start.lastindex or 1) - 1].closes, raw[start.end() :], maxsplit=1)
    return parts[0].strip(), "".join(parts[1:]).strip()


def _pieces(raw: str) -> list[tuple[str, bool]]:
    """The stretches between the marks that count, each with whether it is a thought."""
    pieces: list[tuple[str, bool]] = []
    place, opened, hidden = 0, None, 0
    for mark in _MARK.finditer(raw):
        family, closes = divmod((mark.lastindex or 1) - 1, 2)
        if opened is None:
            opened = None if closes else family
            hidden = len(pieces) + 1 if closes else hidden
        elif closes and family == opened:
            opened = None
            hidden = 2 if len(pieces) == 1 and _ends_within_line(pieces[0][0]) else hidden
        else:
            continue  # a thought speaks of marks
        pieces.append((raw[place : mark.start()], closes == 1))
        place = mark.end()
    pieces.append((raw[place:], opened is not None))
    return [(text, is_thought or place < hidden) for place, (text, is_thought) in enumerate(pieces)]


def _ends_within_line(text: str) -> bool:
    return bool(text.rpartition("\n")[2].strip())
