"""The heads that judge: small networks over what was read, trained on labels by `measurements/reading_training.py`.

A head reads of an answer the last token of the question and the mean over the text, of a dialogue also its last token
and the mean over its last turn.
`heads.npz` holds them with what is needed to say how sure they are; `heads.md` beside it is their card.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negotiation_env.judges.reading.reader import Reading

__all__ = [
    "HIGHEST",
    "NETWORKS",
    "OF_ANSWERS",
    "Floats",
    "Heads",
    "Network",
    "load_heads",
    "of_answers",
    "of_dialogues",
    "probability",
    "squeezed",
]

HIGHEST: Final = 5.0
OF_ANSWERS: Final = 2
"""How many places the heads of answers look at; the others are for dialogues."""
NETWORKS: Final = ("by_model", "of_any", "of_models", "agreement")
"""Those of `Heads`, by which they are kept too."""
_BEND: Final = 0.5
"""Where a score bends, this far from either end of the scale."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Network:
    """A layer of units that are zero below a threshold, and a line behind it.

    Attributes:
        first: Weights of the units, the last one of each its constant: shape [units, features + 1].
        last: The same from units to values: shape [values, units + 1].
    """

    first: Floats
    last: Floats

    def values(self, found: Floats) -> Floats:
        """Of readings, shape [n, features]: shape [n, values]."""
        return _lines(np.maximum(_lines(found, self.first), 0), self.last)


@dataclass(frozen=True, slots=True)
class Heads:
    """What was learned from labels.

    Attributes:
        by_model: Log-odds that an answer is written as small models write.
        of_any: Score, and satisfaction of the first and the second of two parties, 0 to 5, of any answer.
        of_models: The same, fit to small models' answers alone: what tells those apart is not what tells plans apart.
        agreement: Log-odds that a dialogue ends in agreement.
        agreed: The probability above which it counts as one.
        interval: What 80 % of held-out labels lie between, as distances from the score.
        centre: Mean of the training answers' features.
        axes: Their main axes, each divided by its spread, so that training answers have a mean square of 1 on each.
        farthest: The mean square over the axes above which a text is outside what the heads know.
    """

    by_model: Network
    of_any: Network
    of_models: Network
    agreement: Network
    agreed: float
    interval: Floats
    centre: Floats
    axes: Floats
    farthest: float

    def grades(self, found: Floats) -> Floats:
        """Score, and satisfaction of the first and the second of two parties, 0 to 5: shape [n, 3].

        Two networks' values, mixed by the probability that the answer is a small model's (Jacobs et al. 1991,
        "Adaptive Mixtures of Local Experts").
        """
        share = probability(self.by_model.values(found))
        return squeezed(share * self.of_models.values(found) + (1 - share) * self.of_any.values(found))

    def probabilities(self, found: Floats) -> Floats:
        """Probability of agreement, 0 to 1: shape [n]."""
        return probability(self.agreement.values(found)[:, 0])

    def distances(self, found: Floats) -> Floats:
        """How far answers are from those of the training, about 1 for one of these: shape [n]."""
        distances: Floats = np.square((found - self.centre) @ self.axes.T).mean(axis=1)
        return distances


def of_answers(read: Reading) -> Floats:
    """What the heads of answers see: shape [n, OF_ANSWERS * WIDTH]."""
    return of_dialogues(read[:, :OF_ANSWERS])


def of_dialogues(read: Reading) -> Floats:
    """What the head of dialogues sees: shape [n, PLACES * WIDTH]."""
    return read.reshape(len(read), -1).astype(np.float64)


def squeezed(scores: Floats) -> Floats:
    """Scores within 0 to 5; near the ends they draw together without meeting, so that none loses its place."""
    low = np.exp(np.minimum(scores, _BEND) / _BEND - 1) * _BEND
    high = HIGHEST - np.exp((HIGHEST - np.maximum(scores, HIGHEST - _BEND)) / _BEND - 1) * _BEND
    return np.where(scores < _BEND, low, np.where(scores > HIGHEST - _BEND, high, scores))


@cache
def load_heads() -> Heads:
    """The shipped heads."""
    with np.load(Path(str(files("negotiation_env.judges.reading"))) / "heads.npz", allow_pickle=False) as kept:
        found: dict[str, Any] = {name: kept[name].astype(np.float64) for name in kept.files}
    nets: Any = {name: Network(found.pop(f"{name}.first"), found.pop(f"{name}.last")) for name in NETWORKS}
    return Heads(**nets, **found | {name: float(found[name]) for name in ("agreed", "farthest")})


def _lines(found: Floats, weights: Floats) -> Floats:
    values: Floats = found @ weights[:, :-1].T + weights[:, -1]
    return values


def probability(odds: Floats) -> Floats:
    """Of log-odds, 0 to 1."""
    found: Floats = (1 + np.tanh(odds / 2)) / 2
    return found
