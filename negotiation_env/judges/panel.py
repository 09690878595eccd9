"""Several judges as one: a majority decides agreement, the median or mean scores."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import fmean, median
from typing import Final

from negotiation_env.errors import JudgeError
from negotiation_env.events import Question, QuestionKind, Verdict
from negotiation_env.interfaces import Judge

__all__ = ["COMBINATIONS", "PanelJudge"]

COMBINATIONS: Final[dict[str, Callable[[Sequence[float]], float]]] = {"median": median, "mean": fmean}


class PanelJudge:
    """Asks all members at the same time.

    A question is unscored unless every member answers it: the scores of a panel that lacks a member are those of
    another panel.

    Args:
        members: Two or more judges.
        combine: How scores become one, a key of `COMBINATIONS`.

    Raises:
        ValueError: There are fewer than two members, or no such combination.
    """

    def __init__(self, members: Sequence[Judge], combine: str = "median") -> None:
        if len(members) < 2 or combine not in COMBINATIONS:
            options = " or ".join(COMBINATIONS)
            raise ValueError(f"a panel needs at least 2 judges and {options}; got {len(members)} and {combine!r}")
        self.members = tuple(members)
        self.combine = combine
        self.name = f"{combine} of ({'; '.join(member.name for member in members)})"

    def fresh(self) -> "PanelJudge":
        """The same panel without its members' caches, for test-retest."""
        return PanelJudge(
            [member.fresh() if hasattr(member, "fresh") else member for member in self.members], self.combine
        )

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        """Answer each question, in order; `details["members"]` tells what each member said."""
        with ThreadPoolExecutor(len(self.members)) as pool:
            found = list(pool.map(lambda member: _ask(member, questions), self.members))
        return [
            self._together(question, each) for question, each in zip(questions, zip(*found, strict=True), strict=True)
        ]

    def _together(self, question: Question, verdicts: Sequence[Verdict]) -> Verdict:
        calls = tuple(call for verdict in verdicts for call in verdict.calls)
        details = {"members": [{"judge": each.judge, "value": each.value, "reason": each.reason} for each in verdicts]}
        values = [verdict.value for verdict in verdicts if verdict.value is not None]
        if len(values) < len(verdicts):
            failed = next(verdict for verdict in verdicts if verdict.value is None)
            return Verdict(None, self.name, f"{failed.judge}: {failed.reason}", details, calls)
        if question.kind is QuestionKind.AGREEMENT:
            share = sum(value > 0 for value in values) / len(values)
            return Verdict(float(share > 0.5), self.name, "", details | {"probability": share}, calls)
        return Verdict(COMBINATIONS[self.combine](values), self.name, "", details, calls)


def _ask(member: Judge, questions: Sequence[Question]) -> list[Verdict]:
    try:
        return member.judge(questions)
    except JudgeError as error:
        return [Verdict(None, member.name, str(error))] * len(questions)
