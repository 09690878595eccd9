"""The scale of heads that judge: score, odds, interval, threshold and farthest distance, by texts that trained none."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.optimize import minimize
from torch import Tensor

from measurements.reading_labels import Row
from negotiation_env.judges.reading.heads import Floats, Heads, squeezed

__all__ = ["scaled", "write"]

AXES: Final = 32
"""Main axes of the training answers in which a distance is measured."""
FALSE_AGREEMENTS: Final = 0.05

Found = Sequence[tuple[Row, Any]]
"""Texts with what the heads see of each."""


def scaled(found: Found, lines: Mapping[str, Floats]) -> Heads:
    """Heads on the scale of the labels.

    Args:
        found: Texts that trained, and those that set the scale.
        lines: "score" and "agreement" of shape [1, features + 1], "satisfaction" of [2, features + 1].
    """
    answers, labels = _of(found, "scale", answers=True)
    dialogues, agreed = _of(found, "scale", answers=False)
    score = moved(lines["score"][0], *np.polyfit(applied(lines["score"][0], answers), labels, 1))
    agreement, threshold = as_odds(lines["agreement"][0], applied(lines["agreement"][0], dialogues), agreed)
    centre, axes = main_axes(_of(found, "train", answers=True)[0])
    return Heads(
        score=score,
        satisfaction=lines["satisfaction"],
        agreement=agreement,
        agreed=threshold,
        interval=np.quantile(labels - squeezed(applied(score, answers)), (0.1, 0.9)),
        centre=centre,
        axes=axes,
        farthest=float(np.quantile(np.square((answers - centre) @ axes.T).mean(axis=1), 0.99)),
    )


def _of(found: Found, part: str, *, answers: bool) -> tuple[Floats, Floats]:
    own = [(read, row.label) for row, read in found if row.part == part and row.item.is_answer == answers]
    readings, labels = zip(*own, strict=True)
    return np.stack(readings).astype(np.float64), np.array(labels)


def applied(head: Floats, found: Floats) -> Floats:
    """A head's values."""
    values: Floats = found @ head[:-1] + head[-1]
    return values


def moved(head: Floats, slope: float, shift: float) -> Floats:
    """A head whose values are others' times a slope, and a shift."""
    other: Floats = head * slope
    other[-1] += shift
    return other


def as_odds(head: Floats, values: Floats, truth: Floats) -> tuple[Floats, float]:
    """A head as log-odds, and the probability above which few that do not agree are taken for an agreement."""

    def loss(line: Floats) -> float:
        odds = line[0] * values + line[1]
        return float(np.logaddexp(0, np.where(truth > 0, -odds, odds)).mean())

    slope, shift = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    probabilities = 1 / (1 + np.exp(-(slope * values + shift)))
    return moved(head, slope, shift), max(0.5, float(np.quantile(probabilities[truth == 0], 1 - FALSE_AGREEMENTS)))


def main_axes(found: Floats) -> tuple[Floats, Floats]:
    """The centre of answers, and their main axes over the spread on each, which lies within standardised features."""
    centre, spread = found.mean(0), found.std(0) + 1e-6
    _, size, axes = np.linalg.svd((found - centre) / spread, full_matrices=False)
    return centre, axes[:AXES] / spread / (size[:AXES, None] / np.sqrt(len(found)))


def write(folder: Path, heads: Heads, changes: Mapping[str, Tensor]) -> None:
    """Heads and changes in as few bytes as they need."""
    lines = {name: np.asarray(getattr(heads, name), np.float32) for name in Heads.__dataclass_fields__}
    np.savez_compressed(folder / "heads.npz", **lines)
    np.savez_compressed(folder / "adapter.npz", **{name: each.half().numpy() for name, each in changes.items()})
