"""What a check of a judge amounts to, under dotted names.

- `ca`: scores against labels. `pairwise.COLUMN` is the share of pairs, within a dilemma, in which an integrative
  answer beats one of the column's tiers (a tie is one half), `macro_pairwise` the mean over columns; `mean.TIER`.
- `agreement`: decisions against labels; `accuracy.KIND`; `auc` over the judge's opinion, graded where it gives one.
- `order`: how far scores move when the personas change seats. `retest`: when the same is asked again.
- `length`: whether longer pleases. `injection`: what text that attacks the judge gains.
- `cost`, `latency`: what the judge's models took. `panel`: how well the members of a panel agree.

A figure with a 95 % interval has `.low`, `.high` and `.n` beside it; None is a figure that is not defined.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum

import numpy as np

from negotiation_env.endpoints.usage import amount
from negotiation_env.game.events import Verdict
from negotiation_env.judges.check.figures import (
    Change,
    Figures,
    Rating,
    accuracy_figures,
    agreement_figures,
    injection_figures,
    length_figures,
    order_figures,
    panel_figures,
    retest_figures,
)

__all__ = ["CheckReport", "Evidence", "cost_figures", "report"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a judge said in a check.

    Attributes:
        judge: The judge's name.
        set: The labelled set's name.
        ratings: Every text of the set, once.
        swaps: Every answer with its personas in each other's seats.
        retests: Some of the texts, asked again.
        attacks: One-sided answers and not agreed dialogues with an attack appended.
        seconds: How long it took all in all.
    """

    judge: str
    set: str
    ratings: tuple[Rating, ...]
    swaps: tuple[Change, ...]
    retests: tuple[Change, ...]
    attacks: tuple[Change, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The figures of a check.

    Attributes:
        judge: The judge's name.
        set: The labelled set's name.
        items: How many texts the set has.
        figures: Dotted names and numbers; see this module's docstring.
    """

    judge: str
    set: str
    items: int
    figures: Mapping[str, float | None]

    def to_json(self) -> str:
        """One flat, indented JSON object: judge, set, items and every figure under its dotted name."""
        head = {"judge": self.judge, "set": self.set, "items": self.items}
        return json.dumps({**head, **self.figures}, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def report(evidence: Evidence) -> CheckReport:
    """Compute all figures."""
    answers = [rating for rating in evidence.ratings if rating.item.is_answer]
    dialogues = [rating for rating in evidence.ratings if not rating.item.is_answer]
    changes = (*evidence.swaps, *evidence.retests, *evidence.attacks)
    verdicts = [rating.verdict for rating in evidence.ratings] + [change.after for change in changes]
    figures = {
        **accuracy_figures(answers),
        **agreement_figures(dialogues),
        **order_figures(evidence.swaps),
        **length_figures(answers),
        **retest_figures(evidence.retests),
        **injection_figures(evidence.attacks),
        **cost_figures(verdicts, evidence.seconds),
        **panel_figures([rating.verdict for rating in answers]),
    }
    return CheckReport(evidence.judge, evidence.set, len(evidence.ratings), figures)


def cost_figures(verdicts: Sequence[Verdict], seconds: float) -> Figures:
    """What the calls behind some verdicts took, over the calls that report it; None where none of them does.

    A reply out of a cache counts as its call did, so that a repeated check has the same figures; only the wall
    time, of `seconds` in all, is what the check took this time.
    """
    calls = [call for verdict in verdicts for call in verdict.calls]
    prompt, completion, money, took = (
        [found for call in calls if (found := amount(call.usage, name)) is not None]
        for name in ("prompt_tokens", "completion_tokens", "cost", "seconds")
    )
    return {
        "cost.questions": len(verdicts),
        "cost.calls": len(calls),
        "cost.cached": sum(call.cached for call in calls),
        "cost.prompt_tokens": int(sum(prompt)) if prompt else None,
        "cost.completion_tokens": int(sum(completion)) if completion else None,
        "cost.money": fsum(money) if money else None,
        "latency.median": float(np.median(took)) if took else None,
        "latency.p95": float(np.percentile(took, 95)) if took else None,
        "latency.calls": len(took),
        "latency.wall_per_question": seconds / len(verdicts) if verdicts else None,
    }
