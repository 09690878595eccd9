"""What people said of the games that they played, as a judge: a human standard for every other one.

Each game of a study is one line of a file: who played, under which condition, what was said and written, and the
answers to three questions, each from 1, not at all, to 5, fully. As a judge it answers for these games only; all else
is unscored, for nobody was asked.

The score is the mean of "acceptable to me" and "fair", brought from 1 … 5 to 0 … 5. They agreed where "what was written
is what we had agreed" is above 3, did not where it is below, and 3 leaves it open. Several ratings of the same words
are averaged first.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Final, TypeAlias

from negotiation_env.errors import UserError
from negotiation_env.files.durable import FORMAT, append_lines, read_lines
from negotiation_env.game.events import Question, QuestionKind, Utterance, Verdict
from negotiation_env.game.scenario import Scenario

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["ASKED", "LEVELS", "RatedGame", "RatingsJudge", "append_rating", "read_ratings"]

ASKED: Final = ("acceptable", "fair", "agreed")
"""What people are asked of each game."""
LEVELS: Final = range(1, 6)
"""What they can answer."""
_Words: TypeAlias = tuple[QuestionKind, str, str | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class RatedGame:
    """A game that a person played and rated.

    Attributes:
        study: The study's name and a digest of its file.
        participant: Who.
        trial: Which of the person's games, counted from 0.
        condition: Whom the person played with, as the study calls it; the person was not told.
        seat: Where the person sat.
        scenario: What was negotiated.
        dialogue: What was said.
        completion: The joint answer.
        ratings: An answer from 1 to 5 for each of `ASKED`.
        format: Version of this layout.

    Raises:
        ValueError: The ratings are not these.
    """

    study: str
    participant: str
    trial: int
    condition: str
    seat: int
    scenario: Scenario
    dialogue: tuple[Utterance, ...]
    completion: str
    ratings: Mapping[str, int]
    format: int = FORMAT

    def __post_init__(self) -> None:
        if set(self.ratings) != set(ASKED) or not all(level in LEVELS for level in self.ratings.values()):
            raise ValueError(f"expected ratings from 1 to 5 of {', '.join(ASKED)}; got {dict(self.ratings)!r:.200}")

    @property
    def questions(self) -> tuple[Question, Question]:
        """What a judge is asked of it: how good the answer is, and whether they agreed."""
        return (
            Question(QuestionKind.SCORE, self.scenario, completion=self.completion),
            Question(QuestionKind.AGREEMENT, self.scenario, self.dialogue),
        )


def append_rating(path: Path, rated: RatedGame) -> None:
    """Append a game to a file; a kill leaves it whole."""
    append_lines(path, _adapter(), [rated])


def read_ratings(path: Path) -> list[RatedGame]:
    """All games of a file, in order; no file has none.

    Raises:
        UserError: A line is no rated game.
    """
    return list(read_lines(path, _adapter(), "is no rated game"))


class RatingsJudge:
    """The people of a study.

    Args:
        path: The file of their ratings.

    Raises:
        UserError: There is none, or a line is no rated game.
    """

    def __init__(self, path: str | Path) -> None:
        games = read_ratings(Path(path))
        if not games:
            raise UserError(f"no ratings in {str(path)!r}; expected the ratings.jsonl of a study in the browser")
        self.name = f"people who rated their games ({Path(path).name})"
        self._said: dict[_Words, list[Mapping[str, int]]] = defaultdict(list)
        for game in games:
            for question in game.questions:
                self._said[_words(question)].append(game.ratings)

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        """What people said of each; unscored where nobody was asked, or they were undecided."""
        return [self._verdict(question) for question in questions]

    def _verdict(self, question: Question) -> Verdict:
        found = self._said.get(_words(question))
        if not found:
            return Verdict(None, self.name, "nobody has rated this")
        means = {name: fmean(each[name] for each in found) for name in ASKED}
        if question.kind is QuestionKind.SCORE:
            level = (means["acceptable"] + means["fair"]) / 2
            return Verdict((level - 1) * 5 / 4, self.name, details={"raters": len(found), **means})
        if means["agreed"] == 3:
            return Verdict(None, self.name, "undecided")
        return Verdict(float(means["agreed"] > 3), self.name, details={"raters": len(found), **means})


def _words(question: Question) -> _Words:
    """What was judged, whoever asks."""
    said = tuple(each.text for each in question.dialogue) if question.kind is QuestionKind.AGREEMENT else ""
    return question.kind, question.scenario.dilemma, said or question.completion


@cache
def _adapter() -> "TypeAdapter[RatedGame]":
    from pydantic import TypeAdapter

    return TypeAdapter(RatedGame)
