"""What the options for a training signal give, in a simulation of a judge.

    python -m measurements.signal_options [--out measurements/results/signal_options.json]

No judge was asked: no language model that judges well runs on this machine. Groups of 8 answers have true qualities
around a mean between 2 and 4; their spread is set so that a judge's single most likely level leaves a quarter of the
groups without signal, as the paper reports. The judge sees an answer's quality with an error of its own (0.15 of a
level, the same however it is asked) and names a level from 0 to 5 with probabilities that fall off around it: sure of
itself (deviation 0.25 of a level) or hesitant (0.6).

The rewards of each option go through the trainer's own functions (`negotiation_env.training.advantages`). For each
option: the share of groups without signal, the correlation of advantages with the true ones over all answers (0 where
a group has no signal), its 95 % interval over groups, and what a group costs in judge calls and negotiations.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from measurements.harness import options, tell
from negotiation_env.training.advantages import group_advantages, no_signal, order_advantages
from negotiation_env.training.config import TrainConfig

GROUP, GROUPS, SILENT = 8, 4000, 0.25
TIE_WIDTH = TrainConfig().tie_width
ERROR = 0.15
SPREADS = {"sure of itself": 0.25, "hesitant": 0.6}
LEVELS = np.arange(6.0)
Numbers = NDArray[np.float64]
Option = Callable[[Numbers, np.random.Generator], Numbers]
"""From the judge's probabilities of the levels, group x 8 x 6, to rewards, group x 8."""


def most_likely(shares: Numbers, _: np.random.Generator) -> Numbers:
    """One reply, greedy."""
    return LEVELS[shares.argmax(axis=-1)]


def drawn(shares: Numbers, random: np.random.Generator) -> Numbers:
    """One reply, sampled."""
    return (random.random((*shares.shape[:-1], 1)) > shares.cumsum(axis=-1)).sum(axis=-1).clip(max=5).astype(float)


def mean_of_five(shares: Numbers, random: np.random.Generator) -> Numbers:
    """`samples = 5`."""
    return np.mean([drawn(shares, random) for _ in range(5)], axis=0)


def expected(shares: Numbers, _: np.random.Generator) -> Numbers:
    """The expected value over the score's token."""
    return shares @ LEVELS


OPTIONS: dict[str, tuple[Option, int]] = {
    "one reply, greedy": (most_likely, 1),
    "one reply, sampled": (drawn, 1),
    "samples = 5": (mean_of_five, 5),
    "expected value": (expected, 1),
}
"""The options by name, and their judge calls for an answer."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate, print the table and write the JSON."""
    chosen = options(__doc__, arguments)
    found = {name: judge(spread) for name, spread in SPREADS.items()}
    tell(found, chosen.out, table(found))


def table(found: dict[str, Any]) -> str:
    """For the terminal."""
    lines = []
    for name, figures in found.items():
        lines.append(f"a judge {name} (true deviation within a group {figures['quality_deviation']})")
        for option, each in figures["options"].items():
            low, high = each["interval"]
            share, costs = f"{each['silent']:6.1%}", f"{each['calls']:5.1f} calls {each['negotiations']:5.1f} games"
            lines.append(f"  {option:<28}{share} silent  r = {each['correlation']:.3f} [{low:.3f}, {high:.3f}] {costs}")
    return "\n".join(lines)


def judge(spread: float) -> dict[str, Any]:
    """All options before one judge."""
    deviation = calibrated(spread)
    quality, seen = answers(deviation)
    shares = probabilities(seen, spread)
    figures: dict[str, Any] = {}
    for name, (option, calls) in OPTIONS.items():
        rewards = option(shares, np.random.default_rng(2))
        figures[name] = told(quality, advantages(rewards), calls * GROUP, GROUP)
    rewards = most_likely(shares, np.random.default_rng(2))
    silent = np.array([no_signal(list(group), TIE_WIDTH) for group in rewards])
    ranked = np.where(silent[:, None], orders(seen), advantages(rewards))
    figures["greedy, tied groups ranked"] = told(quality, ranked, GROUP + silent.mean(), GROUP)
    figures["greedy, silent played again"] = resampled(quality, rewards, silent)
    return {"quality_deviation": round(deviation, 3), "options": figures}


def resampled(quality: Numbers, rewards: Numbers, silent: NDArray[np.bool_]) -> dict[str, Any]:
    """Each silent group is replaced once, here by one of the other groups at random."""
    other = np.random.default_rng(3).integers(0, len(rewards), len(rewards))
    chosen = np.where(silent, other, np.arange(len(rewards)))
    cost = GROUP * (1 + silent.mean())
    return told(quality[chosen], advantages(rewards[chosen]), cost, cost)


def calibrated(spread: float) -> float:
    """The deviation of qualities that leaves a quarter of the groups silent before a greedy judge."""
    low, high = 0.01, 2.0
    for _ in range(20):
        middle = (low + high) / 2
        rewards = most_likely(probabilities(answers(middle)[1], spread), np.random.default_rng(0))
        silent = np.mean([no_signal(list(group), TIE_WIDTH) for group in rewards])
        low, high = (middle, high) if silent > SILENT else (low, middle)
    return (low + high) / 2


def answers(deviation: float) -> tuple[Numbers, Numbers]:
    """True qualities, and as the judge sees them."""
    random = np.random.default_rng(1)
    quality = random.uniform(2, 4, (GROUPS, 1)) + deviation * random.standard_normal((GROUPS, GROUP))
    return quality, quality + ERROR * random.standard_normal(quality.shape)


def probabilities(seen: Numbers, spread: float) -> Numbers:
    """Of the six levels."""
    weights = np.exp(-((LEVELS - seen[..., None]) ** 2) / (2 * spread**2))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def advantages(rewards: Numbers) -> Numbers:
    """The trainer's."""
    return np.array([group_advantages(list(group), TIE_WIDTH) for group in rewards])


def orders(seen: Numbers) -> Numbers:
    """The advantages of answers that the judge put in the order that it sees."""
    texts = [str(place) for place in range(GROUP)]
    return np.array([order_advantages([int(place) for place in np.argsort(-group)], texts) for group in seen])


def told(quality: Numbers, given: Numbers, calls: float, negotiations: float) -> dict[str, Any]:
    """The figures of one option."""
    true = (quality - quality.mean(axis=1, keepdims=True)) / quality.std(axis=1, keepdims=True)
    random = np.random.default_rng(4)
    draws = [correlation(true[chosen], given[chosen]) for chosen in random.integers(0, len(true), (500, len(true)))]
    low, high = np.percentile(draws, [2.5, 97.5])
    return {
        "silent": round(float((np.abs(given).max(axis=1) == 0).mean()), 4),
        "correlation": round(correlation(true, given), 4),
        "interval": [round(float(low), 4), round(float(high), 4)],
        "calls": round(float(calls), 2),
        "negotiations": round(float(negotiations), 2),
    }


def correlation(one: Numbers, other: Numbers) -> float:
    """Pearson's, over all answers."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


if __name__ == "__main__":
    main()
