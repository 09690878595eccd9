"""What a training run's files say: its steps, and held-out figures before and after."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, Any

from negotiation_env.episodes.summary import Summary
from negotiation_env.errors import UserError
from negotiation_env.files.durable import read_lines, write_whole
from negotiation_env.files.places import is_there
from negotiation_env.training.config import TrainConfig
from negotiation_env.training.run_folder import METRICS

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = [
    "before_and_after",
    "groups_with_signal",
    "read_metrics",
]


def read_metrics(folder: Path) -> list[dict[str, float | None]]:
    """The steps of a run's log; half a line at its end is what a killed process left.

    Raises:
        UserError: The folder has none, or a line cannot be read.
    """
    path = folder / METRICS
    if not is_there(path):
        raise UserError(f"no {METRICS} in {folder}; expected the folder of a training run")
    return list(read_lines(path, _metrics(), "is not what a training step logs", non_finite=True))


@cache
def _metrics() -> "TypeAdapter[dict[str, float | None]]":
    from pydantic import AfterValidator, TypeAdapter

    return TypeAdapter(Annotated[dict[str, float | None], AfterValidator(_with_step)])


def _with_step(metrics: dict[str, float | None]) -> dict[str, float | None]:
    if metrics.get("step") is None:
        raise ValueError("it has no step")
    return metrics


def groups_with_signal(log: Sequence[dict[str, Any]]) -> float:
    """Share of the training groups whose rewards differed, 0 to 1."""
    return 1.0 - fmean([float(entry["no_signal"]) for entry in log] or [1.0])


def before_and_after(
    config: TrainConfig, before: Summary | None, after: Summary | None, log: Sequence[dict[str, Any]], path: Path
) -> None:
    """Write the run's summary: settings, both evaluations, and the share of groups that carried a signal."""
    summary = {
        "config": config.model_dump(mode="json"),
        "before": before and asdict(before),
        "after": after and asdict(after),
        "steps": len(log),
        "groups_with_signal": groups_with_signal(log),
    }
    write_whole(path, json.dumps(summary, indent=1, ensure_ascii=False) + "\n")
