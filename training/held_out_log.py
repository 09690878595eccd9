"""The held-out evaluations of a training run, one line of JSON each in an append-only file."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from negotiation_env.files.durable import append_lines, read_lines
from negotiation_env.statistics.intervals import Estimate

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["HELD_OUT", "HeldOut", "append_held_out", "read_held_out"]

HELD_OUT = "held_out.jsonl"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What one judge says of the play on held-out scenarios at one step.

    Attributes:
        step: Optimizer steps behind the policy; 0 is before training.
        judge: The judge's name.
        score: Collective Agency of the completions, 0 to 5.
        agreement_rate: Share that agreed, 0 to 1; None for the held-out judge, which only scores what was played under
            the training judge.
    """

    step: int
    judge: str
    score: Estimate
    agreement_rate: Estimate | None = None

    @property
    def role(self) -> Literal["training judge", "held-out judge"]:
        """Whether the policy is trained on this judge's scores, or the judge has no part in the training."""
        return "held-out judge" if self.agreement_rate is None else "training judge"


@cache
def _adapter() -> "TypeAdapter[HeldOut]":
    from pydantic import TypeAdapter

    return TypeAdapter(HeldOut)


def append_held_out(path: Path, evaluation: HeldOut) -> None:
    """Append one line."""
    append_lines(path, _adapter(), [evaluation])


def read_held_out(path: Path) -> list[HeldOut]:
    """The evaluations of a file, by step and in each step in the order of the file; no file is no evaluations.

    The last line of a step and judge counts, for a resumed run may have evaluated again. Half a line at the end is what
    a killed process left; it is passed over.

    Raises:
        UserError: A line is no evaluation; the message names it.
    """
    lines = read_lines(path, _adapter(), "is not a held-out evaluation")
    latest = {(each.step, each.judge, each.role): each for each in lines}
    return sorted(latest.values(), key=lambda evaluation: evaluation.step)
