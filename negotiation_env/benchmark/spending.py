"""A limit on what a benchmark may cost; `negotiation_env.endpoints.cost_limit` has how closely it is held.

Above it no other game begins and no other question is asked about finished games. Games that are under way then are
played to their end, for what they took would be lost, as long as that takes no more than a tenth of the limit. Then
they are cut off.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from negotiation_env.benchmark.asked import Asked
from negotiation_env.benchmark.compare import Compared
from negotiation_env.benchmark.durability import Challenge
from negotiation_env.endpoints.cost_limit import Account, Spending, calls_prices, usage_price
from negotiation_env.environment.episode import Episode
from negotiation_env.episodes.runner import replied
from negotiation_env.errors import UserError
from negotiation_env.game.events import Question, Verdict
from negotiation_env.interfaces import Agent, Judge, Reply, Request
from negotiation_env.judges.asking import judged, reads_turns

__all__ = ["BenchmarkSpending"]

Q = TypeVar("Q")
A = TypeVar("A", Compared, Asked)
_FOR_THE_REST: Final = 0.1
"""Share of the limit that may be spent beyond it on games that are under way."""
_NOT_ASKED: Final = "not asked: the cost limit is reached"


class BenchmarkSpending:
    """Adds up what calls cost, and stops the run above a limit; safe to use from many threads.

    Calls without a known price count nothing, nor do judges' replies out of a cache.

    Args:
        limit: Dollars; None never stops.
    """

    def __init__(self, limit: float | None) -> None:
        self._spending = Spending(limit)

    @property
    def spent(self) -> float:
        """Dollars so far."""
        return self._spending.spent

    def pay(self, paid: Episode | Compared | Asked | Challenge) -> None:
        """Count what is on file, unscored or not."""
        if isinstance(paid, Episode):
            usages = [turn.usage for turn in paid.asked]
            calls = [call for ruling in paid.rulings for call in ruling.verdict.calls]
        else:
            usages, calls = [paid.usage] if isinstance(paid, Challenge) else [], list(paid.calls)
        self._spending.add([price for usage in usages for price in usage_price(usage)])
        self._spending.add(calls_prices(calls))

    def asking(self, ask: Callable[[Sequence[Q]], list[A]], *judges: object) -> Callable[[Sequence[Q]], list[A]]:
        """The same for questions about finished games, as far as the money goes: answers to the first of them.

        Raises:
            UserError: There is no money for any; from what is returned.
        """
        account = self._spending.account(*judges)

        def paid(questions: Sequence[Q]) -> list[A]:
            answers = account.ask(questions, ask, lambda answer: calls_prices(answer.calls))
            if not answers:
                self.check()
            return answers

        return paid

    def agent(self, agent: Agent) -> Agent:
        """The agent, paid for what it says; where nothing is left it is not asked."""
        unlimited = self._spending.limit is None
        return agent if unlimited else _PaidAgent(agent, self._spending.account(agent, beyond=_FOR_THE_REST))

    def judge(self, judge: Judge) -> Judge:
        """The judge, paid for its verdicts; where nothing is left it is not asked."""
        unlimited = self._spending.limit is None
        return judge if unlimited else _PaidJudge(judge, self._spending.account(judge, beyond=_FOR_THE_REST))

    def check(self) -> None:
        """Look at the limit.

        Raises:
            UserError: It is exceeded.
        """
        if self._spending.over:
            limit = self._spending.limit or 0.0
            raise UserError(
                f"stopped: {_dollars(self.spent)} spent, the limit is {_dollars(limit)}; all that was played is "
                "kept, and what was cut off is played again; raise cost_limit and go on with --resume"
            )


class _PaidAgent:
    def __init__(self, agent: Agent, account: Account) -> None:
        self.name = agent.name
        self.prompts = getattr(agent, "prompts", None)
        self._agent = agent
        self._account = account

    def act(self, requests: Sequence[Request]) -> list[Reply]:
        said = self._account.ask(requests, partial(replied, self._agent), lambda reply: usage_price(reply.usage))
        return said + [Reply("", error=_NOT_ASKED)] * (len(requests) - len(said))


class _PaidJudge:
    def __init__(self, judge: Judge, account: Account) -> None:
        self.name = judge.name
        self.prompts = getattr(judge, "prompts", "")
        self.reads_turns = reads_turns(judge)
        self._judge = judge
        self._account = account

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        said = self._account.ask(questions, partial(judged, self._judge), lambda verdict: calls_prices(verdict.calls))
        return said + [Verdict(None, self.name, _NOT_ASKED)] * (len(questions) - len(said))


def _dollars(sum: float) -> str:
    return f"${sum:.2f}" if sum >= 0.1 or not sum else f"${sum:.2g}"
