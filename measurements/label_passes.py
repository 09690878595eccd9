"""How far two graders who did not see each other's grades agree on the labels of the reading judge.

    python -m measurements.label_passes [--out measurements/results/label_passes.json]

The first pass stands in the files of `AUTHORS`, the second in `labels/second_pass.jsonl`: the same texts in shuffled
order without their sources. All graders are language models; those of the first pass also wrote the texts, or some.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from measurements.harness import grid, json_lines, machine, options, tell
from negotiation_env.statistics.rater_agreement import cohen_kappa, quadratic_kappa, spearman

LABELS = Path(__file__).parent / "labels"
AUTHORS = {
    "first author": ("answers.jsonl", "dialogues.jsonl"),
    "matched texts": ("matched_answers.jsonl", "matched_dialogues.jsonl"),
    "what policies write": ("policy_answers.jsonl", "policy_dialogues.jsonl"),
    "fourth author": ("another_author.jsonl",),
    "fifth author": ("fifth_author.jsonl",),
    "sixth to twelfth author": ("sixth_to_twelfth_author.jsonl",),
    "thirteenth author": ("thirteenth_author.jsonl",),
    "fourteenth to twentieth author": ("fourteenth_to_twentieth_author.jsonl",),
    "twenty-first author": ("twenty_first_author.jsonl",),
    "twenty-second author": ("twenty_second_author.jsonl",),
    "twenty-third author": ("twenty_third_author.jsonl",),
    "twenty-fourth to thirty-third author": ("twenty_fourth_to_thirty_third_author.jsonl",),
    "thirty-fourth author": ("thirty_fourth_author.jsonl",),
    "thirty-fifth author": ("thirty_fifth_author.jsonl",),
    "thirty-sixth to forty-first author": ("thirty_sixth_to_forty_first_author.jsonl",),
    "forty-second author": ("forty_second_author.jsonl",),
    "forty-third author": ("forty_third_author.jsonl",),
    "forty-fourth author": ("forty_fourth_author.jsonl",),
    "forty-fifth author": ("forty_fifth_author.jsonl",),
    "demonstrations": ("demonstrations.jsonl",),
    "brief demonstrations": ("brief_demonstrations.jsonl",),
    "the warm start": ("warm_start.jsonl", "whole_warm_start.jsonl"),
    "like a policy": ("like_a_policy.jsonl",),
    "first training": ("first_training.jsonl",),
    "many dilemmas": ("many_dilemmas.jsonl",),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare, print and write the JSON."""
    chosen = options(__doc__, arguments)
    found = {name: figures(name) for name in AUTHORS}
    overall = {name: each["all"] for name, each in found.items()}
    tell(machine() | found, chosen.out, grid(overall), *(grid(each["by_tier"]) for each in found.values()))


def both_passes(author: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Of each text what its author says, and what a grader said who saw no label; None is an unclear agreement."""
    second = _second_pass()
    first = [row for name in AUTHORS[author] for row in json_lines(LABELS / name)]
    return [(row, second[row["type"], row["id"]]) for row in first]


def grades(row: Mapping[str, Any]) -> dict[str, float]:
    """The scores of an answer's blind graders, by their names."""
    return {name: each["score"] for name, each in row.items() if name.endswith("grader")}


@cache
def _second_pass() -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["type"], row["id"]): row for row in json_lines(LABELS / "second_pass.jsonl")}


def figures(author: str) -> dict[str, Any]:
    """Agreement over all of an author's texts, and what each grader gave in each tier."""
    passes = both_passes(author)
    answers = [(row["tier"], row["score"], other["score"]) for row, other in passes if "score" in row]
    first, other = np.array([each[1:] for each in answers], float).T
    overall = {
        "answers": len(answers),
        "Spearman": spearman(first, other),
        "quadratic kappa": quadratic_kappa(first, other),
        "within half a level": float((abs(first - other) <= 0.5).mean()),
        "a level and a half or more apart": float((abs(first - other) >= 1.5).mean()),
    } | of_dialogues([(row["agreement"], other["agreement"]) for row, other in passes if "agreement" in row])
    return {"all": {name: value and round(value, 3) for name, value in overall.items()}, "by_tier": by_tier(answers)}


def of_dialogues(told: Sequence[tuple[int | None, int | None]]) -> dict[str, float | None]:
    """How often both say the same of an agreement; a set may have no dialogues."""
    clear = [pair for pair in told if None not in pair]
    if not clear:
        return {"dialogues": len(told)}
    said, again = np.array(clear, float).T
    return {
        "dialogues": len(told),
        "unclear": len(told) - len(clear),
        "the same of agreement": float((said == again).mean()),
        "kappa of agreement": cohen_kappa(said, again),
    }


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
