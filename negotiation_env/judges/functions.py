"""A function from a question to a number as a judge."""

from collections.abc import Callable, Sequence
from typing import Any

from negotiation_env.errors import NegotiationError, UserError, why
from negotiation_env.game.events import Question, QuestionKind, Verdict

__all__ = ["FunctionJudge"]

_EXPECTED = {
    QuestionKind.AGREEMENT: "expected True or False, or None for unscored",
    QuestionKind.SCORE: "expected a number from 0 to 5, or None for unscored",
    QuestionKind.TURN: "expected True or False, or None for unscored",
}


class FunctionJudge:
    """A judge that answers with a function's numbers.

    Args:
        function: Gets each `Question`. Where `question.kind` is "agreement" it returns whether the parties agree, by
            `question.dialogue`: True or False, or 1 or 0; where it is "score", how good `question.completion` is, from
            0 to 5; True is no score. None leaves the game unscored, and so does what it raises or what is no such
            number. With an attribute `prompts`, a prompt set's name, the parties are told that set unless another is
            asked for. With an attribute `reads_turns` that is true it is also asked what guards ask: where the kind is
            "turn", whether `question.asked` is true of the dialogue's last turn. With several workers it is called by
            several threads at a time.
        name: The name in records; by default the function's or its class's.

    Raises:
        UserError: The function's `prompts` is no text.
    """

    def __init__(self, function: Callable[[Question], Any], name: str = "") -> None:
        self.name = name or getattr(function, "__name__", type(function).__name__)
        self.prompts = getattr(function, "prompts", "")
        if not isinstance(self.prompts, str):
            raise UserError(f"{self.name}.prompts: expected a prompt set's name, got {self.prompts!r:.80}")
        self.reads_turns = bool(getattr(function, "reads_turns", False))
        self._function = function

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        """One call for each question."""
        return [self._answer(question) for question in questions]

    def _answer(self, question: Question) -> Verdict:
        try:
            given = self._function(question)
            value = _number(given, question)
        except (NegotiationError, KeyboardInterrupt):
            raise
        except BaseException as error:  # a slip at one question must not cost others their answers
            return Verdict(None, self.name, f"{self.name} {why(error)}")
        if given is None:
            return Verdict(None, self.name, f"{self.name} gave no value")
        if value is None or not (0 <= value <= 5 if question.kind is QuestionKind.SCORE else value in (0, 1)):
            told = f"a {type(given).__name__}" if value is None else repr(value).removesuffix(".0")
            return Verdict(None, self.name, f"{self.name} returned {told}; {_EXPECTED[question.kind]}")
        return Verdict(value, self.name)


def _number(given: Any, question: Question) -> float | None:
    """What was given as a number, NumPy's and torch's too; a yes is no score, for it was meant for another question."""
    kind = str(getattr(given, "dtype", type(given).__name__))
    yes = question.kind is QuestionKind.SCORE and kind.endswith("bool")
    return float(given) if hasattr(given, "__float__") and not yes else None
