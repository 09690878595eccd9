"""The scale of heads that judge, set by texts that trained none of them, and how they do on others again."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from measurements.label_passes import AUTHORS
from measurements.reading_heads import Set, applied, as_odds, by_kind, checked, main_axes, moved, packed, scored
from measurements.reading_labels import LATER, POLICIES, TRIED, Row
from negotiation_env.judges.reading.heads import Floats, Heads, squeezed
from negotiation_env.judges.reading.reader import PLACES, WIDTH

__all__ = ["figures", "scaled", "write"]

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


def write(folder: Path, heads: Heads, changes: Mapping[str, Tensor]) -> None:
    """Heads and changes in as few bytes as they need."""
    np.savez_compressed(folder / "heads.npz", **packed(heads))
    np.savez_compressed(folder / "adapter.npz", **{name: each.half().numpy() for name, each in changes.items()})


def figures(heads: Heads, found: Found) -> dict[str, Any]:
    """How they do on each of the sets that try them, and how many texts of each kind there were."""
    others = tuple(author for author in AUTHORS if author not in {*TRIED, *LATER})
    sources = {name: (name,) for name in TRIED} | {"unseen": others, POLICIES: (POLICIES,)}
    told: dict[str, Any] = {"texts": counts(found)}
    for name, own in sources.items():
        tried = _set([(row, read) for row, read in found if row.part == "try" and row.source in own])
        told[name] = checked(heads, tried) | by_kind(*scored(heads, tried))
    return told


def counts(found: Found) -> dict[str, int]:
    """Answers and dialogues of each part."""
    kinds = [(row.part, "answers" if row.item.is_answer else "dialogues") for row, _ in found]
    return {f"{part}, {kind}": kinds.count((part, kind)) for part, kind in sorted(set(kinds))}


def _set(found: Found) -> Set:
    read = np.zeros((len(found), PLACES * WIDTH), np.float32)
    for place, (_, each) in enumerate(found):
        read[place, : len(each)] = each
    return Set(tuple(row.item for row, _ in found), read.reshape(len(found), PLACES, WIDTH))
