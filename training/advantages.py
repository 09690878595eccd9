"""Advantages: how much better than its group a negotiation went (GRPO; arXiv 2603.10476)."""

from collections.abc import Sequence
from random import Random
from statistics import fmean, stdev

from negotiation_env.episodes.runner import derive_seed

__all__ = ["group_advantages", "no_signal", "order_advantages", "shuffled"]

_SMALL = 1e-4
"""Keeps the division finite, as in TRL."""
_SAME = 0.1
"""Of a level: rewards that lie closer are taken for equal, for graded judges do not repeat themselves more closely, and
dividing by so small a deviation would make their noise as loud as the difference of a failure and a triumph."""
_ORDERED = 0.25
"""Most that an order alone gives; the advantages of scores that differ are about 1."""


def group_advantages(rewards: Sequence[float | None]) -> list[float]:
    """(r - mean) / std within one group.

    Args:
        rewards: One a negotiation; None is unscored.

    Returns:
        One a negotiation; 0 for the unscored, which are no part of mean and deviation, and in a group without signal.
    """
    if no_signal(rewards):
        return [0.0] * len(rewards)
    scored = [reward for reward in rewards if reward is not None]
    mean, spread = fmean(scored), stdev(scored) + _SMALL
    return [0.0 if reward is None else (reward - mean) / spread for reward in rewards]


def no_signal(rewards: Sequence[float | None]) -> bool:
    """Whether a group teaches nothing: fewer than two scored rewards, or all within a tenth of a level."""
    scored = [reward for reward in rewards if reward is not None]
    return len(scored) < 2 or max(scored) - min(scored) < _SAME


def order_advantages(order: Sequence[int], answers: Sequence[str]) -> list[float]:
    """The advantages of equally good answers that a judge put in order.

    Args:
        order: Places of the answers, the best one's first.
        answers: Their texts; equal ones get the mean of what their places give.

    Returns:
        One an answer: 0.25 for the best, -0.25 for the worst, the others evenly between.
    """
    step = 2 * _ORDERED / (len(order) - 1)
    given = [_ORDERED - step * order.index(place) for place in range(len(order))]
    return [fmean(each for each, text in zip(given, answers, strict=True) if text == answer) for answer in answers]


def shuffled(advantages: Sequence[float], trained: Sequence[bool], *seed: object) -> list[float]:
    """The control: the advantages of the negotiations that are trained, dealt among them at random.

    Some keep their own by chance: only so is the mean of what each may be dealt 0.
    """
    places = [place for place, each in enumerate(trained) if each]
    dealt = Random(derive_seed("shuffle", *seed)).sample(places, len(places))
    mixed = list(advantages)
    for place, source in zip(places, dealt, strict=True):
        mixed[place] = advantages[source]
    return mixed
