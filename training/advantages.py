"""Advantages: how much better than its group a negotiation went (GRPO; arXiv 2603.10476)."""

from collections.abc import Sequence
from random import Random
from statistics import fmean, stdev

from negotiation_env.episodes.runner import derive_seed

__all__ = ["group_advantages", "no_signal", "order_advantages", "shuffled"]

_SMALL = 1e-4
"""Keeps the division finite, as in TRL."""
_DIGITS = 9
"""Decimals of a difference of rewards that count: 0.3 and 0.2 are 0.1 apart, which in floats is a little less."""
_ORDERED = 0.25
"""Most that an order alone gives; the advantages of scores that differ are about 1."""


def group_advantages(rewards: Sequence[float | None], tie_width: float) -> list[float]:
    """(r - mean) / std within one group.

    Args:
        rewards: One a negotiation; None is unscored.
        tie_width: As for `no_signal`.

    Returns:
        One a negotiation; 0 for the unscored, which are no part of mean and deviation, and in a group without signal.
    """
    if no_signal(rewards, tie_width):
        return [0.0] * len(rewards)
    scored = [reward for reward in rewards if reward is not None]
    mean, spread = fmean(scored), stdev(scored) + _SMALL
    return [0.0 if reward is None else (reward - mean) / spread for reward in rewards]


def no_signal(rewards: Sequence[float | None], tie_width: float) -> bool:
    """Whether a group teaches nothing.

    Graded judges do not repeat themselves to the last digit; to divide by the deviation of such noise would make it as
    loud as the difference of a failure and a triumph.

    Args:
        rewards: One a negotiation; None is unscored.
        tie_width: Of a level: rewards that all lie closer together are taken for equal; exactly so far apart they
            differ. Equal ones are, whatever it is.

    Returns:
        True where they are, and where fewer than two are scored.
    """
    scored = [reward for reward in rewards if reward is not None]
    if len(scored) < 2:
        return True
    spread = round(max(scored) - min(scored), _DIGITS)
    return spread == 0 or spread < tie_width


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
