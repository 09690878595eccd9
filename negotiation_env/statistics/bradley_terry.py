"""Who is how strong, from contests of two at a time: the Bradley–Terry model.

The odds that one negotiator beats another are the ratio of their strengths (Bradley and Terry 1952, Biometrika 39);
strengths are given as logarithms. A tie counts half a win for each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp
from typing import Final

import numpy as np

from negotiation_env.statistics.by_scenario import cluster_draws, percentile_interval, positions
from negotiation_env.statistics.intervals import Estimate
from negotiation_env.statistics.rater_agreement import Floats

__all__ = ["Contest", "Rating", "bradley_terry"]

_DRAW_TOLERANCE: Final = 1e-4
"""In log-odds; intervals are read to two decimals."""


@dataclass(frozen=True, slots=True)
class Contest:
    """Two negotiators compared once.

    Attributes:
        first: One negotiator's name.
        second: The other's.
        result: 1.0 the first won, 0.0 the second, 0.5 a tie.
        scenario: The id of what they negotiated; contests of one scenario are not independent.
    """

    first: str
    second: str
    result: float
    scenario: str

    def __post_init__(self) -> None:
        if self.first == self.second or self.result not in (0.0, 0.5, 1.0):
            raise ValueError(f"expected two negotiators and a result of 0.0, 0.5 or 1.0, got {self}")


@dataclass(frozen=True, slots=True)
class Rating:
    """How strong a negotiator is.

    Attributes:
        name: The negotiator's.
        strength: In log-odds, 0 the mean of all, with its 95 % interval; n is the number of contests.
    """

    name: str
    strength: Estimate

    @property
    def contests(self) -> int:
        """How many the negotiator was in."""
        return self.strength.n

    @property
    def win_rate(self) -> Estimate:
        """Share of contests that it would win against one of average strength, 0 to 1."""
        value, low, high = (_logistic(each) for each in (self.strength.value, self.strength.low, self.strength.high))
        return replace(self.strength, value=value, low=low, high=high)


def bradley_terry(contests: Sequence[Contest], *, prior: float = 0.5, draws: int = 1000) -> list[Rating]:
    """Rate negotiators by their contests, with 95 % percentile intervals by the cluster bootstrap over scenarios.

    Args:
        contests: Any number of any pairs.
        prior: Wins, and as many losses, that each negotiator is given beside its own, spread evenly over the others;
            more than 0. It keeps the strength of one that never lost finite, as Haldane's half does for the odds of
            two, and gives groups that never met about the same mean, which is an assumption and no evidence.
        draws: Of the bootstrap, seeded.

    Returns:
        The best first; without intervals where all are of one scenario.
    """
    if not contests:
        return []
    names = sorted({name for contest in contests for name in (contest.first, contest.second)})
    wins = _wins(contests, names)
    strengths = _strengths(wins.sum(axis=0), prior)
    drawn = np.array(
        [
            _strengths(wins[draw].sum(axis=0), prior, strengths, _DRAW_TOLERANCE)
            for draw in cluster_draws(len(wins), draws)
        ]
    )
    counts = (wins + wins.transpose(0, 2, 1)).sum(axis=(0, 1))
    ratings = [
        Rating(name, percentile_interval(float(strengths[at]), drawn[:, at], round(counts[at]), len(wins)))
        for at, name in enumerate(names)
    ]
    return sorted(ratings, key=lambda rating: -(rating.strength.value or 0.0))


def _wins(contests: Sequence[Contest], names: Sequence[str]) -> Floats:
    """How often each beat each; shape [scenarios, winners, losers]."""
    place = {name: at for at, name in enumerate(names)}
    scenarios = positions([contest.scenario for contest in contests])
    wins = np.zeros((scenarios.max() + 1, len(names), len(names)))
    for scenario, contest in zip(scenarios, contests, strict=True):
        first, second = place[contest.first], place[contest.second]
        wins[scenario, first, second] += contest.result
        wins[scenario, second, first] += 1 - contest.result
    return wins


def _strengths(wins: Floats, prior: float, start: Floats | None = None, tolerance: float = 1e-8) -> Floats:
    """The most likely strengths, by Luce spectral ranking (Maystre and Grossglauser 2015, NIPS 28)."""
    from choix import ilsr_pairwise_dense

    given = prior / (len(wins) - 1) * (1 - np.eye(len(wins)))
    strengths: Floats = ilsr_pairwise_dense(wins + given, initial_params=start, tol=tolerance)
    return strengths


def _logistic(log_odds: float | None) -> float | None:
    return None if log_odds is None else 1 / (1 + exp(-log_odds))
