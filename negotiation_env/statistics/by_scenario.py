"""The statistics of comparisons: intervals and tests that know that games of one scenario are not independent.

Values are floats, and None or nan is a missing one. A cluster is what was drawn at random as a whole, here a scenario:
whoever adds seats or seeds to a scenario learns more about that scenario, not about more of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from negotiation_env.statistics.intervals import Estimate
from negotiation_env.statistics.rater_agreement import Floats

__all__ = [
    "Difference",
    "Positions",
    "Runs",
    "Values",
    "cluster_draws",
    "cluster_mean",
    "holm",
    "mean_over_runs",
    "paired_difference",
    "percentile_interval",
    "positions",
    "statistic_with_interval",
]

Values: TypeAlias = Sequence[float | None] | Floats
"""Figures, of which None or nan is a missing one."""

Positions = npt.NDArray[np.intp]

_DRAWS: Final = 2000
_FLIPS: Final = 9999


@dataclass(frozen=True, slots=True)
class Difference:
    """How far the first of paired values are above the second.

    Attributes:
        difference: Difference of the means, with its 95 % interval.
        p: Two-sided p value of there being none; None with fewer than two clusters.
        pairs: How many were compared.
    """

    difference: Estimate
    p: float | None
    pairs: int


@dataclass(frozen=True, slots=True)
class Runs:
    """A figure over repetitions of an evaluation, as the paper gives it: mean ± standard deviation.

    Attributes:
        mean: Mean of the runs' means; None without a value.
        deviation: Their sample standard deviation; None with fewer than two runs.
    """

    mean: float | None
    deviation: float | None


def cluster_mean(values: Values, clusters: Sequence[str]) -> Estimate:
    """The mean, such as a share of wins, with its 95 % percentile interval by the cluster bootstrap.

    Scenarios are drawn with all their values (2,000 draws, seeded; Davison and Hinkley 1997, Bootstrap Methods and
    their Application, chapter 3). `measurements/statistics_check.py` shows how often such intervals hold the truth.

    Args:
        values: Missing ones are left out.
        clusters: Each value's scenario.

    Returns:
        The mean, and as n how many values there are; no interval with one scenario, or where all draws are equal.

    Raises:
        ValueError: The lengths differ.
    """
    _expect_equal_lengths(values=values, clusters=clusters)
    found = np.asarray(values, np.float64)
    there = ~np.isnan(found)
    if not there.any():
        return Estimate(None, None, None, 0)
    scenario = positions(np.asarray(clusters)[there])
    sums, counts = _sums(scenario, found[there]), np.bincount(scenario)
    draws = cluster_draws(len(counts), _DRAWS)
    drawn = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    return percentile_interval(float(sums.sum() / counts.sum()), drawn, int(counts.sum()), len(counts))


def statistic_with_interval(statistic: Callable[[Positions], float | None], clusters: Sequence[str]) -> Estimate:
    """Any statistic, such as a rank correlation, with its 95 % interval by the same bootstrap as `cluster_mean`.

    Args:
        statistic: Takes the positions of the items to count, a position possibly more than once.
        clusters: Each item's scenario.

    Returns:
        The statistic over all items, and n the number of items; no interval where all draws are equal.
    """
    value = statistic(np.arange(len(clusters))) if clusters else None
    if value is None:
        return Estimate(None, None, None, len(clusters))
    scenario = positions(clusters)
    items = [np.flatnonzero(scenario == each) for each in range(scenario.max() + 1)]
    draws = cluster_draws(len(items), _DRAWS)
    drawn = [statistic(np.concatenate([items[each] for each in draw])) for draw in draws]
    known = np.array([each for each in drawn if each is not None], np.float64)
    return percentile_interval(value, known, len(clusters), len(items))


def paired_difference(first: Values, second: Values, clusters: Sequence[str]) -> Difference:
    """How far the first are above the second, pair by pair: same scenario, same seat, same seed.

    The test is the sign-flip permutation test over the scenarios' sums of differences: if nothing but chance decides
    which of two negotiators is called the first, each scenario's sum could as well have the other sign. It is exact
    with up to 13 scenarios and seeded Monte Carlo (9,999 draws) beyond.

    For a win rate, give 1 and 0 for a counted pair that the first won, and 0 and 1 for one that the second won: the
    difference is then wins less losses over counted pairs, and the test the sign test, clustered by scenario.

    Args:
        first: Values of one negotiator; a pair in which either is missing is left out.
        second: The values of the other, in the same order.
        clusters: Each pair's scenario.

    Raises:
        ValueError: The lengths differ.
    """
    _expect_equal_lengths(first=first, second=second, clusters=clusters)
    differences = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    there = ~np.isnan(differences)
    sums = _sums(positions(np.asarray(clusters)[there]), differences[there])
    return Difference(cluster_mean(differences, clusters), _sign_flip_p(sums), int(there.sum()))


def holm(p_values: Mapping[str, float | None]) -> dict[str, float | None]:
    """P values adjusted by Holm's step-down method (Holm 1979, Scandinavian Journal of Statistics 6).

    Whoever rejects what is below a level is wrong even once with at most that probability, however the tests depend on
    one another. None is no test: it stays None and does not count.
    """
    from statsmodels.stats.multitest import multipletests

    tested = {name: p for name, p in p_values.items() if p is not None}
    adjusted = multipletests(list(tested.values()), method="holm")[1] if tested else []
    return dict.fromkeys(p_values) | dict(zip(tested, map(float, adjusted), strict=True))


def mean_over_runs(values: Values, runs: Sequence[int | None]) -> Runs:
    """Mean and standard deviation of the runs' means; a run without a value is left out.

    Args:
        values: Missing ones are left out.
        runs: The repetition that each is from; None is one of its own.

    Raises:
        ValueError: The lengths differ.
    """
    _expect_equal_lengths(values=values, runs=runs)
    found = np.asarray(values, np.float64)
    there = ~np.isnan(found)
    run = positions(np.array([-1 if each is None else each for each in runs])[there])
    means = _sums(run, found[there]) / np.bincount(run)
    if not means.size:
        return Runs(None, None)
    return Runs(float(means.mean()), float(means.std(ddof=1)) if means.size > 1 else None)


def positions(names: npt.ArrayLike) -> Positions:
    """Each name's place among the names that there are, sorted: the order of the items decides nothing."""
    return np.unique(names, return_inverse=True)[1]


def cluster_draws(clusters: int, draws: int) -> Positions:
    """Positions of the clusters that each draw of a bootstrap holds; seeded.

    Returns:
        Shape [draws, clusters].
    """
    return np.random.default_rng(0).integers(clusters, size=(draws, clusters))


def percentile_interval(value: float, drawn: Floats, n: int, clusters: int) -> Estimate:
    """A statistic with the 95 % interval that its draws give; no interval where they are equal.

    The 2.5th and the 97.5th percentile of few clusters' draws lie too close together, as far as a normal quantile
    without the n / (n - 1) of a variance does; the percentiles are those that make up for it (expanded percentile
    interval; Hesterberg 2015, The American Statistician 69).
    """
    if np.allclose(drawn, drawn[:1], rtol=1e-12, atol=1e-12):
        return Estimate(value, None, None, n)
    from scipy.stats import norm, t

    tail = 100 * norm.cdf(t.ppf(0.025, clusters - 1) * sqrt(clusters / (clusters - 1)))
    low, high = np.percentile(drawn, [tail, 100 - tail])
    return Estimate(value, float(low), float(high), n)


def _sums(groups: Positions, values: Floats) -> Floats:
    """The sum of each group's values."""
    return np.bincount(groups, values).astype(np.float64)


def _sign_flip_p(sums: Floats) -> float | None:
    if len(sums) < 2:
        return None
    from scipy.stats import permutation_test

    whole = np.rint(sums * 1e6)  # whole millionths add up exactly: totals that are equal are found equal
    generator = np.random.default_rng(0)
    found = permutation_test(
        (whole,), np.sum, permutation_type="samples", n_resamples=_FLIPS, batch=1000, rng=generator
    )
    return float(found.pvalue)


def _expect_equal_lengths(**columns: Values | Sequence[str] | Sequence[int | None]) -> None:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"expected equally many, got {', '.join(f'{n} {name}' for name, n in lengths.items())}")
