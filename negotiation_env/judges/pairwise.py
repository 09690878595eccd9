"""Which of two answers is better, asked in both orders: only a preference that both orders share counts.

After the paper's evaluation (arXiv 2603.10476): win rates are over the counted pairs, and the share that does not count
is reported beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from negotiation_env.game.events import JudgeCall, Question, QuestionKind, Verdict
from negotiation_env.interfaces import Judge
from negotiation_env.judges.asking import answers, judged
from negotiation_env.statistics.intervals import Estimate, share_with_interval

if TYPE_CHECKING:
    from negotiation_env.judges.forms import Pair

__all__ = [
    "Duel",
    "PairwiseJudge",
    "Preference",
    "ScoringPairwise",
    "WinRate",
    "as_pairwise",
    "both_orders",
    "win_rate",
]


@dataclass(frozen=True, slots=True)
class Preference:
    """A judge's answer to one pair in one order.

    Attributes:
        value: 1.0 the first, 0.0 the second, 0.5 a tie or between them over samples; None: unscored.
        judge: The judge's id.
        reason: Why; for an unscored one, what failed.
        calls: Every model call behind it.
    """

    value: float | None
    judge: str
    reason: str = ""
    calls: tuple[JudgeCall, ...] = ()

    def __post_init__(self) -> None:
        if self.value is not None and not 0.0 <= self.value <= 1.0:
            raise ValueError(f"preference: expected a value from 0 to 1, or None for unscored; got {self.value!r}")

    @property
    def winner(self) -> int | None:
        """0 the first, 1 the second, None neither."""
        if self.value is None or self.value == 0.5:
            return None
        return 0 if self.value > 0.5 else 1

    @property
    def swapped(self) -> "Preference":
        """The same of the pair in the other order; its calls are told once."""
        return Preference(None if self.value is None else 1.0 - self.value, self.judge, self.reason)


@runtime_checkable
class PairwiseJudge(Protocol):
    """Compares answers."""

    name: str

    def compare(self, pairs: "Sequence[Pair]") -> list[Preference]:
        """Say which of each pair is better, in order."""


@dataclass(frozen=True, slots=True)
class Duel:
    """A pair in both orders.

    Attributes:
        forward: The preference in the order given.
        backward: The preference in the other order; its "first" is the pair's second.
        ordered: Both orders were asked; False of a judge of scores, whose other order only repeats the first.
    """

    forward: Preference
    backward: Preference
    ordered: bool = True

    @property
    def unscored(self) -> bool:
        """The judge failed in one of the orders."""
        return self.forward.value is None or self.backward.value is None

    @property
    def consistent(self) -> bool:
        """Both orders prefer the same answer, or both neither."""
        if self.unscored:
            return False
        swapped = {0: 1, 1: 0, None: None}[self.backward.winner]
        return self.forward.winner == swapped

    @property
    def winner(self) -> int | None:
        """0 the pair's first, 1 its second; None where the orders differ, or neither is better."""
        return self.forward.winner if self.consistent else None


def both_orders(judge: PairwiseJudge, pairs: "Sequence[Pair]") -> list[Duel]:
    """Compare each pair in both orders, in one call to the judge; what it raises leaves pairs unscored."""
    if isinstance(judge, ScoringPairwise):
        return [Duel(each, each.swapped, ordered=False) for each in _compared(judge, pairs)]
    found = _compared(judge, [*pairs, *(pair.swapped for pair in pairs)])
    return [Duel(*each) for each in zip(found[: len(pairs)], found[len(pairs) :], strict=True)]


def _compared(judge: PairwiseJudge, pairs: "Sequence[Pair]") -> list[Preference]:
    return answers(judge.name, judge.compare, pairs, Preference)


@dataclass(frozen=True, slots=True)
class WinRate:
    """How often the first answer of the pairs wins.

    Attributes:
        rate: Wins over wins and losses, with the 95 % Wilson interval; None without any.
        wins: Pairs whose first answer is better in both orders.
        losses: Pairs whose second is.
        ties: Pairs of which neither is better in both orders.
        inconsistent: Pairs whose orders disagree.
        unscored: Pairs that the judge failed on.
        inconsistent_share: Share of the pairs judged in both orders whose orders disagree; None without any.
    """

    rate: Estimate
    wins: int
    losses: int
    ties: int
    inconsistent: int
    unscored: int
    inconsistent_share: float | None


def as_pairwise(judge: Judge) -> PairwiseJudge:
    """The judge itself where it compares, else by its scores."""
    return judge if isinstance(judge, PairwiseJudge) else ScoringPairwise(judge)


def win_rate(duels: Sequence[Duel]) -> WinRate:
    """The win rate over duels."""
    wins, losses = (sum(duel.winner == side for duel in duels) for side in (0, 1))
    judged = [duel for duel in duels if not duel.unscored]
    inconsistent = sum(not duel.consistent for duel in judged)
    ties, unscored = len(judged) - wins - losses - inconsistent, len(duels) - len(judged)
    both = sum(duel.ordered for duel in judged)
    share = inconsistent / both if both else None
    return WinRate(share_with_interval(wins, wins + losses), wins, losses, ties, inconsistent, unscored, share)


class ScoringPairwise:
    """Any judge as a pairwise one: the higher score is better. It knows no order, so that one is enough.

    Args:
        judge: Scores each answer.
        margin: Scores that differ by no more are a tie.
    """

    def __init__(self, judge: Judge, margin: float = 0.0) -> None:
        self.name = f"scores of {judge.name}"
        self.inner = judge
        self._margin = margin

    def compare(self, pairs: "Sequence[Pair]") -> list[Preference]:
        """Score the answers of all pairs in one call, each answer once; its calls are told with its first pair."""
        asked = [(_question(pair, pair.first), _question(pair, pair.second)) for pair in pairs]
        unique = list(dict.fromkeys(question for pair in asked for question in pair))
        verdicts = dict(zip(unique, judged(self.inner, unique), strict=True))
        calls = {question: verdict.calls for question, verdict in verdicts.items()}
        return [
            self._preference(verdicts[first], verdicts[second], (*calls.pop(first, ()), *calls.pop(second, ())))
            for first, second in asked
        ]

    def _preference(self, first: Verdict, second: Verdict, calls: tuple[JudgeCall, ...]) -> Preference:
        if first.value is None or second.value is None:
            return Preference(None, self.name, first.reason or second.reason, calls)
        difference = first.value - second.value
        value = 0.5 if abs(difference) <= self._margin else float(difference > 0)
        return Preference(value, self.name, f"{first.value:.2f} against {second.value:.2f}", calls)


def _question(pair: "Pair", answer: str) -> Question:
    return Question(QuestionKind.SCORE, pair.scenario, completion=answer)
