"""Two judges on the same texts: does a figure hang on who judged it?"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import nan

import numpy as np

from negotiation_env.interfaces import Judge
from negotiation_env.judges.check.check import ask
from negotiation_env.judges.check.labelled import STRATA, Labelled, LabelledSet
from negotiation_env.statistics.by_scenario import statistic_with_interval
from negotiation_env.statistics.intervals import Estimate, share_with_interval
from negotiation_env.statistics.rater_agreement import (
    Floats,
    cohen_kappa,
    exact_agreement,
    mean,
    pearson,
    quadratic_kappa,
    spearman,
    within_one,
)

__all__ = ["DecisionAgreement", "JudgeComparison", "ScoreAgreement", "compare_judges", "compare_values"]


@dataclass(frozen=True, slots=True)
class ScoreAgreement:
    """How well two judges' scores of some answers agree; None is a statistic that they do not define.

    Attributes:
        stratum: Which answers: "all", or one of `STRATA`.
        n: How many of them both judges scored.
        exact: Share on the same level, scores rounded to the levels 0 to 5.
        within_one: Share at most one level apart.
        kappa: Quadratic-weighted kappa over the levels, with an interval by dilemma.
        pearson: Linear correlation.
        spearman: Rank correlation.
        difference: Mean of the first judge's score less the second's.
    """

    stratum: str
    n: int
    exact: float | None
    within_one: float | None
    kappa: Estimate
    pearson: float | None
    spearman: float | None
    difference: float | None


@dataclass(frozen=True, slots=True)
class DecisionAgreement:
    """How well two judges' decisions on the dialogues agree.

    Attributes:
        n: How many dialogues both judges decided.
        exact: Share decided alike.
        kappa: Cohen's kappa, with an interval by dilemma.
        first_rate: Share that the first judge called agreed, with the Wilson interval.
        second_rate: Share that the second judge called agreed.
    """

    n: int
    exact: float | None
    kappa: Estimate
    first_rate: Estimate
    second_rate: Estimate


@dataclass(frozen=True, slots=True)
class JudgeComparison:
    """Two judges side by side.

    Attributes:
        first: The first judge's name.
        second: The second judge's name.
        set: The labelled set's name.
        first_unscored: Texts that the first judge failed to answer; they count nowhere else.
        second_unscored: Texts that the second judge failed to answer.
        scores: All answers, then each stratum; answers of unknown tiers are in "all" only.
        decisions: The dialogues.
    """

    first: str
    second: str
    set: str
    first_unscored: int
    second_unscored: int
    scores: tuple[ScoreAgreement, ...]
    decisions: DecisionAgreement

    def to_json(self) -> str:
        """The comparison as indented JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def compare_judges(
    first: Judge, second: Judge, labelled: LabelledSet, *, progress: Callable[[object], None] = lambda _: None
) -> JudgeComparison:
    """Ask both judges about every text of a set, the labels aside, and compare what they say.

    Args:
        first: One judge.
        second: The other judge.
        labelled: What to ask about.
        progress: Told of each verdict, two for each text.
    """
    questions = [item.question for item in labelled.items]
    values = [
        np.array([nan if each.value is None else each.value for each in ask(judge, questions, progress)], np.float64)
        for judge in (first, second)
    ]
    return compare_values((first.name, second.name), labelled, values[0], values[1])


def compare_values(names: tuple[str, str], labelled: LabelledSet, first: Floats, second: Floats) -> JudgeComparison:
    """Compare two judges' values of a set's texts, in their order; nan is unscored."""
    tiers = np.array([item.group for item in labelled.answers], np.str_)
    end = len(tiers)
    scores = [_scores("all", labelled.answers, first[:end], second[:end])]
    for stratum, members in STRATA.items():
        at = np.flatnonzero(np.isin(tiers, members))
        scores.append(_scores(stratum, [labelled.answers[index] for index in at.tolist()], first[at], second[at]))
    return JudgeComparison(
        *names,
        labelled.name,
        first_unscored=int(np.isnan(first).sum()),
        second_unscored=int(np.isnan(second).sum()),
        scores=tuple(scores),
        decisions=_decisions(labelled.dialogues, first[end:], second[end:]),
    )


def _scores(stratum: str, items: Sequence[Labelled], first: Floats, second: Floats) -> ScoreAgreement:
    items, first, second = _both(items, first, second)
    return ScoreAgreement(
        stratum,
        n=len(items),
        exact=exact_agreement(first, second),
        within_one=within_one(first, second),
        kappa=statistic_with_interval(
            lambda at: quadratic_kappa(first[at], second[at]), [item.dilemma for item in items]
        ),
        pearson=pearson(first, second),
        spearman=spearman(first, second),
        difference=mean(first - second),
    )


def _decisions(items: Sequence[Labelled], first: Floats, second: Floats) -> DecisionAgreement:
    items, first, second = _both(items, first, second)
    return DecisionAgreement(
        n=len(items),
        exact=mean(first == second),
        kappa=statistic_with_interval(lambda at: cohen_kappa(first[at], second[at]), [item.dilemma for item in items]),
        first_rate=share_with_interval(int(first.sum()), len(items)),
        second_rate=share_with_interval(int(second.sum()), len(items)),
    )


def _both(items: Sequence[Labelled], first: Floats, second: Floats) -> tuple[list[Labelled], Floats, Floats]:
    """The items that both judges answered."""
    at = np.flatnonzero(~(np.isnan(first) | np.isnan(second)))
    return [items[index] for index in at.tolist()], first[at], second[at]
