"""Figures with their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from typing import Final

__all__ = ["BRACKETS", "Estimate", "mean_with_interval", "number_text", "share_with_interval"]

BRACKETS: Final = "In brackets: 95 % interval (Wilson for shares, bootstrap for means), or n where no two values differ"
"""How to read the figures of a table."""
_MANY: Final = 10_000
"""From so many values on the normal interval of a mean is the bootstrap's to its noise."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval.

    Attributes:
        value: The mean or share; None where nothing was counted.
        low: Lower end.
        high: Upper end.
        n: How many were counted.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int

    def __str__(self) -> str:
        if self.value is None:
            return "–"
        return f"{number_text(self.value)} {self.certainty}"

    def __neg__(self) -> "Estimate":
        """Of a difference, the same one seen from the other side."""
        low, value, high = (None if end is None else -end for end in (self.high, self.value, self.low))
        return Estimate(value, low, high, self.n)

    @property
    def certainty(self) -> str:
        """The interval in brackets; where there is none, how many were counted."""
        if self.low is None or self.high is None:
            return f"(n = {self.n})"
        return f"[{number_text(self.low)}, {number_text(self.high)}]"


def number_text(value: float) -> str:
    """Two decimals; below 0.01 two digits that say something, such as 0.0004."""
    exact = round(value, 9) + 0.0  # what is smaller is a zero of floating-point sums; no minus before it
    return f"{exact:.2f}" if exact == 0 or abs(exact) >= 0.01 else f"{exact:.2g}"


def share_with_interval(count: int, total: int) -> Estimate:
    """A share with its 95 % Wilson interval."""
    if not total:
        return Estimate(None, None, None, 0)
    from scipy.stats import binomtest

    interval = binomtest(count, total).proportion_ci(method="wilson")
    return Estimate(count / total, float(interval.low), float(interval.high), total)


def mean_with_interval(values: Sequence[float]) -> Estimate:
    """A mean with its 95 % interval; none below two differing values. The values' order does not matter.

    The interval is the percentile bootstrap's (2,000 draws, seeded), and the normal one over more than 10,000 values.
    """
    if not values:
        return Estimate(None, None, None, 0)
    mean = fsum(values) / len(values)
    if len(set(values)) < 2:
        return Estimate(mean, None, None, len(values))
    import numpy as np
    from scipy.stats import bootstrap

    if len(values) > _MANY:
        half = 1.96 * float(np.std(values, ddof=1)) / len(values) ** 0.5
        return Estimate(mean, mean - half, mean + half, len(values))
    low, high = bootstrap(
        (sorted(values),),
        np.mean,
        n_resamples=2000,
        batch=max(1, 10**6 // len(values)),  # numbers in memory at a time
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Estimate(mean, float(low), float(high), len(values))
