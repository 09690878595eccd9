"""Advantages: how much better than its group a negotiation went (GRPO; arXiv 2603.10476)."""

from collections.abc import Sequence
from random import Random
from statistics import fmean, stdev

from negotiation_env.runner import derive_seed

__all__ = ["group_advantages", "no_signal", "shuffled", "spread"]

_SMALL = 1e-4
"""Keeps the division finite, as in TRL."""
_SPREAD = 0.25
"""Less than the step between two levels, so that an order never outweighs a score."""


def group_advantages(rewards: Sequence[float | None]) -> list[float]:
    """(r - mean) / std within one group.

    Args:
        rewards: One a negotiation; None is unscored.

    Returns:
        One a negotiation; 0 for the unscored, which are no part of mean and deviation, and where no two are scored.
    """
    scored = [reward for reward in rewards if reward is not None]
    if len(scored) < 2:
        return [0.0] * len(rewards)
    mean, spread = fmean(scored), stdev(scored) + _SMALL
    return [0.0 if reward is None else (reward - mean) / spread for reward in rewards]


def no_signal(rewards: Sequence[float | None]) -> bool:
    """Whether a group teaches nothing: fewer than two different rewards."""
    return len({reward for reward in rewards if reward is not None}) < 2


def spread(order: Sequence[int]) -> list[float]:
    """What is added to equal rewards of answers that were ordered.

    Args:
        order: Places of the answers, the best one's first.

    Returns:
        One an answer: 0.25 for the best, -0.25 for the worst, the others evenly between.
    """
    step = 2 * _SPREAD / (len(order) - 1)
    return [_SPREAD - step * order.index(place) for place in range(len(order))]


def shuffled(advantages: Sequence[float], *seed: object) -> list[float]:
    """The control: the same advantages, each given to a negotiation drawn at random from the batch."""
    mixed = list(advantages)
    Random(derive_seed("shuffle", *seed)).shuffle(mixed)
    return mixed
