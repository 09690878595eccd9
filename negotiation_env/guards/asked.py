"""Propositions that the game's judge answers: a question about a turn, asked where a formula needs it.

Words that are looked at before they are delivered wait for the answer, so that a prohibition still holds. What the
judge fails to say is no "no": the game ends unscored.
"""

from dataclasses import dataclass

from negotiation_env.errors import UserError
from negotiation_env.guards.propositions import Heard

__all__ = ["Asked", "Unanswered"]

_LONGEST = 500
"""Characters of a question."""


class Unanswered(Exception):
    """A formula needs an answer that is not there yet; it never leaves the game, which asks the judge.

    Attributes:
        question: What has to be asked.
    """

    def __init__(self, question: str) -> None:
        super().__init__(question)
        self.question = question


@dataclass(frozen=True, slots=True)
class Asked:
    """A proposition that the judge answers.

    Attributes:
        question: What it is asked about a turn: "Does the speaker give up its own red line?"
    """

    question: str

    def __post_init__(self) -> None:
        if not 0 < len(self.question.strip()) <= _LONGEST:
            raise UserError(f"asked: expected a question of 1 to {_LONGEST} characters, got {self.question!r:.80}")

    def __call__(self, heard: Heard) -> bool:
        """The judge's answer.

        Raises:
            Unanswered: It was not asked yet.
        """
        if (answer := heard.answers.get(self.question)) is None:
            raise Unanswered(self.question)
        return answer
