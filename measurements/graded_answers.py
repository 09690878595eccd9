"""Did the answers get better, or only dearer to their judge? By graders who saw neither its scores nor the runs.

    python -m measurements.graded_answers [--out measurements/results/graded_answers.json]

The joint answers to held-out dilemmas before and after a training like README's first, with turns of 64 tokens; and
before training, after 40 steps and after as many of the control, of two seeds.
`labels/graded_first_training.jsonl` and `graded_forty_steps.jsonl` have
the grades, by the scale of the reading judge's labels: two language models graded the same texts, each in an order of
its own, without their sources.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any, Final

import numpy as np

from measurements.harness import grid, json_lines, options, tell
from measurements.label_passes import LABELS, grades
from negotiation_env.statistics.by_scenario import paired_difference
from negotiation_env.statistics.intervals import mean_with_interval
from negotiation_env.statistics.rater_agreement import spearman

Graded = dict[tuple[str, str], dict[str, float]]
"""What the graders gave, and the judge last, by scenario and run."""
JUDGE: Final = "reading judge"
SEEDS: Final = ("first seed", "second seed")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables and write the JSON."""
    chosen, found = options(__doc__, arguments), figures()
    tell(found, chosen.out, *(grid(shown(each["means"]), name) for name, each in found.items()))


def shown(means: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """The means without their intervals."""
    return {who: {run: each["value"] for run, each in by.items()} for who, by in means.items()}


def figures() -> dict[str, Any]:
    """Those of each set of grades."""
    first, rows = (json_lines(LABELS / f"graded_{name}.jsonl") for name in ("first_training", "forty_steps"))
    return {"first training": of_set(graded(first))} | {
        name: of_set(graded([row for row in rows if row["seed"] == seed])) for seed, name in enumerate(SEEDS)
    }


def of_set(given: Graded) -> dict[str, Any]:
    """Mean scores by grader and run, how far the runs are apart by the graders' mean, and who agrees with whom."""
    who = list(next(iter(given.values())))
    *graders, judge = np.array([[*each.values()] for each in given.values()]).T
    means = np.mean(graders, axis=0)
    all_of_them = dict(zip(given, means.tolist(), strict=True))
    runs = dict.fromkeys(run for _, run in given)
    pairs = [("trained", "before"), ("trained", "control"), ("before", "control")]
    return {
        "answers": len(given),
        "means": {name: {run: mean_of(given, name, run) for run in runs} for name in who},
        **{f"{one} less {other}": apart(all_of_them, one, other) for one, other in pairs if {one, other} <= {*runs}},
        "Spearman of two graders": [spearman(*pair) for pair in combinations(graders, 2)],
        "Spearman of judge and graders": spearman(judge, means),
    }


def graded(rows: Sequence[Mapping[str, Any]]) -> Graded:
    """Grades, with the judge's score of the same answer."""
    return {(row["scenario"], row["run"]): {**grades(row), JUDGE: row["judge"]} for row in rows}


def mean_of(given: Graded, who: str, run: str) -> dict[str, Any]:
    """A mean over scenarios, with its interval."""
    return asdict(mean_with_interval([each[who] for (_, name), each in given.items() if name == run]))


def apart(means: dict[tuple[str, str], float], one: str, other: str) -> dict[str, Any]:
    """How far one run is above another, by scenario, with its interval."""
    scenarios = sorted({scenario for scenario, _ in means})
    pairs = ([means[scenario, run] for scenario in scenarios] for run in (one, other))
    return asdict(paired_difference(*pairs, scenarios).difference)


if __name__ == "__main__":
    main()
