"""What the smoke-test judge refuses to score, and why.

A refused completion scores 0 with a reason code. The share of refusals is a training metric: when it rises, the
policy collapses or attacks the judge. These checks catch the crude cases only; they are a tripwire, not a defence.
"""

import re
import tomllib
import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any, Final

from negotiation_env.game.scenario import Scenario

__all__ = ["REASONS", "copied_words", "has_word", "listed", "refusal", "word_data", "words_of"]

REASONS: Final = {
    "empty": "no words",
    "too_short": "fewer than 8 words",
    "too_long": "more than 6,000 characters; nothing is cut off silently",
    "hidden_characters": "zero-width, bidirectional, control or private-use characters",
    "markup": "role markers, JSON, HTML comments or code fences instead of prose",
    "judge_directed": "text that asks for or claims a score instead of settling the dilemma",
    "not_english": "another language; the word lists and the thresholds are English",
    "not_prose": "words without the glue of sentences, or glue without words",
    "repetitive": "the same words or phrases over and over",
    "copied_prompt": "mostly the dilemma and the goals, word for word",
}
"""Reason code → what it means."""

_SHORTEST = 8  # words
_LONGEST = 6000  # characters
_MOSTLY_COPIED = 0.75  # share of the words
_WINDOW = 60  # words; a share of unique words says nothing over a long text

_MARKUP = re.compile(
    r"""<\|[^|]*\|> | \[/?INST\] | <</?SYS>> | </?(?:system|assistant|user|im_start|im_end)> | <!-- | ```
    | [{,]\s*"\w[\w ]*"\s*: | ^\W*\#{2,}\s*(?:system|assistant|user|instructions?|response|human|grader|judge)\b
    | ^\W*(?:system|assistant|human)\W{0,3}:""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
_SCORE = r"(?:scores?|ratings?|grades?|marks|points|rewards?|stars)"
_TOP = r"(?:5(?:\.0)?|five|full|top|highest|maxim\w+|best|perfect)"
_TEXT = r"(?:th(?:is|e)\s(?:\w+\s)?(?:completion|answer|response|output|submission|text|plan|proposal))"
_JUDGE = r"(?:grader|judge|rater|evaluator|assessor|scorer|marker|language\smodel|ai)s?"
_JUDGE_DIRECTED = re.compile(
    rf"""
      \b(?:ignore|disregard|forget|override|bypass)\s
      (?:(?:all|any|the|your|my|previous|prior|above|earlier|these|those|of)\s){{0,4}}
      (?:rubric|instructions?|prompts?|(?:scoring|grading)\s\w+)\b
    | \b(?:give|award|assign|grant|mark|rate|score|grade)\s(?:it|this|us|me|{_TEXT})\s
      (?:\w+\s){{0,3}}{_TOP}\b(?!\s(?:days?|weeks?|months?|years?|hours?|minutes?))
    | \b(?:give|award|assign|output|return|print|respond\swith|answer\swith)\s
      (?:\w+\s){{0,2}}(?:{_SCORE}\sof\s{_TOP}|{_TOP}\s(?:\w+\s)?{_SCORE}|5)(?=\W*(?:\Z|[.!]))
    | {_TEXT}\s(?:\w+\s){{0,2}}(?:is|was|been|be|deserves|merits|earns|receives)\s(?:\w+\s){{0,4}}
      (?:{_TOP}\s(?:possible\s)?{_SCORE}|(?:rated|scored|graded)\s(?:\w+\s)?{_TOP})\b
    | {_TEXT}\s(?:was|has\sbeen)\s(?:verified|rated|scored|graded|judged)\b
    | (?:\A|[.!?:]\s)(?:please\s)?(?:rate|score|grade)\s(?:it|this|{_TEXT})\b
    | \b{_SCORE}\s?[:=]\s?{_TOP} | \b5(?:\.0)?\s?(?:/|out\sof)\s?5\b
    | \b(?:dear|attention|note\sto(?:\sthe)?|hello|hey)\W{{1,3}}(?:\w+\s)?{_JUDGE}\b
    | \bas\s(?:an?|the)\s(?:grader|evaluator|rater|scorer|language\smodel|ai)\b
    | \b{_JUDGE}\s(?:will|must|should|would|can)\s(?:\w+\s){{0,3}}(?:see|note|agree|give|award|score|rate)\b
    | \bcollective\sagency\s(?:score|rating|rubric|is\smaxim\w+)
    | \bsystem\s(?:prompt|override)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)


def refusal(completion: str, scenario: Scenario) -> str | None:
    """Why a completion gets no score, or None where it deserves one.

    Args:
        completion: The joint answer.
        scenario: What it answers; text copied from the dilemma and the goals is no answer.

    Returns:
        A key of `REASONS`, or None.
    """
    words = words_of(completion)
    if not words:
        return "empty"
    if len(completion) > _LONGEST:
        return "too_long"
    if _has_hidden_characters(completion):
        return "hidden_characters"
    if _MARKUP.search(completion):
        return "markup"
    if _JUDGE_DIRECTED.search(" ".join(completion.split())):
        return "judge_directed"
    if _is_foreign(completion, words):
        return "not_english"
    if len(words) < _SHORTEST:
        return "too_short"
    if not _is_prose(words):
        return "not_prose"
    if _is_repetitive(words):
        return "repetitive"
    copied = sum(copied_words(words, scenario)) / len(words)
    return "copied_prompt" if copied > _MOSTLY_COPIED else None


def _has_hidden_characters(text: str) -> bool:
    """Find characters that a reader does not see; the joiner inside an emoji is no secret."""
    for position, character in enumerate(text):
        if character in "\n\r\t":
            continue
        if character == "\u200d" and position and unicodedata.category(text[position - 1]) in ("So", "Mn", "Sk"):
            continue
        if unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs"):
            return True
    return False


@cache
def word_data() -> dict[str, Any]:
    """The word lists and example sentences that stand beside this module, in `rubric_words.toml`."""
    return tomllib.loads(
        (resources.files("negotiation_env.judges.smoke_test") / "rubric_words.toml").read_text("utf-8")
    )


@cache
def _word_list(name: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """A list's whole words, and the beginnings of words that it marks with "*"."""
    words = str(word_data()[name]).split()
    starts = tuple(word[:-1] for word in words if word.endswith("*"))
    return frozenset(word for word in words if not word.endswith("*")), starts


@cache
def has_word(name: str, word: str) -> bool:
    """Whether a lower-case word is on the list of that name."""
    whole, starts = _word_list(name)
    return word in whole or word.startswith(starts)


def listed(name: str, words: Sequence[str]) -> frozenset[str]:
    """Those of some lower-case words that are on the list of that name."""
    whole, starts = _word_list(name)
    found = whole.intersection(words)
    return found.union(word for word in words if word.startswith(starts)) if starts else found


def words_of(text: str) -> list[str]:
    """The lower-case words and numbers of a text, apostrophes and hyphens inside words kept."""
    return re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text.lower().replace("’", "'"))


def copied_words(words: Sequence[str], scenario: Scenario, length: int = 4) -> list[bool]:
    """Mark the words that lie in a run of `length` words copied from the dilemma or from one persona's lines."""
    sources = [scenario.dilemma, *(persona.goal for persona in scenario.personas)]
    sources += [persona.red_line for persona in scenario.personas]
    given = {phrase for source in sources for phrase in _phrases(words_of(source), length)}
    marks = [False] * len(words)
    for start, phrase in enumerate(_phrases(words, length)):
        if phrase in given:
            marks[start : start + length] = [True] * length
    return marks


def _is_foreign(text: str, words: Sequence[str]) -> bool:
    """Tell other scripts by their letters, other Latin languages by their commonest words."""
    letters = [character for character in text if character.isalpha()]
    if sum("LATIN" not in unicodedata.name(character, "") for character in letters) > 0.3 * len(letters):
        return True
    foreign = sum(has_word("foreign", word) for word in words)
    return foreign >= 3 and foreign > sum(has_word("function", word) for word in words)


def _is_prose(words: Sequence[str]) -> bool:
    """English prose is a third to two thirds function words, and its words have vowels."""
    share = sum(has_word("function", word) for word in words) / len(words)
    mute = sum(len(word) > 2 and word.isalpha() and not re.search("[aeiouy]", word) for word in words)
    return 0.12 <= share <= 0.85 and mute <= 0.15 * len(words)


def _is_repetitive(words: Sequence[str]) -> bool:
    """Look at windows of words, and at three-word phrases over the whole text."""
    starts = range(0, max(1, len(words) - _WINDOW + 1), _WINDOW // 2)
    windows = [words[start : start + _WINDOW] for start in starts]
    if any(len(set(window)) < 0.25 * len(window) for window in windows):
        return True
    phrases = _phrases(words, 3)
    return len(phrases) >= 20 and len(set(phrases)) < 0.35 * len(phrases)


def _phrases(words: Sequence[str], length: int) -> list[tuple[str, ...]]:
    return [tuple(words[start : start + length]) for start in range(len(words) - length + 1)]
