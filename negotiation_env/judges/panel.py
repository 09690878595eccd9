"""Several judges as one: a majority decides agreement and acceptance, the median or mean scores."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import fmean, median
from typing import Final

from negotiation_env.console.threads import side_by_side
from negotiation_env.game.events import Question, QuestionKind, Verdict
from negotiation_env.interfaces import Judge
from negotiation_env.judges.asking import judged, reads_turns
from negotiation_env.judges.probes import Examiner, Probe, examined

__all__ = ["COMBINATIONS", "ExaminingPanel", "PanelJudge", "check_panel"]

COMBINATIONS: Final[dict[str, Callable[[Sequence[float]], float]]] = {"median": median, "mean": fmean}


def check_panel(members: int, combine: str) -> None:
    """See that so many judges, and that combination of their scores, make a panel.

    Raises:
        ValueError: They do not.
    """
    if members < 2 or combine not in COMBINATIONS:
        options = " or ".join(COMBINATIONS)
        raise ValueError(f"a panel needs at least 2 judges and {options}; got {members} and {combine!r}")


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
        check_panel(len(members), combine)
        self.members = tuple(members)
        self.combine = combine
        self.prompts = next(filter(None, (getattr(member, "prompts", "") for member in members)), "")
        self.reads_turns = all(map(reads_turns, members))
        self.name = f"{combine} of ({'; '.join(member.name for member in members)})"

    def fresh(self) -> "PanelJudge":
        """The same panel without its members' caches, for test-retest."""
        members = [member.fresh() if hasattr(member, "fresh") else member for member in self.members]
        return type(self)(members, self.combine)

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        """Answer each question, in order; `details["members"]` tells what each member said."""
        found = side_by_side(lambda member: judged(member, questions), self.members)
        return [
            self._together(question.kind, each)
            for question, each in zip(questions, zip(*found, strict=True), strict=True)
        ]

    def _together(self, kind: QuestionKind, verdicts: Sequence[Verdict]) -> Verdict:
        calls = tuple(call for verdict in verdicts for call in verdict.calls)
        details = {"members": [{"judge": each.judge, "value": each.value, "reason": each.reason} for each in verdicts]}
        values = [verdict.value for verdict in verdicts if verdict.value is not None]
        if len(values) < len(verdicts):
            failed = next(verdict for verdict in verdicts if verdict.value is None)
            return Verdict(None, self.name, f"{failed.judge}: {failed.reason}", details, calls)
        if kind is not QuestionKind.SCORE:
            share = sum(value > 0 for value in values) / len(values)
            return Verdict(float(share > 0.5), self.name, "", details | {"probability": share}, calls)
        return Verdict(COMBINATIONS[self.combine](values), self.name, "", details, calls)


class ExaminingPanel(PanelJudge):
    """A panel whose members all answer probes too."""

    def examine(self, probes: Sequence[Probe]) -> list[Verdict]:
        """Answer each probe, in order: values become one as scores do; a party accepts where more than half say so."""
        examiners = [member for member in self.members if isinstance(member, Examiner)]
        found = side_by_side(lambda member: examined(member, probes), examiners)
        return [self._examined(each) for each in zip(*found, strict=True)]

    def _examined(self, verdicts: Sequence[Verdict]) -> Verdict:
        together = self._together(QuestionKind.SCORE, verdicts)
        accepts = [each.details["accepts"] for each in verdicts if "accepts" in each.details]
        if together.value is None or not accepts:
            return together
        return replace(together, details={**together.details, "accepts": sum(accepts) > len(accepts) / 2})
