"""How the reading judge does on texts that taught it nothing: the figures of `judge-check`, set by set.

    python -m measurements.reading_check [--out measurements/results/reading_check.json]

The sets are those that `measurements.reading_labels` keeps apart to try it. The rubric scores the same answers. It
takes twenty minutes on one core.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from rich.progress import Progress

from measurements.harness import grid, machine, options, tell
from measurements.label_passes import AUTHORS
from measurements.reading_labels import BRIEF, HELD_OUT, POLICIES, TRIED, Row, labelled_rows
from negotiation_env.game.events import Question, Verdict
from negotiation_env.interfaces import Judge
from negotiation_env.judges.check.check import ask
from negotiation_env.judges.check.figures import Figures, Rating, accuracy_figures, agreement_figures
from negotiation_env.judges.reading.judge import OUTSIDE, ReadingJudge
from negotiation_env.judges.smoke_test.judge import EmbeddedJudge

__all__ = ["figures", "rounded", "sets", "verdicts"]

NONSENSE: Final = 0.5
"""The highest grade of an answer that says nothing one could do."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge, print and write the JSON."""
    chosen = options(__doc__, arguments)
    told = {}
    for name, rows in sets(labelled_rows()).items():
        told[name] = figures(ratings(ReadingJudge(), rows, name))
        answers = [row for row in rows if row.item.is_answer]
        told[f"{name}, by the rubric"] = figures(ratings(EmbeddedJudge(), answers, f"{name}, by the rubric"))
    tell(machine() | told, chosen.out, grid({name: brief(found) for name, found in told.items()}))


def sets(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The texts that try a judge, by the name of the set."""
    alone = (*TRIED, "demonstrations", *BRIEF, POLICIES, HELD_OUT)
    sources = {name: (name,) for name in alone} | {"unseen": tuple(author for author in AUTHORS if author not in alone)}
    return {name: [row for row in rows if row.part == "try" and row.source in own] for name, own in sources.items()}


def ratings(judge: Judge, rows: Sequence[Row], name: str) -> list[Rating]:
    """What a judge says of each text; texts on one scene are read together."""
    items = [row.item for row in sorted(rows, key=lambda row: row.dilemma)]
    return [*map(Rating, items, verdicts(judge, [item.question for item in items], name))]


def verdicts(judge: Judge, questions: Sequence[Question], name: str) -> list[Verdict]:
    """Of each question, in order, behind a bar."""
    with Progress() as progress:
        task = progress.add_task(name, total=len(questions))
        return ask(judge, questions, lambda _: progress.advance(task))


def figures(ratings: Sequence[Rating]) -> Figures:
    """The figures of `judge-check`, to three digits, and of answers more.

    Returns:
        Also what graders give each kind of answer in the mean; how often of a one-sided answer the served party is the
        more satisfied one; how many of a policy's answers and proposals that say nothing one could do score below 1,
        and how many there are; how many answers are outside what the judge knows.
    """
    answers = [each for each in ratings if each.item.is_answer]
    policies = [each for each in answers if each.item.group.startswith("policy")]
    nonsense = [each.value < 1 for each in policies if each.item.label <= NONSENSE]
    more = {
        **{f"graders.{kind}": float(np.mean(labels)) for kind, labels in by_kind(answers).items()},
        "served.told_apart": share(told_apart(answers)),
        "nonsense.below_1": share(nonsense),
        "nonsense.n": len(nonsense),
        "outside": share([each.verdict.reason == OUTSIDE for each in answers]),
    }
    agreement = agreement_figures([each for each in ratings if not each.item.is_answer])
    return rounded({**accuracy_figures(answers), **agreement, **more})


def by_kind(answers: Sequence[Rating]) -> dict[str, list[float]]:
    """The labels of each kind of answer."""
    found: dict[str, list[float]] = defaultdict(list)
    for each in answers:
        found[each.item.group].append(each.item.label)
    return found


def told_apart(answers: Sequence[Rating]) -> Iterator[bool]:
    """Of each one-sided answer whose verdict says how satisfied the parties are, whether it is right."""
    for each in answers:
        satisfied = each.verdict.details.get("satisfaction")
        if satisfied and each.item.group in ("lop_A", "lop_B"):
            yield (satisfied[0] > satisfied[1]) == (each.item.group == "lop_A")


def share(true: Iterator[bool] | Sequence[bool]) -> float | None:
    """How many are; None of none."""
    true = [*true]
    return float(np.mean(true)) if true else None


def rounded(figures: Figures) -> Figures:
    """To three digits."""
    return {name: None if value is None else round(float(value), 3) for name, value in figures.items()}


def brief(found: Figures) -> Figures:
    """The values alone, without intervals and counts."""
    told = {name: value for name, value in found.items() if value is not None}
    return {name: value for name, value in told.items() if name.split(".")[-1] not in ("low", "high", "n")}


if __name__ == "__main__":
    main()
