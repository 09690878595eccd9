"""A fake judge for tests and examples: its verdicts are written beforehand."""

from collections.abc import Callable, Sequence
from functools import lru_cache

from negotiation_env.game.events import Question, QuestionKind, Verdict
from negotiation_env.game.prompts import HANDSHAKE
from negotiation_env.game.turn_grammar import handshake

__all__ = ["ScriptedJudge"]


class ScriptedJudge:
    """A fake: agreement by the handshake or a script, scores by a script.

    Args:
        score: Every completion's score, or a function of the question; None is unscored.
        agrees: Decides agreement; by default the handshake of the turns does.
        turn: Answers what guards ask about turns; None is asked nothing.
    """

    def __init__(
        self,
        score: float | Callable[[Question], float | None] | None = 3.0,
        agrees: Callable[[Question], bool | None] | None = None,
        turn: Callable[[Question], bool | None] | None = None,
    ) -> None:
        self.name = "scripted judge (a fake)"
        self._score = score
        self.prompts = "" if agrees else HANDSHAKE
        self._agrees, self._turn = agrees or _shook_hands, turn
        self.reads_turns = turn is not None
        self.calls: list[int] = []
        """Sizes of the batches asked so far."""

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        """Answer by the script."""
        self.calls.append(len(questions))
        return [self._answer(question) for question in questions]

    def _answer(self, question: Question) -> Verdict:
        value: float | None
        if question.kind is QuestionKind.AGREEMENT:
            value = self._agrees(question)
        elif question.kind is QuestionKind.TURN:
            value = self._turn(question) if self._turn else None
        else:
            value = self._score(question) if callable(self._score) else self._score
        return _verdict(None if value is None else float(value), self.name)


@lru_cache(maxsize=1024)
def _verdict(value: float | None, judge: str) -> Verdict:
    return Verdict(value, judge, "scripted" if value is None else "")


def _shook_hands(question: Question) -> bool:
    return handshake(question.dialogue, len(question.scenario.personas)).agreed
