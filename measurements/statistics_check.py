"""Whether the benchmark's statistics keep what they promise, on simulated games whose truth is known.

    python -m measurements.statistics_check [--out measurements/results/statistics_check.json]

A value of a game is its scenario's own (standard deviation 1) plus the game's (standard deviation 1): half of the
variance is between scenarios, and there are 5 games of each.

1. How often the 95 % interval of a mean holds the true mean: by the bootstrap of scenarios, and by that of single
   games, which takes them for independent.
2. How often the paired test rejects at the 5 % level, without a difference and with one of 0.75; beside it t tests of
   the scenarios' means, which suit such normal values exactly, and of single games.
3. How often one or more of 10 comparisons with one base are rejected at the 5 % level although none differs.
4. Bradley–Terry strengths of 5 negotiators against the true ones: 40 scenarios, 3 contests of each pair in each; half
   of the contests end as the first of their scenario and pair did.

Seeded; about a minute and a half on one core.
"""

import gc
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from rich.console import Console
from scipy.stats import norm, ttest_1samp

from measurements.harness import options
from negotiation_env.statistics.bradley_terry import Contest, bradley_terry
from negotiation_env.statistics.by_scenario import cluster_mean, holm, paired_difference
from negotiation_env.statistics.intervals import Estimate, mean_with_interval, share_with_interval
from negotiation_env.statistics.rater_agreement import Floats
from negotiation_env.statistics.table import Cell, Table, tables_to_json, to_rich

SEED = 0
LEVEL = 0.05
GAMES = 5
STRENGTHS = {"a": 1.0, "b": 0.5, "c": 0.0, "d": -0.5, "e": -1.0}


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate all four and print them."""
    chosen = options(__doc__, arguments)
    tables = (coverage(), paired_test(), family(), recovery())
    for table in tables:
        Console().print(to_rich(table))
    if chosen.out:
        chosen.out.write_text(tables_to_json(tables), encoding="utf-8")


def coverage(samples: int = 1000) -> Table:
    """Share of the intervals that hold the true mean."""
    rows: list[tuple[Cell, ...]] = []
    for scenarios in (20, 100):
        names, drawn = games(samples, scenarios)
        clustered = share([holds(cluster_mean(values, names), 0) for values in drawn])
        single = share([holds(mean_with_interval(values.tolist()), 0) for values in drawn])
        rows.append((scenarios, 0.95, clustered, single, samples, SEED))
    columns = ("scenarios", "should be", "bootstrap of scenarios", "bootstrap of single games", "samples", "seed")
    return Table("Coverage of 95 % intervals of a mean", columns, tuple(rows))


def paired_test(samples: int = 1000, scenarios: int = 20) -> Table:
    """Share of the tests that reject."""
    rows: list[tuple[Cell, ...]] = []
    for difference in (0.0, 0.75):
        names, drawn = games(samples, scenarios)
        drawn = drawn + difference
        base = np.zeros(len(names))
        paired = share([rejects(paired_difference(values, base, names).p) for values in drawn])
        means = drawn.reshape(samples, scenarios, GAMES).mean(axis=2)
        others = (share(list(ttest_1samp(each, 0, axis=1).pvalue < LEVEL)) for each in (means, drawn))
        rows.append((difference, paired, *others, samples, SEED))
    columns = ("true difference", "paired test", "t test of scenarios", "t test of single games", "samples", "seed")
    return Table("Share rejected at the 5 % level", columns, tuple(rows), f"{scenarios} scenarios.")


def family(samples: int = 1000, comparisons: int = 10) -> Table:
    """Share of the families with a false rejection."""
    gc.freeze()  # multipletests collects garbage at every call
    draw = np.random.default_rng(SEED)
    distance = (draw.normal(size=(samples, comparisons)) - draw.normal(size=(samples, 1))) / np.sqrt(2)
    raw = [{str(at): float(p) for at, p in enumerate(each)} for each in 2 * norm.sf(abs(distance))]
    unadjusted, adjusted = (
        share([any(rejects(p) for p in each.values()) for each in families])
        for families in (raw, [holm(each) for each in raw])
    )
    columns = ("comparisons", "at most", "Holm", "unadjusted", "samples", "seed")
    return Table(
        "Families with a false rejection", columns, ((comparisons, LEVEL, adjusted, unadjusted, samples, SEED),)
    )


def recovery(samples: int = 100, draws: int = 200) -> Table:
    """Error of each strength, and share of the intervals that hold it."""
    draw = np.random.default_rng(SEED)
    found = [{each.name: each.strength for each in bradley_terry(contests(draw), draws=draws)} for _ in range(samples)]
    rows: list[tuple[Cell, ...]] = []
    for name, true in STRENGTHS.items():
        errors = [(each[name].value or 0.0) - true for each in found]
        held = share([holds(each[name], true) for each in found])
        rows.append((name, true, float(np.mean(errors)), float(np.std(errors)), held, samples, SEED))
    columns = ("negotiator", "true strength", "bias", "sd of the error", "coverage", "samples", "seed")
    return Table("Bradley–Terry: recovery of strengths", columns, tuple(rows), f"In log-odds; {draws} draws.")


def games(samples: int, scenarios: int) -> tuple[list[str], Floats]:
    """Each game's scenario, and values with the mean 0 of shape [samples, games]."""
    draw = np.random.default_rng(SEED)
    values = draw.normal(size=(samples, scenarios, 1)) + draw.normal(size=(samples, scenarios, GAMES))
    return [str(number // GAMES) for number in range(scenarios * GAMES)], values.reshape(samples, -1)


def contests(draw: np.random.Generator, scenarios: int = 40, each: int = 3) -> list[Contest]:
    """Contests whose results follow the strengths, alike within a scenario."""
    played = []
    for first, second in combinations(STRENGTHS, 2):
        wins = draw.random((scenarios, each)) < 1 / (1 + np.exp(STRENGTHS[second] - STRENGTHS[first]))
        wins = np.where(draw.random((scenarios, each)) < 0.5, wins[:, :1], wins)
        played += [Contest(first, second, float(win), str(scenario)) for (scenario, _), win in np.ndenumerate(wins)]
    return played


def share(happened: Sequence[bool]) -> Estimate:
    """How often it happened, with the Wilson interval."""
    return share_with_interval(int(sum(happened)), len(happened))


def holds(interval: Estimate, true: float) -> bool:
    """Whether an interval holds the truth."""
    return interval.low is not None and interval.high is not None and interval.low <= true <= interval.high


def rejects(p: float | None) -> bool:
    """Whether a test rejects."""
    return p is not None and p < LEVEL


if __name__ == "__main__":
    main()
