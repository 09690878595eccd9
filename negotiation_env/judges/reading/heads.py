"""The heads that judge: one line each through what was read, trained on labels by `measurements/reading_training.py`.

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

__all__ = ["HIGHEST", "OF_ANSWERS", "Floats", "Heads", "load_heads", "of_answers", "of_dialogues", "squeezed"]

HIGHEST: Final = 5.0
OF_ANSWERS: Final = 2
"""How many places the heads of answers look at; the others are for dialogues."""
_BEND: Final = 0.5
"""Where a score bends, this far from either end of the scale."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heads:
    """What was learned from labels.

    Attributes:
        score: Weights of the score head, calibrated to 0 to 5; the last one is the constant.
        satisfaction: The same for the first and the second of two parties: shape [2, features + 1].
        agreement: The same for the log-odds that a dialogue ends in agreement.
        agreed: The probability above which it counts as one.
        interval: What 80 % of held-out labels lie between, as distances from the score.
        centre: Mean of the training answers' features.
        axes: Their main axes, each divided by its spread, so that training answers have a mean square of 1 on each.
        farthest: The mean square over the axes above which a text is outside what the heads know.
    """

    score: Floats
    satisfaction: Floats
    agreement: Floats
    agreed: float
    interval: Floats
    centre: Floats
    axes: Floats
    farthest: float

    def scores(self, found: Floats) -> Floats:
        """Scores, 0 to 5: shape [n]."""
        return squeezed(_line(found, self.score))

    def satisfactions(self, found: Floats) -> Floats:
        """Satisfaction of the first and the second of two parties, 0 to 5: shape [n, 2]."""
        return squeezed(np.stack([_line(found, head) for head in self.satisfaction], axis=1))

    def probabilities(self, found: Floats) -> Floats:
        """Probability of agreement, 0 to 1: shape [n]."""
        odds: Floats = 1 / (1 + np.exp(-_line(found, self.agreement)))
        return odds

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
    return Heads(**found | {name: float(found[name]) for name in ("agreed", "farthest")})


def _line(found: Floats, head: Floats) -> Floats:
    values: Floats = found @ head[:-1] + head[-1]
    return values
