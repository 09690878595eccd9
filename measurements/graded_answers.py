"""Did the answers get better, or only dearer to their judge? By two graders who saw neither its scores nor the runs.

    python -m measurements.graded_answers [--out measurements/results/graded_answers.json]

Of every third held-out dilemma the joint answers before training, after 40 steps (`examples/results/reading_embedded`)
and after as many of the control (`reading_control`). `labels/graded_answers.jsonl` has the grades, by the scale of the
reading judge's labels: two language models graded the same texts in two shuffled orders, without their sources. They
saw the texts as they stand; a last line `ACCEPT`, which nearly all trained answers have, they were told to pass over.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from measurements.committed_runs import RUNS, held_out
from measurements.harness import grid, json_lines, options, tell
from measurements.label_passes import LABELS
from negotiation_env.statistics.by_scenario import paired_difference
from negotiation_env.statistics.intervals import mean_with_interval
from negotiation_env.statistics.rater_agreement import quadratic_kappa, spearman

Graded = dict[tuple[str, str], dict[str, float]]
"""What the graders and the judge gave, by scenario and run."""
GRADERS: Final = ("first grader", "second grader")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table and write the JSON."""
    chosen, found = options(__doc__, arguments), figures()
    tell(
        found,
        chosen.out,
        grid({who: {run: each["value"] for run, each in by.items()} for who, by in found["means"].items()}),
    )


def figures() -> dict[str, Any]:
    """Mean scores by grader and run, how far the runs are apart by the graders' mean, and who agrees with whom."""
    given = graded()
    first, second, judge = np.array([[each[who] for who in (*GRADERS, "reading judge")] for each in given.values()]).T
    means = (first + second) / 2
    both = dict(zip(given, means.tolist(), strict=True))
    return {
        "answers": len(given),
        "means": {who: {run: mean_of(given, who, run) for run in RUNS} for who in (*GRADERS, "reading judge")},
        "trained less before": apart(both, "trained", "before"),
        "trained less control": apart(both, "trained", "control"),
        "graders": {"Spearman": spearman(first, second), "quadratic kappa": quadratic_kappa(first, second)},
        "judge and graders": {"Spearman": spearman(judge, means)},
    }


def graded() -> Graded:
    """All grades, with the judge's score of the same answer out of its game."""
    games = {name: held_out(*run) for name, run in RUNS.items()}
    found = {}
    for row in json_lines(LABELS / "graded_answers.jsonl"):
        outcome = games[row["run"]][row["scenario"]].outcome
        grades = {who: row[who]["score"] for who in GRADERS}
        found[row["scenario"], row["run"]] = grades | {"reading judge": outcome.score or 0.0}
    return found


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
