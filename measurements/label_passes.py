"""How far two graders who did not see each other's grades agree on the labels of the reading judge.

    python -m measurements.label_passes [--out measurements/results/label_passes.json]

The first pass stands in `labels/answers.jsonl` and `dialogues.jsonl`, the second in `labels/second_pass.jsonl`: the
same texts in shuffled order without their sources. Both graders are language models; the first also wrote some texts.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from measurements.harness import grid, json_lines, machine, options, tell
from negotiation_env.statistics.rater_agreement import cohen_kappa, quadratic_kappa, spearman

LABELS = Path(__file__).parent / "labels"


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare, print and write the JSON."""
    chosen = options(__doc__, arguments)
    found = figures()
    tell(machine() | found, chosen.out, grid({"": found["all"]}), grid(found["by_tier"]))


def figures() -> dict[str, Any]:
    """Agreement over all texts, and what each grader gave in each tier."""
    own_answers, own_dialogues = json_lines(LABELS / "answers.jsonl"), json_lines(LABELS / "dialogues.jsonl")
    second = {(row["type"], row["id"]): row for row in json_lines(LABELS / "second_pass.jsonl")}
    answers = [(row["tier"], row["score"], second["completion", row["id"]]["score"]) for row in own_answers]
    told = [(row["agreement"], second["dialogue", row["id"]]["agreement"]) for row in own_dialogues]
    said, again = np.array(told, float).T
    first, other = np.array([each[1:] for each in answers], float).T
    overall = {
        "answers": len(answers),
        "Spearman": spearman(first, other),
        "quadratic kappa": quadratic_kappa(first, other),
        "within half a level": float((abs(first - other) <= 0.5).mean()),
        "a level and a half or more apart": float((abs(first - other) >= 1.5).mean()),
        "dialogues": len(told),
        "the same of agreement": float((said == again).mean()),
        "kappa of agreement": cohen_kappa(said, again),
    }
    return {"all": {name: value and round(value, 3) for name, value in overall.items()}, "by_tier": by_tier(answers)}


def by_tier(answers: Sequence[tuple[str, float, float]]) -> dict[str, dict[str, float]]:
    """Mean grades."""
    columns: dict[str, dict[str, float]] = {"n": {}, "first pass": {}, "second pass": {}}
    for tier in sorted({tier for tier, *_ in answers}):
        own = np.array([grades for each, *grades in answers if each == tier], float)
        values = (len(own), *own.mean(axis=0).round(2).tolist())
        for name, value in zip(columns, values, strict=True):
            columns[name][tier] = value
    return columns


if __name__ == "__main__":
    main()
