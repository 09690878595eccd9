"""Asking a judge that is anybody's code: what it raises or returns amiss leaves questions unscored, and ends nothing.

Only what the person at the keyboard can mend (`UserError`, such as weights that could not be fetched) and Ctrl-C pass.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from negotiation_env.errors import JudgeError, UserError, why
from negotiation_env.events import Verdict
from negotiation_env.text import one_line

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from negotiation_env.judges.pairwise import Preference

__all__ = ["answers"]

Q = TypeVar("Q")
_LONGEST_REASON: Final = 10_000
"""Characters; a record is read by people, too."""
A = TypeVar("A", bound="Verdict | Preference")


def answers(
    name: str, ask: Callable[[Sequence[Q]], Any], asked: Sequence[Q], kind: type[A], unscored: Callable[[str], A]
) -> list[A]:
    """What a judge says to each question, in order.

    One that raises is asked again about each question alone, so that one question costs no other its answer; an error
    that is about the judge as a whole (`JudgeError`) is taken as the answer to all.

    Args:
        name: The judge's.
        ask: Its method.
        asked: The questions.
        kind: What an answer has to be.
        unscored: Makes the answer to a question that has none, out of the reason.
    """
    try:
        found = list(ask(asked))
    except (UserError, KeyboardInterrupt):
        raise
    except JudgeError as error:
        return [unscored(one_line(str(error)))] * len(asked)
    except BaseException as error:  # a judge may use `sys.exit`, or be cancelled
        if len(asked) == 1:
            return [unscored(f"{name} {why(error)}")]
        return [answer for each in asked for answer in answers(name, ask, [each], kind, unscored)]
    if len(found) != len(asked):
        told = f"expected {len(asked)} answers from the {name}, one a question; got {len(found)}"
        return [unscored(told)] * len(asked)
    for place, answer in enumerate(found):
        # A bare verdict is surely usable; to look closer would cost as much as those that give such verdicts do.
        bare = type(answer) is Verdict and type(answer.value) is float and answer.judge is name
        if kind is not Verdict or not bare or answer.reason or answer.calls or answer.details:
            found[place] = _usable(name, answer, kind, unscored)
    return found


def _usable(name: str, answer: object, kind: type[A], unscored: Callable[[str], A]) -> A:
    """The answer, if it is one that a record can hold, as it is read again."""
    if not isinstance(answer, kind):
        return unscored(f"{name} gave a {type(answer).__name__}; expected a {kind.__name__}")
    try:
        if answer.value is not None and type(answer.value) is not float:
            answer = replace(answer, value=float(answer.value))  # NumPy's and torch's cannot be recorded
        if len(answer.reason) > _LONGEST_REASON:
            answer = replace(answer, reason=f"{answer.reason[:_LONGEST_REASON]}…")
        adapter = _adapter(cast("Any", kind))
        recorded: A = adapter.validate_json(adapter.dump_json(answer, warnings=False))
        return recorded  # with tuples in the place of lists, and True in that of 1, which is equal to it
    except Exception as error:  # somebody's object in the details can raise anything
        return unscored(f"{name} gave what no record can hold: {one_line(str(error))}")


@cache
def _adapter(kind: type[Any]) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
