"""Asking what is anybody's code: what it raises or returns amiss leaves questions or games unscored, and ends nothing.

Only what is no slip of it passes: what the person at the keyboard can mend (`UserError`, such as weights that could not
be fetched), other errors of this project's own that stop a run, and Ctrl-C.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from negotiation_env.errors import JudgeError, ModelError, NegotiationError, why
from negotiation_env.game.events import Question, QuestionKind, Verdict
from negotiation_env.interfaces import Judge
from negotiation_env.text.untrusted import one_line

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from negotiation_env.judges.pairwise import Preference

__all__ = ["answers", "each_answered", "judged", "reads_turns"]

Q = TypeVar("Q")
F = TypeVar("F")
_DECISIONS: Final = (0.0, 1.0, None)
_LONGEST_REASON: Final = 10_000
"""Characters; a record is read by people, too."""
A = TypeVar("A", bound="Verdict | Preference")


def judged(judge: Judge, questions: Sequence[Question]) -> list[Verdict]:
    """A judge's answers; what it raises or gives amiss leaves its questions unscored and ends nothing.

    Raises:
        UserError: What the judge needs is missing, such as a package or weights that could not be fetched.
    """
    name = judge.name
    found = each_answered(name, judge.judge, questions, lambda reason: Verdict(None, name, reason))
    for place, verdict in enumerate(found):
        # A bare verdict is surely usable; to look closer would cost as much as those that give such verdicts do.
        bare = type(verdict) is Verdict and type(verdict.value) is float and verdict.judge is name
        if not bare or verdict.reason or verdict.calls or verdict.details:
            found[place] = verdict = _usable(name, verdict, Verdict)
        if verdict.value not in _DECISIONS and questions[place].kind is not QuestionKind.SCORE:
            found[place] = _undecided(verdict)
    return found


def reads_turns(judge: Judge) -> bool:
    """Whether a judge answers what guards ask about turns."""
    return bool(getattr(judge, "reads_turns", False))


def _undecided(verdict: Verdict) -> Verdict:
    """Yes or no: a probability in its place would count as a yes."""
    return replace(verdict, value=None, reason=f"expected 1.0 or 0.0 for a yes or no, got {verdict.value:g}")


def each_answered(
    name: str, ask: Callable[[Sequence[Q]], Any], asked: Sequence[Q], failed: Callable[[str], F]
) -> list[Any]:
    """What somebody's code, a judge's or an agent's, gives to each of what it is asked, in order.

    One that raises is asked again about each alone, so that one costs no other its answer; an error that is about the
    judge or model as a whole (`JudgeError`, `ModelError`) is taken as the answer to all.

    Args:
        name: The judge's or agent's.
        ask: Its method.
        asked: What it is asked.
        failed: Makes the answer where there is none, out of the reason.

    Returns:
        As many answers as questions; those that did not fail are as that code gave them.

    Raises:
        NegotiationError: What is no slip of that code, such as weights that could not be fetched.
    """
    try:
        found = list(ask(asked))
    except (JudgeError, ModelError) as error:
        return [failed(one_line(str(error)))] * len(asked)
    except (NegotiationError, KeyboardInterrupt):
        raise
    except BaseException as error:  # it may use `sys.exit`, or be cancelled
        if len(asked) == 1:
            return [failed(f"{name} {why(error)}")]
        return [answer for each in asked for answer in each_answered(name, ask, [each], failed)]
    if len(found) != len(asked):
        told = f"expected {len(asked)} answers from the {name}, one a question; got {len(found)}"
        return [failed(told)] * len(asked)
    return found


def answers(name: str, ask: Callable[[Sequence[Q]], Any], asked: Sequence[Q], kind: type[A]) -> list[A]:
    """What a judge says to each question, in order, as a record can hold it; see `each_answered`.

    Args:
        name: The judge's.
        ask: Its method.
        asked: The questions.
        kind: What an answer has to be.
    """
    found = each_answered(name, ask, asked, lambda reason: kind(None, name, reason))
    return [_usable(name, answer, kind) for answer in found]


def _usable(name: str, answer: object, kind: type[A]) -> A:
    """The answer, if it is one that a record can hold, as it is read again."""
    if not isinstance(answer, kind):
        return kind(None, name, f"{name} gave a {type(answer).__name__}; expected a {kind.__name__}")
    try:
        if answer.value is not None and type(answer.value) is not float:
            answer = replace(answer, value=float(answer.value))  # NumPy's and torch's cannot be recorded
        if len(answer.reason) > _LONGEST_REASON:
            answer = replace(answer, reason=f"{answer.reason[:_LONGEST_REASON]}…")
        adapter = _adapter(cast("Any", kind))
        recorded: A = adapter.validate_json(adapter.dump_json(answer, warnings=False))
        return recorded  # with tuples in the place of lists, and True in that of 1, which is equal to it
    except Exception as error:  # somebody's object in the details can raise anything
        return kind(None, name, f"{name} gave what no record can hold: {one_line(str(error))}")


@cache
def _adapter(kind: type[Any]) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
