"""How often the smoke-test judge ranks good answers above worse ones of a labelled set.

    python benchmarks/judge_accuracy.py FILE

FILE holds JSON lines; those of type "completion" have a dilemma, personas A and B, a text, its tier and the
intended score. For every dilemma, each answer of an integrative tier is compared with each of a worse tier (a tie
counts one half); a column's accuracy is the mean over its pairs, ALL the mean over columns. The judge may not see
the labels, and the set's author is one person: read the order of columns, not the third decimal.
"""

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from negotiation_env.events import Question, QuestionKind, Verdict
from negotiation_env.judges.embedded import EmbeddedJudge
from negotiation_env.scenario import Persona, Scenario

Row = dict[str, Any]

COLUMNS: dict[str, tuple[str, ...]] = {
    "lopsided": ("lop_A", "lop_B"),
    "lop_polite": ("lop_polite",),
    "compromise": ("compromise",),
    "vague": ("vague",),
    "padded": ("padded", "lop_padded"),
    "parrot": ("parrot",),
    "stuffed": ("stuffed", "stuffed0", "stuffed1"),
    "swapped": ("swapped",),
    "injection": ("injection", "lop_inject"),
    "gibberish": ("gibberish", "salad", "copy", "empty"),
}
"""Column → the tiers that an integrative answer must beat."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge the file's answers in one batch, print the table and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="JSON lines in the format of judge_check.jsonl")
    rows = read_rows(parser.parse_args(arguments).file)
    judge = EmbeddedJudge(probe=False)
    judge.judge([_question(rows[0])])  # load the encoder and the pool before the clock starts
    start = time.perf_counter()
    verdicts = judge.judge([_question(row) for row in rows])
    report = summarise(rows, verdicts)
    report["ms_per_judgement"] = round(1000 * (time.perf_counter() - start) / len(rows), 1)
    print(table(report))
    json.dump(report, sys.stdout)
    print()


def read_rows(path: Path) -> list[Row]:
    """The completions of a labelled file."""
    rows: list[Row] = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    return [row for row in rows if row.get("type", "completion") == "completion"]


def _question(row: Row) -> Question:
    personas = (Persona.from_dict(row["A"]), Persona.from_dict(row["B"]))
    return Question(QuestionKind.SCORE, Scenario(row["dilemma_id"], row["dilemma"], personas), completion=row["text"])


def summarise(rows: Sequence[Row], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Accuracy by column, rank correlation, and mean score by tier; refusals are counted by their code."""
    scores = [verdict.value if verdict.value is not None else float("nan") for verdict in verdicts]
    columns = {name: pairwise(rows, scores, tiers) for name, tiers in COLUMNS.items()}
    known = {name: accuracy for name, accuracy in columns.items() if accuracy is not None}
    tiers: dict[str, list[float]] = defaultdict(list)
    refused: dict[str, int] = defaultdict(int)
    for row, score, verdict in zip(rows, scores, verdicts, strict=True):
        tiers[row["tier"]].append(score)
        refused[f"{row['tier']}: {verdict.reason}"] += bool(verdict.reason)
    return {
        "judge": EmbeddedJudge.name,
        "answers": len(rows),
        "accuracy": {name: round(accuracy, 3) for name, accuracy in known.items()},
        "ALL": round(float(np.mean(list(known.values()))), 3),
        "spearman": round(spearman([row["score"] for row in rows], scores), 3),
        "mean_score": {tier: round(float(np.mean(values)), 2) for tier, values in tiers.items()},
        "refused": {what: count for what, count in refused.items() if count},
    }


def pairwise(rows: Sequence[Row], scores: Sequence[float], worse: Iterable[str]) -> float | None:
    """Share of the pairs in which an integrative answer beats one of the worse tiers; None without pairs."""
    groups: Mapping[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for row, score in zip(rows, scores, strict=True):
        if row["tier"].startswith("integ"):
            groups[row["dilemma_id"]][0].append(score)
        elif row["tier"] in worse:
            groups[row["dilemma_id"]][1].append(score)
    wins = [(good > bad) + 0.5 * (good == bad) for better, worst in groups.values() for good in better for bad in worst]
    return float(np.mean(wins)) if wins else None


def spearman(first: Sequence[float], second: Sequence[float]) -> float:
    """Rank correlation, -1 to 1, ties at their mean rank."""
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def _ranks(values: Sequence[float]) -> list[float]:
    array = np.asarray(values)
    return [float((array < value).sum() + ((array == value).sum() - 1) / 2) for value in array]


def table(report: Mapping[str, Any]) -> str:
    """The report for reading."""
    lines = [f"{report['judge']}, {report['answers']} answers, {report['ms_per_judgement']} ms each", ""]
    lines += [f"  {name:<12} {accuracy:.3f}" for name, accuracy in report["accuracy"].items()]
    lines += [f"  {'ALL':<12} {report['ALL']:.3f}", f"  {'spearman':<12} {report['spearman']:.3f}", ""]
    lines += [f"  {tier:<16} mean score {mean:.2f}" for tier, mean in report["mean_score"].items()]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
