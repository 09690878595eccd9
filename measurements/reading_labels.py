"""The labelled texts of the reading judge, and which of them train it, set its scale, or try it.

No dilemma is in two parts. Tried, and never trained on: the shipped `judge_check.jsonl`, the texts of ten more
authors, what is marked `unseen` in `labels`, and all that is about a held-out dilemma, where nearly every answer is a
small model's: a judge that had learned that would know those dilemmas as ones with poor answers. An eighth of the other
dilemmas sets the scale, the threshold and the interval.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any, Final

from measurements.harness import json_lines
from measurements.label_passes import AUTHORS, LABELS, both_passes, grades
from negotiation_env.data import load_scenarios
from negotiation_env.game.events import Question, QuestionKind
from negotiation_env.judges.check.labelled import Labelled, read_labelled

__all__ = ["BRIEF", "HELD_OUT", "POLICIES", "TRIED", "Row", "labelled_rows"]

TRIED: Final = {
    "judge_check.jsonl": None,
    "fourth author": "another_author.jsonl",
    "fifth author": "fifth_author.jsonl",
    "thirteenth author": "thirteenth_author.jsonl",
    "twenty-first author": "twenty_first_author.jsonl",
    "twenty-second author": "twenty_second_author.jsonl",
    "twenty-third author": "twenty_third_author.jsonl",
    "thirty-fourth author": "thirty_fourth_author.jsonl",
    "thirty-fifth author": "thirty_fifth_author.jsonl",
    "forty-second author": "forty_second_author.jsonl",
    "forty-third author": "forty_third_author.jsonl",
    "forty-fourth author": "forty_fourth_author.jsonl",
    "forty-fifth author": "forty_fifth_author.jsonl",
}
"""Sets that are tried whole, and where they are: None ships with the package."""
LATER: Final = ("twenty-fourth to thirty-third author", "thirty-sixth to forty-first author", "many dilemmas")
"""Whose texts came after heads v5, the last two after v6. An eighth of the dilemmas that each brought, and of all
before them, sets the scale: so what did at v5 still does, and heads that go on from older ones never trained on it."""
POLICIES: Final = "policies in training"
HELD_OUT: Final = "before and after training"
"""What the warm start, README's 20 steps, 40 steps and their control say to held-out dilemmas; it is only tried on."""
BRIEF: Final = ("brief demonstrations", "the warm start", "like a policy", "first training")
"""What is written, or could be, in the embedded negotiator's games."""
BY_MODELS: Final = ("the warm start", "first training", "many dilemmas", "what policies write", POLICIES, HELD_OUT)
"""What small models truly wrote; "like a policy" is what larger ones wrote in their manner, and graders tell it apart
by other things."""
_SAY_SERVED: Final = frozenset(
    {
        "sixth to twelfth author",
        "fourteenth to twentieth author",
        *LATER,
        "demonstrations",
        *BRIEF,
    }
)
"""Whose passes say how far the parties are served on the scale of grades."""
_GRADED: Final = {
    POLICIES: ("graded_answers.jsonl", "ungated_answers.jsonl"),
    HELD_OUT: ("graded_first_training.jsonl", "graded_forty_steps.jsonl"),
}
_SPLIT: Final = "eval_conflict"
_DRAWN: Final = (("train", 0), ("train", 1), (_SPLIT, 0))
"""Splits with the seeds that the committed trainings drew them by."""


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled text with what two passes say of it.

    Attributes:
        source: Who wrote it.
        item: The text; its label is the mean grade of an answer, 0 to 5, or of a dialogue 1.0 where it agrees and 0.0
            where not.
        served: How far an answer serves the first and the second party, 0 to 5; None where nobody says.
        part: "train", "scale" or "try"; "disputed" is in none.
    """

    source: str
    item: Labelled
    served: tuple[float, float] | None
    part: str

    @property
    def dilemma(self) -> str:
        """What no two parts share."""
        return self.item.question.scenario.dilemma

    @property
    def batch(self) -> int:
        """Which of `LATER` it came with; -1 where it was there before."""
        return LATER.index(self.source) if self.source in LATER else -1

    @property
    def by_model(self) -> bool:
        """Whether a small model wrote it."""
        return self.source in BY_MODELS

    @property
    def label(self) -> float:
        """What a perfect judge would say."""
        return self.item.label


def labelled_rows() -> list[Row]:
    """All of them."""
    rows = [*_of_set("dev", LABELS / "judge_dev.jsonl"), *_tried_whole(), *_of_authors(), *_of_policies()]
    held_out = {scenario.dilemma for scenario in load_scenarios(_SPLIT)}
    rows = [replace(row, part="try") if row.part == "train" and row.dilemma in held_out else row for row in rows]
    tried = {row.dilemma for row in rows if row.part == "try"}
    rows = [row for row in rows if row.part == "try" or row.dilemma not in tried]
    scale = {*_scale_dilemmas(row for row in rows if row.part == "train")}
    return [replace(row, part="scale") if row.part == "train" and row.dilemma in scale else row for row in rows]


def _scale_dilemmas(rows: Iterable[Row]) -> Iterator[str]:
    """An eighth of those that were there before `LATER`, and of what each of these brought."""
    since: dict[str, int] = {}
    for row in rows:
        since[row.dilemma] = min(row.batch, since.get(row.dilemma, row.batch))
    for batch in range(-1, len(LATER)):
        known = sorted(dilemma for dilemma, first in since.items() if first == batch)
        yield from Random(5).sample(known, len(known) // 8)


def readable(path: Path | None) -> list[Labelled]:
    """The texts of a labelled set that have words; what has none is refused unread."""
    return [item for item in read_labelled(path).items if not item.is_answer or item.question.completion.strip()]


def apart(row: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two passes are a level or more apart, or of two minds on an agreement."""
    if "score" in row:
        return bool(abs(row["score"] - other["score"]) >= 1)
    return bool(row["agreement"] != other["agreement"])


def served(item: Labelled) -> tuple[float, float] | None:
    """How well the first and the second party are served, where the label says so; one-sided: 4 and 1."""
    if item.group.startswith(("lop_", "one_sided", "third_party", "harm")):
        return {"lop_A": (4.0, 1.0), "lop_B": (1.0, 4.0)}.get(item.group)
    return item.label, item.label


def _of_set(source: str, path: Path | None, part: str = "train") -> Iterator[Row]:
    """A file's texts as their author labelled them."""
    for item in readable(path):
        yield Row(source, item, served(item) if item.is_answer else None, part)


def _tried_whole() -> Iterator[Row]:
    for source, name in TRIED.items():
        yield from _of_set(source, LABELS / name if name else None, "try")


def _of_authors() -> Iterator[Row]:
    """What was graded twice."""
    for author, names in AUTHORS.items():
        passes = {(row["type"], row["id"]): (row, other) for row, other in both_passes(author)}
        for item in (item for name in names if name not in TRIED.values() for item in readable(LABELS / name)):
            row, other = passes["completion" if item.is_answer else "dialogue", item.id]
            if item.is_answer:
                known = _served(row, other) if author in _SAY_SERVED else served(item)
                mean = replace(item, label=(row["score"] + other["score"]) / 2)
                yield Row(author, mean, known, _part(row, other))
            else:
                yield Row(author, item, None, _part(row, other))


def _part(row: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    return "try" if row["split"] == "unseen" else "disputed" if apart(row, other) else "train"


def _served(row: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[float, float]:
    """By both passes."""
    return (row["a_served"] + other["a_served"]) / 2, (row["b_served"] + other["b_served"]) / 2


def _of_policies() -> Iterator[Row]:
    """Answers of the committed trainings, by their blind graders."""
    scenarios = {each.id: each for split, seed in _DRAWN for each in load_scenarios(split, seed=seed)}
    for source, names in _GRADED.items():
        for row in (row for name in names for row in json_lines(LABELS / name)):
            if not row.get("tags_seen"):
                question = Question(QuestionKind.SCORE, scenarios[row["scenario"]], completion=row["answer"])
                yield _graded(source, row, question)


def _graded(source: str, row: Mapping[str, Any], question: Question) -> Row:
    id = f"{row['scenario']}/{row['run']}-{row.get('seed', 0)}"
    return Row(source, Labelled(id, "policy", fmean(grades(row).values()), question), None, "train")
