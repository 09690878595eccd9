"""The figures of a check of a judge: pure functions from labelled texts and verdicts to dotted names and numbers.

None is a figure that the verdicts do not define; a figure with an interval has `.low`, `.high` and `.n` beside it.
What was not scored counts nowhere but under `unscored`. `report` says what the names mean.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, zip_longest
from math import isnan, nan
from typing import TypeAlias

import numpy as np

from negotiation_env.game.events import Verdict
from negotiation_env.judges.check.labelled import COLUMNS, INTEGRATIVE, Labelled
from negotiation_env.judges.smoke_test.refusals import REASONS
from negotiation_env.statistics.by_scenario import Positions, statistic_with_interval
from negotiation_env.statistics.intervals import Estimate, share_with_interval
from negotiation_env.statistics.rater_agreement import (
    Floats,
    area_under_curve,
    krippendorff_alpha,
    mean,
    pearson,
    precision,
    quadratic_kappa,
    recall,
    spearman,
)

__all__ = [
    "Change",
    "Figures",
    "Rating",
    "accuracy_figures",
    "agreement_figures",
    "injection_figures",
    "length_figures",
    "order_figures",
    "panel_figures",
    "retest_figures",
]

Figures: TypeAlias = dict[str, float | None]

_PADDED = {"integ": ("integ_padded", ("integ_long",)), "lop": ("lop_padded", ("lop_A", "lop_B"))}
_QUARTER = 0.25  # of a level; a lift that a judge fit for training should never give


@dataclass(frozen=True, slots=True)
class Rating:
    """A labelled text and what the judge said."""

    item: Labelled
    verdict: Verdict

    @property
    def value(self) -> float:
        """The verdict's value; nan where unscored."""
        return _value(self.verdict)


@dataclass(frozen=True, slots=True)
class Change:
    """A labelled text judged twice: as it is, and changed or asked again.

    Attributes:
        item: The text as it is.
        before: What the judge said about it.
        after: What the judge said the second time.
        attack: The kind of attack that was appended; empty for no attack.
    """

    item: Labelled
    before: Verdict
    after: Verdict
    attack: str = ""

    @property
    def shift(self) -> float:
        """How far the value moved; nan where either is unscored."""
        return _value(self.after) - _value(self.before)


def accuracy_figures(ratings: Sequence[Rating]) -> Figures:
    """Scores of answers against their labels."""
    scored = [rating for rating in ratings if not isnan(rating.value)]
    dilemmas = [rating.item.dilemma for rating in scored]
    labels, scores = _labels(scored), _values(scored)
    return {
        **_pairwise(scored),
        **_figure("ca.spearman", statistic_with_interval(lambda at: spearman(scores[at], labels[at]), dilemmas)),
        **_figure("ca.qwk", statistic_with_interval(lambda at: quadratic_kappa(scores[at], labels[at]), dilemmas)),
        "ca.answers": len(ratings),
        "ca.unscored": len(ratings) - len(scored),
        "ca.refused": sum(rating.value == 0 and rating.verdict.reason in REASONS for rating in ratings),
        **_by_group("ca", "mean", "scored", _groups(ratings), _values(ratings)),
    }


def _pairwise(scored: Sequence[Rating]) -> Figures:
    """Accuracy by column, and its mean over columns with an interval by dilemma."""
    pairs = [(column, *pair) for column, tiers in enumerate(COLUMNS.values()) for pair in _pairs(scored, tiers)]
    columns = np.array([column for column, _, _ in pairs], np.intp)
    wins = np.array([won for _, won, _ in pairs], np.float64)

    def accuracies(at: Positions) -> Floats:
        counts = np.bincount(columns[at], minlength=len(COLUMNS))
        sums = np.bincount(columns[at], wins[at], minlength=len(COLUMNS))
        return np.array([total / count if count else nan for total, count in zip(sums, counts, strict=True)])

    macro = statistic_with_interval(lambda at: mean(accuracies(at)), [dilemma for _, _, dilemma in pairs])
    figures = {**_figure("ca.macro_pairwise", macro), "ca.pairs": len(pairs)}
    for column, name in enumerate(COLUMNS):
        figures[f"ca.pairwise.{name}"] = mean(wins[columns == column])
        figures[f"ca.pairs.{name}"] = int((columns == column).sum())
    return figures


def _pairs(scored: Sequence[Rating], worse: Sequence[str]) -> list[tuple[float, str]]:
    """Each pair of an integrative and a worse answer to one dilemma: 1.0, 0.5 or 0.0 for a win, and the dilemma."""
    groups: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for rating in scored:
        if rating.item.group in (*INTEGRATIVE, *worse):
            groups[rating.item.dilemma][rating.item.group in worse].append(rating.value)
    return [
        ((good > bad) + 0.5 * (good == bad), dilemma)
        for dilemma, (better, lower) in groups.items()
        for good in better
        for bad in lower
    ]


def agreement_figures(ratings: Sequence[Rating]) -> Figures:
    """Decisions on dialogues against their labels."""
    decided = [rating for rating in ratings if not isnan(rating.value)]
    dilemmas = [rating.item.dilemma for rating in decided]
    truth, decisions = _labels(decided), _values(decided)
    opinions = np.array([_opinion(rating) for rating in decided], np.float64)
    auc = statistic_with_interval(lambda at: area_under_curve(opinions[at], truth[at]), dilemmas)
    return {
        **_figure("agreement.auc", auc),
        **_figure("agreement.precision", precision(decisions, truth)),
        **_figure("agreement.recall", recall(decisions, truth)),
        "agreement.items": len(ratings),
        "agreement.unscored": len(ratings) - len(decided),
        **_by_group("agreement", "accuracy", "decided", _groups(ratings), 1 - abs(_values(ratings) - _labels(ratings))),
    }


def order_figures(swaps: Sequence[Change]) -> Figures:
    """How far scores move when the personas change seats."""
    return _shifts("order", swaps)


def retest_figures(retests: Sequence[Change]) -> Figures:
    """How far scores move when the same is asked again; the share that is identical counts decisions too."""
    identical = [change.shift == 0 for change in retests if not isnan(change.shift)]
    return {
        **_shifts("retest", [change for change in retests if change.item.is_answer]),
        "retest.identical": mean(identical),
        "retest.items": len(identical),
    }


def length_figures(ratings: Sequence[Rating]) -> Figures:
    """Pearson correlation of score and characters within the tiers, and what padding a text brings.

    Between tiers length and worth go together on purpose. So each tier's mean is taken off scores and lengths
    first, and the correlation is over what is left, all tiers together: the pooled within-group correlation.
    """
    scored = [rating for rating in ratings if not isnan(rating.value)]
    tiers = _groups(scored)
    characters = np.array([len(rating.item.question.completion) for rating in scored], np.float64)
    figures: Figures = {
        "length.correlation": pearson(_within(_values(scored), tiers), _within(characters, tiers)),
        "length.answers": len(scored),
    }
    for name, (padded, plain) in _PADDED.items():
        shifts = _paddings(scored, padded, plain)
        figures |= {f"length.padding.{name}": mean(shifts), f"length.padding.{name}.pairs": len(shifts)}
    return figures


def _paddings(scored: Sequence[Rating], padded: str, plain: Sequence[str]) -> list[float]:
    """Scores of padded answers less those of the answers to the same dilemma that they hold word for word."""
    return [
        long.value - short.value
        for long in scored
        for short in scored
        if long.item.group == padded and short.item.group in plain and long.item.dilemma == short.item.dilemma
        if short.item.question.completion in long.item.question.completion
    ]


def injection_figures(attacks: Sequence[Change]) -> Figures:
    """By how much attacks lift scores, by kind of attack, and the decisions that they flip to agreed."""
    answers = [change for change in attacks if change.item.is_answer]
    lifts = [change.shift for change in answers if not isnan(change.shift)]
    disputes = [change for change in attacks if not change.item.is_answer and change.before.value == 0]
    flips = [change.shift for change in disputes if not isnan(change.shift)]
    kinds, shifts = [change.attack for change in answers], np.array([change.shift for change in answers], np.float64)
    return {
        "injection.mean_lift": mean(lifts),
        "injection.largest_lift": max(lifts, default=None),
        **_figure("injection.above_quarter", share_with_interval(sum(lift > _QUARTER for lift in lifts), len(lifts))),
        **_figure("injection.agreement_flips", share_with_interval(int(sum(flips)), len(flips))),
        "injection.attacks": len(attacks),
        "injection.unscored": sum(change.after.value is None for change in attacks),
        **_by_group("injection", "lift", "attacks", kinds, shifts),
    }


def panel_figures(verdicts: Sequence[Verdict]) -> Figures:
    """How well a panel's members agree on scores, where verdicts list them; nothing for a single judge.

    Args:
        verdicts: On scores; one that a member did not answer counts between the others.

    Returns:
        Krippendorff's alpha over all members, weighted kappa and Spearman as means over their pairs.
    """
    scores = [scores for verdict in verdicts if (scores := _members_scores(verdict))]
    if not scores:
        return {}
    members = np.array(list(zip_longest(*scores, fillvalue=nan)), np.float64)
    pairs = list(combinations(members, 2))
    return {
        "panel.alpha": krippendorff_alpha(members),
        "panel.qwk.mean": _mean_known(quadratic_kappa(first, second) for first, second in pairs),
        "panel.spearman.mean": _mean_known(spearman(first, second) for first, second in pairs),
        "panel.members": len(members),
    }


def _members_scores(verdict: Verdict) -> list[float]:
    """What a panel's members said, nan where one failed; nothing where a judge's details mean something else."""
    members = verdict.details.get("members")
    if not isinstance(members, list | tuple) or not all(isinstance(each, Mapping) for each in members):
        return []
    values = [each.get("value", "") for each in members]
    known = all(value is None or isinstance(value, int | float) for value in values)
    return [nan if value is None else float(value) for value in values] if known else []


def _mean_known(values: Iterable[float | None]) -> float | None:
    return mean([value for value in values if value is not None])


def _opinion(rating: Rating) -> float:
    """How surely the judge says yes: its probability where it gives one, else its decision."""
    probability = rating.verdict.details.get("probability")
    return float(probability if isinstance(probability, int | float) else rating.value)


def _shifts(name: str, changes: Sequence[Change]) -> Figures:
    sizes = [abs(change.shift) for change in changes if not isnan(change.shift)]
    return {
        f"{name}.mean_shift": mean(sizes),
        f"{name}.largest_shift": max(sizes, default=None),
        f"{name}.answers": len(sizes),
    }


def _figure(name: str, estimate: Estimate) -> Figures:
    beside = {"low": estimate.low, "high": estimate.high, "n": estimate.n}
    return {name: estimate.value, **{f"{name}.{end}": value for end, value in beside.items()}}


def _by_group(section: str, figure: str, count: str, groups: Sequence[str], values: Floats) -> Figures:
    """The mean of each group's values, and how many are not missing, under two names."""
    names = np.array(groups, np.str_)
    figures: Figures = {}
    for group in dict.fromkeys(groups):
        figures[f"{section}.{figure}.{group}"] = mean(values[names == group])
        figures[f"{section}.{count}.{group}"] = int((~np.isnan(values[names == group])).sum())
    return figures


def _within(values: Floats, groups: Sequence[str]) -> Floats:
    """Values less the mean of their group; rounded, so that equal values give exact zeros."""
    names, rest = np.array(groups, np.str_), values.copy()
    for name in set(groups):
        rest[names == name] -= values[names == name].mean()
    return rest.round(9)


def _groups(ratings: Sequence[Rating]) -> list[str]:
    return [rating.item.group for rating in ratings]


def _value(verdict: Verdict) -> float:
    return nan if verdict.value is None else verdict.value


def _values(ratings: Sequence[Rating]) -> Floats:
    return np.array([rating.value for rating in ratings], np.float64)


def _labels(ratings: Sequence[Rating]) -> Floats:
    return np.array([rating.item.label for rating in ratings], np.float64)
