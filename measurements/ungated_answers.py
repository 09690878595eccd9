"""What is it worth that a judge likes, where its score is the reward whatever was agreed? By graders who see no scores.

    python -m measurements.ungated_answers [--out measurements/results/ungated_answers.json]

`labels/ungated_answers.jsonl` has answers of trainings without the agreement gate (`examples/results`), two of
self-play and one of a single agent: held-out ones before and after, on 60 dilemmas, and of the self-play three a step
of those that were written in training. Two language models graded each, in shuffled orders, without sources and tags.
The picture beside `--out` shows judge and graders in training.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure

from measurements.graded_answers import JUDGE, Graded, apart, mean_of, shown
from measurements.harness import grid, json_lines, options, tell
from measurements.label_passes import LABELS, grades
from negotiation_env.report.curves import legend_above, plot_estimates, styled
from negotiation_env.statistics.by_scenario import cluster_mean
from negotiation_env.statistics.intervals import Estimate
from negotiation_env.statistics.rater_agreement import spearman

Row = Mapping[str, Any]
SEEDS: Final = ("first seed", "second seed")
STEPS: Final = 40
QUARTER: Final = STEPS // 4
NOTHING: Final = 0.25
"""Between word salad and what is about the matter, and nothing that one could do."""
GRADERS: Final = ("first grader", "second grader")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables, write the JSON and draw."""
    chosen, found = options(__doc__, arguments), figures()
    tell(found, chosen.out, *(grid(shown(each["means"]), name) for name, each in found.items()))
    if chosen.out:
        draw({name: found[f"in training, {name}"]["means"] for name in SEEDS}, chosen.out.with_suffix(".png"))


def figures() -> dict[str, Any]:
    """Those of each seed."""
    rows, found = json_lines(LABELS / "ungated_answers.jsonl"), {}
    for seed, name in enumerate(SEEDS):
        own = [row for row in rows if row["run"] == "ungated" and row["seed"] == seed]
        found[f"in training, {name}"] = in_training([row for row in own if not row["held_out"]])
        found[f"held out, {name}"] = held_out([row for row in own if row["held_out"]])
    return found | {"held out, alone": held_out([row for row in rows if row["run"] == "alone"])}


def in_training(rows: Sequence[Row]) -> dict[str, Any]:
    """What judge and graders give to answers that were written in training, by its quarters."""
    quarters = {
        f"{first} to {first + QUARTER - 1}": range(first, first + QUARTER) for first in range(1, STEPS, QUARTER)
    }
    parts = {name: [row for row in rows if row["step"] in steps] for name, steps in quarters.items()}
    of = {JUDGE: lambda row: row["judge"], "graders": graded}
    means = {who: {name: clustered(part, score) for name, part in parts.items()} for who, score in of.items()}
    return {"answers": len(rows), "means": means, **agreement(rows)}


def held_out(rows: Sequence[Row]) -> dict[str, Any]:
    """What they give to held-out answers before and after, and how far the graders' means are apart."""
    when = {0: "before", STEPS: "after"}
    given: Graded = {(row["scenario"], when[row["step"]]): {**grades(row), JUDGE: row["judge"]} for row in rows}
    means = {who: {run: mean_of(given, who, run) for run in when.values()} for who in (*GRADERS, JUDGE)}
    by_graders = {place: fmean(each[who] for who in GRADERS) for place, each in given.items()}
    parts = {name: [row for row in rows if row["step"] == step] for step, name in when.items()}
    return {
        "answers": len(rows),
        "means": means,
        "after less before": apart(by_graders, "after", "before"),
        "nothing to be done": {name: fmean(graded(row) <= NOTHING for row in part) for name, part in parts.items()},
        **{name: agreement(part) for name, part in parts.items()},
    }


def agreement(rows: Sequence[Row]) -> dict[str, float]:
    """Whose order agrees with whose."""
    first, second = (np.array([grades(row)[who] for row in rows]) for who in GRADERS)
    judge = np.array([row["judge"] for row in rows])
    return {
        "Spearman of two graders": spearman(first, second),
        "Spearman of judge and graders": spearman(judge, (first + second) / 2),
    }


def graded(row: Row) -> float:
    """The mean of both graders."""
    return fmean(grades(row).values())


def clustered(rows: Sequence[Row], score: Any) -> dict[str, Any]:
    """A mean with its interval over scenarios."""
    return asdict(cluster_mean([score(row) for row in rows], [row["scenario"] for row in rows]))


@styled()
def draw(found: Mapping[str, Mapping[str, Mapping[str, Any]]], path: Path) -> None:
    """Judge and graders over the steps, a panel for each seed."""
    figure = Figure(figsize=(8, 3.5), layout="constrained")
    for axes, (seed, means) in zip(figure.subplots(1, len(found), sharey=True), found.items(), strict=True):
        for color, (who, by_quarter) in zip(("C0", "C2"), means.items(), strict=True):
            middles = [(int(name.split()[0]) + QUARTER // 2, Estimate(**mean)) for name, mean in by_quarter.items()]
            plot_estimates(axes, middles, "o-", color, "two blind graders" if who == "graders" else who)
        axes.set(ylim=(0, 3), title=f"No agreement gate, {seed}", xlabel="optimizer step")
        legend_above(axes, columns=2)
    figure.axes[0].set(ylabel="Collective Agency")
    figure.savefig(path)


if __name__ == "__main__":
    main()
