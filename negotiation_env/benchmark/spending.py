"""A limit on what a benchmark may cost.

Above it no other game begins and no other batch of questions is asked. Games that are under way then are played to
their end, for what they took would be lost, as long as that takes no more than a tenth of the limit. Then they are cut
off: at most a turn or a question of each is still paid for.
"""

from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import Any, Final, TypeVar

from negotiation_env.benchmark.asked import Asked
from negotiation_env.benchmark.compare import Compared
from negotiation_env.benchmark.durability import Challenge
from negotiation_env.environment.episode import Episode
from negotiation_env.episodes.runner import replied
from negotiation_env.episodes.usage import amount
from negotiation_env.errors import UserError
from negotiation_env.game.events import JudgeCall, Question, Verdict
from negotiation_env.interfaces import Agent, Judge, Reply, Request
from negotiation_env.judges.asking import judged

__all__ = ["Purse"]

A = TypeVar("A", Compared, Asked)
_FOR_THE_REST: Final = 0.1
"""Share of the limit that may be spent beyond it on games that are under way."""
_NOT_ASKED: Final = "not asked: the cost limit is exceeded"


class Purse:
    """Adds up what calls cost, and stops the run above a limit; safe to use from many threads.

    Calls without a known price count nothing, nor do judges' replies out of a cache.

    Args:
        limit: Dollars; None never stops.
    """

    def __init__(self, limit: float | None) -> None:
        self.spent = 0.0
        self._limit = limit
        self._adding = Lock()

    @property
    def empty(self) -> bool:
        """Nothing is left for games that are under way either."""
        return self._limit is not None and self.spent > self._limit * (1 + _FOR_THE_REST)

    def pay(self, paid: Episode | Compared | Asked | Challenge) -> None:
        """Count what is on file, unscored or not."""
        if isinstance(paid, Episode):
            self.pay_usages(turn.usage for turn in paid.asked)
            self.pay_calls(call for ruling in paid.rulings for call in ruling.verdict.calls)
        else:
            self.pay_usages([paid.usage] if isinstance(paid, Challenge) else [])
            self.pay_calls(paid.calls)

    def paid(self, answers: list[A]) -> list[A]:
        """Count what a judge has just answered."""
        for answer in answers:
            self.pay(answer)
        return answers

    def agent(self, agent: Agent) -> Agent:
        """The agent, paid for what it says; where the purse is empty it is not asked."""
        return agent if self._limit is None else _PaidAgent(agent, self)

    def judge(self, judge: Judge) -> Judge:
        """The judge, paid for its verdicts; where the purse is empty it is not asked."""
        return judge if self._limit is None else _PaidJudge(judge, self)

    def check(self) -> None:
        """Look at the limit.

        Raises:
            UserError: It is exceeded.
        """
        if self._limit is not None and self.spent > self._limit:
            raise UserError(
                f"stopped: {_dollars(self.spent)} spent, the limit is {_dollars(self._limit)}; all that was played is "
                "kept, and what was cut off is played again; raise cost_limit and go on with --resume"
            )

    def pay_calls(self, calls: Iterable[JudgeCall]) -> None:
        """Count a judge's calls."""
        self.pay_usages(call.usage for call in calls if not call.cached)

    def pay_usages(self, usages: Iterable[Mapping[str, Any]]) -> None:
        """Count what some calls report."""
        dollars = sum(amount(usage, "cost") or 0.0 for usage in usages)
        with self._adding:
            self.spent += dollars


class _PaidAgent:
    def __init__(self, agent: Agent, purse: Purse) -> None:
        self.name = agent.name
        self._agent = agent
        self._purse = purse

    def act(self, requests: Sequence[Request]) -> list[Reply]:
        if self._purse.empty:
            return [Reply("", error=_NOT_ASKED)] * len(requests)
        replies = replied(self._agent, requests)
        self._purse.pay_usages(reply.usage for reply in replies)
        return replies


class _PaidJudge:
    def __init__(self, judge: Judge, purse: Purse) -> None:
        self.name = judge.name
        self._judge = judge
        self._purse = purse

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        if self._purse.empty:
            return [Verdict(None, self.name, _NOT_ASKED)] * len(questions)
        verdicts = judged(self._judge, questions)
        self._purse.pay_calls(call for verdict in verdicts for call in verdict.calls)
        return verdicts


def _dollars(sum: float) -> str:
    return f"${sum:.2f}" if sum >= 0.1 or not sum else f"${sum:.2g}"
