"""Two runs' negotiations over the same scenarios, compared pair by pair."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final, TypeAlias

from negotiation_env.environment.episode import Episode
from negotiation_env.game.scenario import Scenario
from negotiation_env.statistics.by_scenario import Difference, cluster_mean, paired_difference
from negotiation_env.statistics.intervals import Estimate

__all__ = ["Compared", "Figures", "Pair", "compare", "figures", "pairs_by_scenario"]

Figures: TypeAlias = dict[str, float | None]
"""By measure; None where there is nothing to count."""
Pair: TypeAlias = tuple[str, Figures, Figures]
"""The scenario's id, and the figures of both."""
_MEASURES: Final = ("reward", "score", "agreed", "turns")


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure of what was played twice.

    Attributes:
        measure: What it is of: "reward" and "score" of 0 to 5, the share that "agreed", "turns", or another.
        first: Its mean on one side.
        second: And on the other.
        difference: The first less the second.
    """

    measure: str
    first: Estimate
    second: Estimate
    difference: Difference


def figures(episode: Episode) -> Figures:
    """What a negotiation came to; nothing where it is unscored."""
    outcome, scored = episode.outcome, episode.reward is not None
    agreed, turns = (float(outcome.agreed), float(outcome.turns)) if scored else (None, None)
    return {"reward": episode.reward, "score": outcome.score if scored else None, "agreed": agreed, "turns": turns}


def pairs_by_scenario(first: Iterable[Episode], second: Iterable[Episode]) -> list[Pair]:
    """A pair for each scenario that both played: the means of its negotiations, however many each side has."""
    one, other = _by_scenario(first), _by_scenario(second)
    return [(scenario.id, own, other[scenario]) for scenario, own in one.items() if scenario in other]


def compare(pairs: Sequence[Pair], measures: Iterable[str] = _MEASURES) -> tuple[Compared, ...]:
    """Each measure on both sides, over the pairs in which neither lacks it."""
    return tuple(_compared(measure, pairs) for measure in measures)


def _by_scenario(episodes: Iterable[Episode]) -> dict[Scenario, Figures]:
    found: defaultdict[Scenario, list[Figures]] = defaultdict(list)
    for each in episodes:
        found[each.scenario].append(figures(each))
    return {scenario: {name: _mean(name, own) for name in _MEASURES} for scenario, own in found.items()}


def _mean(measure: str, found: Iterable[Figures]) -> float | None:
    values = [each[measure] for each in found]
    there = [value for value in values if value is not None]
    return fmean(there) if there else None


def _compared(measure: str, pairs: Sequence[Pair]) -> Compared:
    there = [each for each in pairs if None not in (each[1][measure], each[2][measure])]
    scenarios = [scenario for scenario, _, _ in there]
    ours, theirs = [each[measure] for _, each, _ in there], [each[measure] for _, _, each in there]
    difference = paired_difference(ours, theirs, scenarios)
    return Compared(measure, cluster_mean(ours, scenarios), cluster_mean(theirs, scenarios), difference)
