"""The record of a run: every text that was asked for, and what became of it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from negotiation_env.endpoints.recording import sound
from negotiation_env.endpoints.usage import Usage, calls_usage
from negotiation_env.episodes.run_folder import CANDIDATES
from negotiation_env.files.durable import append_lines, read_lines
from negotiation_env.game.events import JudgeCall
from negotiation_env.interfaces import Reply
from negotiation_env.judges.forms import as_read
from negotiation_env.judges.material import clean
from negotiation_env.synthesis.neighbours import Nearest

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = [
    "CANDIDATES",
    "REJECTED",
    "Candidate",
    "Fate",
    "append_candidates",
    "call_of",
    "read_candidates",
    "usages_of",
]

Fate: TypeAlias = Literal["accepted", "unreadable", "out of limits", "near duplicate", "poor", "unjudged", "no reply"]
"""The last two wait for a resumed run."""
REJECTED: Final[tuple[Fate, ...]] = ("unreadable", "out of limits", "near duplicate", "poor")
"""After these a slot is asked for again."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that was asked for.

    Attributes:
        slot: Its slot's number.
        attempt: From 0.
        fate: What became of it.
        asked: Calls of the author, failed ones included; without the prompts, which follow from plan and record.
        graded: Calls of the judge, likewise.
        why: What speaks against it: an error, the measures by which it is a near-duplicate, or the low levels.
        row: It as a row of the dataset; None where it could not be read or is out of limits.
        nearest: What stood nearest to it when it came.
        levels: What the judge gave, by aspect, 0 to 5.
    """

    slot: int
    attempt: int
    fate: Fate
    asked: tuple[JudgeCall, ...]
    graded: tuple[JudgeCall, ...] = ()
    why: str = ""
    row: Mapping[str, Any] | None = None
    nearest: Nearest | None = None
    levels: Mapping[str, int] | None = None


def call_of(reply: Reply, error: str | None = None) -> JudgeCall:
    """The record of a reply's words, neutralised; a failed call's own error comes before `error`."""
    error, words = reply.error or error, as_read(reply).text
    return JudgeCall((), words and clean(words), error and clean(error), clean(reply.model), sound(reply).usage)


def append_candidates(path: Path, candidates: Iterable[Candidate]) -> None:
    """Append a line each, in a single write."""
    append_lines(path, _adapter(), candidates)


def read_candidates(path: Path) -> dict[tuple[int, int], Candidate]:
    """The candidates by slot and attempt, in the order of arrival; of several lines on one the last counts.

    Half a line at the end, what a killed run left, is passed over; no file is no candidates.

    Raises:
        UserError: A line is no candidate; the message names it.
    """
    return {(each.slot, each.attempt): each for each in read_lines(path, _adapter(), "is no candidate")}


def usages_of(candidates: Collection[Candidate]) -> dict[str, Usage]:
    """What the calls of author and judge took."""
    return {
        "author": calls_usage(call for each in candidates for call in each.asked),
        "judge": calls_usage(call for each in candidates for call in each.graded),
    }


@cache
def _adapter() -> "TypeAdapter[Candidate]":
    from pydantic import TypeAdapter

    return TypeAdapter(Candidate)
