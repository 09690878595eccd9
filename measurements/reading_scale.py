"""The scale of heads that judge: score, odds, interval, threshold and farthest distance, by texts that trained none."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from scipy.optimize import minimize
from torch import Tensor

from measurements.reading_labels import Row
from measurements.reading_networks import Read
from negotiation_env.judges.reading.heads import NETWORKS, Floats, Heads, Network, probability

__all__ = ["scaled", "write"]

AXES: Final = 32
"""Main axes of the training answers in which a distance is measured."""
FALSE_AGREEMENTS: Final = 0.05


def scaled(found: Sequence[Read], fit: Mapping[str, Network]) -> Heads:
    """Heads on the scale of the labels.

    Args:
        found: Texts that trained, and those that set the scale.
        fit: The networks of `Heads` by name.
    """
    rows, answers = _of(found, "scale", answers=True)
    dialogues, spoken = _of(found, "scale", answers=False)
    labels, by_model = np.array([row.label for row in rows]), np.array([row.by_model for row in rows])
    of_any = onto(fit["of_any"], answers[~by_model], labels[~by_model])
    of_models = beside(of_any, fit, answers[by_model], labels[by_model])
    said, agreed = fit["agreement"].values(spoken)[:, 0], np.array([row.label for row in dialogues])
    agreement, threshold = as_odds(fit["agreement"], said, agreed)
    centre, axes = main_axes(_of(found, "train", answers=True)[1])
    heads = Heads(
        by_model=fit["by_model"],
        of_any=of_any,
        of_models=of_models,
        agreement=agreement,
        agreed=threshold,
        interval=np.zeros(2),
        centre=centre,
        axes=axes,
        farthest=float(np.quantile(np.square((answers - centre) @ axes.T).mean(axis=1), 0.99)),
    )
    return replace(heads, interval=np.quantile(labels - heads.grades(answers)[:, 0], (0.1, 0.9)))


def _of(found: Sequence[Read], part: str, *, answers: bool) -> tuple[list[Row], Floats]:
    own = [(row, read) for row, read in found if row.part == part and row.item.is_answer == answers]
    rows, readings = zip(*own, strict=True)
    return [*rows], np.stack(readings).astype(np.float64)


def onto(network: Network, found: Floats, labels: Floats, share: Floats | float = 1.0) -> Network:
    """A network whose scores of these texts, times a share, are near labels; what it says of parties goes along."""
    said = np.column_stack([network.values(found)[:, 0], np.ones(len(found))])
    return moved(network, *np.linalg.lstsq(said * share, labels)[0])


def beside(of_any: Network, fit: Mapping[str, Network], found: Floats, labels: Floats) -> Network:
    """The network of models' answers, such that mixed with that of any answers it is near these labels."""
    share = probability(fit["by_model"].values(found))
    rest = labels - (1 - share[:, 0]) * of_any.values(found)[:, 0]
    return onto(fit["of_models"], found, rest, share)


def moved(network: Network, slope: float, shift: float) -> Network:
    """A network whose values are another's times a slope, and a shift."""
    last = network.last * slope
    last[:, -1] += shift
    return replace(network, last=last)


def as_odds(network: Network, values: Floats, truth: Floats) -> tuple[Network, float]:
    """A network as log-odds, and the probability above which few that do not agree are taken for an agreement."""

    def loss(line: Floats) -> float:
        odds = line[0] * values + line[1]
        return float(np.logaddexp(0, np.where(truth > 0, -odds, odds)).mean())

    slope, shift = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    probabilities = 1 / (1 + np.exp(-(slope * values + shift)))
    return moved(network, slope, shift), max(0.5, float(np.quantile(probabilities[truth == 0], 1 - FALSE_AGREEMENTS)))


def main_axes(found: Floats) -> tuple[Floats, Floats]:
    """The centre of answers, and their main axes over the spread on each, which lies within standardised features."""
    centre, spread = found.mean(0), found.std(0) + 1e-6
    _, size, axes = np.linalg.svd((found - centre) / spread, full_matrices=False)
    return centre, axes[:AXES] / spread / (size[:AXES, None] / np.sqrt(len(found)))


def write(folder: Path, heads: Heads, changes: Mapping[str, Tensor]) -> None:
    """Heads and changes in as few bytes as they need."""
    plain = {name: getattr(heads, name) for name in Heads.__dataclass_fields__}
    nets = {name: plain.pop(name) for name in NETWORKS}
    layers = {f"{name}.{layer}": getattr(net, layer) for name, net in nets.items() for layer in ("first", "last")}
    lines = {name: np.float16(each) for name, each in (layers | {"axes": plain.pop("axes")}).items()}
    np.savez_compressed(folder / "heads.npz", **lines, **{name: np.float32(each) for name, each in plain.items()})
    np.savez_compressed(folder / "adapter.npz", **{name: each.half().numpy() for name, each in changes.items()})
