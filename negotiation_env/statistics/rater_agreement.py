"""How well raters agree: the statistics behind `negotiate judge-check` and `negotiate judge-compare`.

Scores are arrays of floats from 0 to 5, decisions are arrays of 0.0 and 1.0, and nan is a missing rating: a pair
with one is left out. A statistic that the data do not define, such as a correlation without variance, is None.
"""

import numpy as np
import numpy.typing as npt

from negotiation_env.statistics.intervals import Estimate, share_with_interval

__all__ = [
    "Floats",
    "area_under_curve",
    "cohen_kappa",
    "exact_agreement",
    "krippendorff_alpha",
    "mean",
    "pearson",
    "precision",
    "quadratic_kappa",
    "recall",
    "spearman",
    "to_levels",
    "within_one",
]

Floats = npt.NDArray[np.float64]


def to_levels(scores: Floats) -> Floats:
    """Scores at the nearest of the levels 0 to 5; halves go up, and nan stays nan."""
    return np.floor(scores + 0.5)


def mean(values: npt.ArrayLike) -> float | None:
    """The mean of the values that are not missing."""
    found = np.asarray(values, np.float64)
    found = found[~np.isnan(found)]
    return float(found.mean()) if found.size else None


def exact_agreement(first: Floats, second: Floats) -> float | None:
    """Share of the items that both raters put on the same level."""
    first, second = _both(to_levels(first), to_levels(second))
    return mean(first == second)


def within_one(first: Floats, second: Floats) -> float | None:
    """Share of the items whose two levels differ by one at most."""
    first, second = _both(to_levels(first), to_levels(second))
    return mean(abs(first - second) <= 1)


def quadratic_kappa(first: Floats, second: Floats) -> float | None:
    """Cohen's kappa over the levels, a disagreement weighing its square (Cohen 1968, Psychological Bulletin 70).

    Returns:
        1 for identical levels, 0 for what chance gives, -1 at the least.
    """
    return _kappa(to_levels(first), to_levels(second))


def cohen_kappa(first: Floats, second: Floats) -> float | None:
    """Cohen's kappa of two raters' decisions (Cohen 1960, Educational and Psychological Measurement 20)."""
    return _kappa(first, second)


def krippendorff_alpha(ratings: Floats) -> float | None:
    """Krippendorff's alpha with the interval metric (Krippendorff 2011, Computing Krippendorff's Alpha-Reliability).

    It is 1 - observed / expected disagreement. With squared differences, the observed one is the variance within
    an item, weighted by its ratings, and the expected one the variance of all ratings; items with one rating drop out.

    Args:
        ratings: Shape [raters, items]; nan where a rater did not rate.
    """
    items = [item[~np.isnan(item)] for item in ratings.T]
    rated = [item for item in items if item.size > 1]
    together = np.concatenate([*rated, np.empty(0)])
    if np.unique(together).size < 2:
        return None
    observed = sum(item.size * item.var(ddof=1) for item in rated) / together.size
    return float(1 - observed / together.var(ddof=1))


def pearson(first: Floats, second: Floats) -> float | None:
    """Pearson's linear correlation."""
    from scipy.stats import pearsonr

    first, second = _both(first, second)
    return float(pearsonr(first, second).statistic) if _vary(first, second) else None


def spearman(first: Floats, second: Floats) -> float | None:
    """Spearman's rank correlation, ties at their mean rank."""
    from scipy.stats import spearmanr

    first, second = _both(first, second)
    return float(spearmanr(first, second).statistic) if _vary(first, second) else None


def area_under_curve(opinions: Floats, truth: Floats) -> float | None:
    """Area under the ROC curve: how often a true item is rated above a false one, a tie counting one half.

    This is the Mann-Whitney statistic (Hanley and McNeil 1982, Radiology 143).

    Args:
        opinions: How surely the rater says yes, on any scale.
        truth: 1.0 or 0.0.
    """
    opinions, truth = _both(opinions, truth)
    yes, no = opinions[truth == 1][:, None], opinions[truth == 0][None, :]
    return mean((yes > no) + 0.5 * (yes == no))


def precision(decisions: Floats, truth: Floats) -> Estimate:
    """Share of the yes decisions that are right, with its Wilson interval."""
    decisions, truth = _both(decisions, truth)
    return share_with_interval(int((decisions * truth).sum()), int(decisions.sum()))


def recall(decisions: Floats, truth: Floats) -> Estimate:
    """Share of the true items that were decided yes, with its Wilson interval."""
    return precision(truth, decisions)


def _kappa(first: Floats, second: Floats) -> float | None:
    """Kappa with squared weights; between 0 and 1 these are the weights of the plain kappa too.

    The disagreement expected by chance is the mean square over all pairs of one rating by each rater, and what the
    observed one lacks of it is twice the covariance; so a rater without variance has a kappa of exactly 0.
    """
    first, second = _both(first, second)
    if not first.size:
        return None
    chance = first.var() + second.var() + (first.mean() - second.mean()) ** 2
    covariance = ((first - first.mean()) * (second - second.mean())).mean()
    return float(2 * covariance / chance) if chance else None


def _both(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """The pairs in which neither is missing."""
    there = ~(np.isnan(first) | np.isnan(second))
    return first[there], second[there]


def _vary(*raters: Floats) -> bool:
    return all(np.unique(ratings).size > 1 for ratings in raters)
