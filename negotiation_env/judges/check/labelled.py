"""Labelled sets: texts of which somebody said beforehand what a good judge would say.

A set is a file of JSON lines like the shipped `judge_check.jsonl`; the data card explains its fields. The author
of a set made each text on purpose: an answer has a *tier*, such as "lop_polite", a dialogue a *kind*, such as
"no_sarcasm". What those tiers are, for statistics, stands here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import ascii_uppercase
from typing import Any, Final

from negotiation_env.files.user_files import read_rows, row_text
from negotiation_env.game.events import Question, QuestionKind, Utterance
from negotiation_env.game.scenario import Persona, Scenario

__all__ = ["COLUMNS", "INTEGRATIVE", "STRATA", "Labelled", "LabelledSet", "read_labelled"]

INTEGRATIVE: Final = ("integ_long", "integ_informal", "integ_padded", "integ_short")
"""The tiers of the win-win answers."""

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
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
"""Column of the pairwise accuracy → the tiers that an integrative answer must beat."""

STRATA: Final[Mapping[str, tuple[str, ...]]] = {
    "integrative": INTEGRATIVE,
    "compromise": ("compromise",),
    "one-sided": ("lop_A", "lop_B", "lop_polite", "lop_padded"),
    "empty talk": ("vague", "padded", "parrot"),
    "adversarial": tuple(tier for name in ("stuffed", "swapped", "injection", "gibberish") for tier in COLUMNS[name]),
}
"""Stratum → its tiers; each tier of `COLUMNS` and `INTEGRATIVE` is in one of them."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One text with its label.

    Attributes:
        id: Names the text; unique within a set.
        group: The tier of an answer, the kind of a dialogue.
        label: The value of a perfect judge's verdict: the score, 0 to 5, or 1.0 where agreed and 0.0 where not.
        question: What to ask the judge.
    """

    id: str
    group: str
    label: float
    question: Question

    @property
    def dilemma(self) -> str:
        """The id of the dilemma; texts on one dilemma are no independent evidence."""
        return self.question.scenario.id

    @property
    def is_answer(self) -> bool:
        """Whether it is an answer to score, not a dialogue."""
        return self.question.kind is QuestionKind.SCORE


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """A labelled set.

    Attributes:
        name: The file's name, to stand beside every figure.
        answers: Completions with the score intended.
        dialogues: Dialogues that agree or do not.
    """

    name: str
    answers: tuple[Labelled, ...]
    dialogues: tuple[Labelled, ...]

    @property
    def items(self) -> tuple[Labelled, ...]:
        """All of them, the answers first."""
        return self.answers + self.dialogues


def read_labelled(path: Path | None = None) -> LabelledSet:
    """Read a labelled set; without a path, the shipped one.

    Raises:
        UserError: The file cannot be read or is empty, a line of it is no labelled text, or an id comes again; the
            message names the line and the field.
    """
    path = path or Path(str(files("negotiation_env.data"))) / "judge_check.jsonl"
    items = read_rows(path, "labelled set", _item)
    answers = tuple(item for item in items.values() if item.is_answer)
    dialogues = tuple(item for item in items.values() if not item.is_answer)
    return LabelledSet(path.name, answers, dialogues)


def _item(row: Any) -> tuple[str, Labelled]:
    """A labelled text from its JSON form, and its id.

    Raises:
        ValueError: A field is missing or wrong.
    """
    id, dilemma = row_text(row, "id"), row_text(row, "dilemma_id")
    letters = "AB" + "".join(letter for letter in ascii_uppercase[2:] if letter in row)
    scenario = Scenario(dilemma, row_text(row, "dilemma"), tuple(_persona(row, letter) for letter in letters))
    if row.get("type") == "completion":
        question = Question(QuestionKind.SCORE, scenario, completion=row_text(row, "text"))
        return id, Labelled(id, row_text(row, "tier"), _score(row), question)
    if row.get("type") == "dialogue":
        question = Question(QuestionKind.AGREEMENT, scenario, _dialogue(row, scenario))
        return id, Labelled(id, row_text(row, "kind"), _agreement(row), question)
    raise ValueError(f"expected 'completion' or 'dialogue' under 'type', got {row.get('type')!r:.80}")


def _persona(row: Mapping[str, Any], name: str) -> Persona:
    try:
        return Persona.from_dict(row.get(name, {}))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _dialogue(row: Mapping[str, Any], scenario: Scenario) -> tuple[Utterance, ...]:
    seats = {persona.name: seat for seat, persona in enumerate(scenario.personas)}
    turns = row.get("turns")
    if not isinstance(turns, list) or not turns or not all(isinstance(turn, dict) for turn in turns):
        raise ValueError(f"expected a list of turns under 'turns', got {turns!r:.80}")
    for turn in turns:
        if row_text(turn, "speaker") not in seats:
            raise ValueError(f"expected one of {', '.join(seats)} as the speaker, got {turn['speaker']!r:.80}")
    return tuple(Utterance(seats[turn["speaker"]], row_text(turn, "text")) for turn in turns)


def _score(row: Mapping[str, Any]) -> float:
    score = row.get("score")
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 5:
        raise ValueError(f"expected a number from 0 to 5 under 'score', got {score!r:.80}")
    return float(score)


def _agreement(row: Mapping[str, Any]) -> float:
    agreement = row.get("agreement")
    if agreement not in (0, 1):
        raise ValueError(f"expected 0 or 1 under 'agreement', got {agreement!r:.80}")
    return float(agreement)
