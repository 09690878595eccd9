"""What a judgement of the reading judge costs: groups of six answers to one dilemma, as a training step asks.

    python -m measurements.reading_cost [--groups 10] [--out measurements/results/reading_cost.json]

Labelled answers of the shipped set that are not refused; seconds by the clock on the wall, for threads share the work.
A group's dilemma is new to the judge at first; then the same answers come one by one, when it has read the dilemma.
"""

import time
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from statistics import mean, quantiles

import torch

from measurements.harness import grid, machine, options, tell
from negotiation_env.game.events import Question
from negotiation_env.judges.check.labelled import read_labelled
from negotiation_env.judges.reading.judge import ReadingJudge
from negotiation_env.judges.smoke_test.refusals import refusal

GROUP = 6
Group = list[Question]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the JSON."""
    chosen = options(__doc__, arguments, groups=10)
    judge, asked = ReadingJudge(), list(islice(groups(), chosen.groups))
    judge.judge(asked[0])  # loads the model
    found = {
        "a group, its dilemma new": figures([lap(judge, [group]) for group in asked]),
        "one by one, the dilemma known": figures([lap(judge, [[question] for question in group]) for group in asked]),
    }
    words = mean(len(question.completion.split()) for group in asked for question in group)
    told = machine() | {"threads": torch.get_num_threads(), "groups": len(asked), "words an answer": round(words, 1)}
    tell(told | {"seconds an answer": found}, chosen.out, grid(found))


def groups() -> Iterator[Group]:
    """Six answers each, dilemma by dilemma."""
    questions = [each.question for each in read_labelled().items if each.is_answer]
    kept = [each for each in questions if refusal(each.completion, each.scenario) is None]
    for _, same in groupby(kept, key=lambda question: question.scenario.id):
        answers = list(same)[:GROUP]
        if len(answers) == GROUP:
            yield answers


def lap(judge: ReadingJudge, calls: Sequence[Group]) -> float:
    """Seconds an answer."""
    start = time.perf_counter()
    for call in calls:
        judge.judge(call)
    return (time.perf_counter() - start) / GROUP


def figures(laps: Sequence[float]) -> dict[str, float]:
    """Their mean, and what nine of ten stay below."""
    return {"mean": round(mean(laps), 3), "90 % below": round(quantiles(laps, n=10)[-1], 3)}


if __name__ == "__main__":
    main()
