"""A limit on what a run may cost: who needs a price, what was spent, and how many more questions may begin.

A question is anything that is paid for as one: a turn, a judge's verdict with all of its calls, a text to write. They
are asked many at a time as long as there is money for twice as many by the dearest one so far, and one at a time when
that ends; the first one to somebody at an endpoint goes alone, for only its answer tells what such a question costs. So
the limit is passed by one question at most, as long as none costs more than twice what one to the same cost before.
What runs in this process is free and asked as without a limit; so is somebody's own agent until it tells a cost.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Condition
from typing import Any, TypeVar

from negotiation_env.chat_completions import EndpointSettings
from negotiation_env.errors import UserError
from negotiation_env.events import JudgeCall
from negotiation_env.usage import amount

__all__ = ["Account", "Prices", "Spending", "calls_prices", "need_prices", "usage_price"]

Q = TypeVar("Q")
A = TypeVar("A")
Prices = list[float | None]
"""Dollars of each call behind an answer, None where the call does not tell; a reply out of a cache is no call."""


def need_prices(asked: Iterable[object]) -> None:
    """See to it that a cost limit can hold: whoever is asked at an endpoint has a price.

    What runs in this process is free; an agent or judge of somebody's own tells what it costs, or counts nothing.

    Args:
        asked: Agents, judges and models.

    Raises:
        UserError: The price of an endpoint is unknown; the message names all of these.
    """
    found = dict.fromkeys(each.name for one in asked for each in _endpoints(one) if each.cost(1, 1) is None)
    if found:
        raise UserError(
            f"a cost limit needs the prices of {'; '.join(found)}; set prompt_price and completion_price (dollars a "
            "million tokens, 0 where it is free) in the TOML file of each, a judge's under [endpoint], and name that "
            "file instead of openai:…; or leave the limit out"
        )


def _endpoints(asked: object, above: tuple[int, ...] = ()) -> Iterator[EndpointSettings]:
    """The endpoints that are asked by an agent, a judge, a model or what is built of them; a replay asks none."""
    if id(asked) in above:
        return
    if isinstance(settings := getattr(asked, "settings", None), EndpointSettings):
        yield settings
    members = getattr(asked, "members", ())
    for each in (getattr(asked, "model", None), getattr(asked, "inner", None), *_listed(members)):
        if each is not None:
            yield from _endpoints(each, (*above, id(asked)))


def _listed(members: object) -> Iterable[object]:
    return members if isinstance(members, tuple | list) else ()


def usage_price(usage: Mapping[str, Any]) -> Prices:
    """The price of one call."""
    return [amount(usage, "cost")]


def calls_prices(calls: Iterable[JudgeCall]) -> Prices:
    """The prices of a judge's calls."""
    return [price for call in calls if not call.cached for price in usage_price(call.usage)]


class Spending:
    """What a run has spent of what it may; safe to use from many threads.

    Args:
        limit: Dollars; None is no limit.

    Attributes:
        limit: As given.
        spent: Dollars so far.

    Raises:
        UserError: The limit is below 0, or no finite number.
    """

    def __init__(self, limit: float | None) -> None:
        if limit is not None and not 0 <= limit < math.inf:
            raise UserError(f"cost limit: expected a number of dollars, 0 or more; got {limit}")
        self.limit = limit
        self.spent = 0.0
        self._refused = False
        self._aside: list[float] = []
        self._change = Condition()

    @property
    def over(self) -> bool:
        """More than the limit is spent, or something was not asked because of it."""
        return self.limit is not None and (self._refused or self.spent > self.limit)

    def add(self, prices: Iterable[float | None]) -> None:
        """Count what was paid."""
        with self._change:
            self.spent += math.fsum(price or 0.0 for price in prices)

    def account(self, *asked: object, beyond: float = 0.0) -> "Account":
        """An account for questions to some agents, judges or models.

        Args:
            *asked: Who is asked.
            beyond: The share of the limit that these questions may take beyond it.
        """
        dear = any(each.cost(1, 1) for one in asked for each in _endpoints(one))
        return Account(self, (self.limit or 0.0) * (1 + beyond), None if dear else 0.0)

    @contextmanager
    def begin(self, account: "Account", wanted: int) -> Iterator[int]:
        """For how many of some questions there is money, 0 where none is left; they are asked in the block.

        Where that depends on what others have under way, these are waited for.
        """
        if self.limit is None:
            yield wanted
            return
        with self._change:
            self._change.wait_for(lambda: not self._aside or account.fits(self._left(account)) >= 1)
            left = self._left(account)
            count = 0 if self._spent_up(account) else int(min(wanted, max(1, account.fits(left))))
            self._refused |= not count
            aside = left if account.dearest is None else min(left, count * account.dearest)
            self._aside.append(aside)
        try:
            yield count
        finally:
            with self._change:
                self._aside.remove(aside)
                self._change.notify_all()

    def _spent_up(self, account: "Account") -> bool:
        """Where all is spent to the cent, or there was nothing, what is free may still go on."""
        return self.spent > account.most or (self.spent == account.most and account.dearest != 0)

    def _left(self, account: "Account") -> float:
        return account.most - self.spent - math.fsum(self._aside)


class Account:
    """Questions to somebody, asked as far as there is money; made by `Spending.account`.

    Attributes:
        most: Dollars that may be spent in all when a question begins.
        dearest: What a question cost at most so far, in dollars; None where nobody knows yet.
    """

    def __init__(self, spending: Spending, most: float, dearest: float | None) -> None:
        self.most = most
        self.dearest = dearest
        self._spending = spending
        self._silent = 0

    def fits(self, left: float) -> float:
        """How many questions may begin together with so many dollars left; below 1 is none beside others.

        Where nobody tells what they cost, as when an endpoint fails, they are twice as many each time.
        """
        if self.dearest is None:
            return 1 + self._silent if left > 0 else 0
        return left / 2 / self.dearest if self.dearest else math.inf

    def ask(
        self, asked: Sequence[Q], ask: Callable[[Sequence[Q]], Sequence[A]], prices: Callable[[A], Prices]
    ) -> list[A]:
        """The answers to the questions in order, as far as there is money.

        Args:
            asked: The questions.
            ask: Answers some of them, one each.
            prices: What an answer cost.
        """
        answers: list[A] = []
        while len(answers) < len(asked):
            with self._spending.begin(self, len(asked) - len(answers)) as count:
                if not count:
                    break
                part = ask(asked[len(answers) : len(answers) + count])
                self._learn([prices(each) for each in part])
            answers += part
        return answers

    def _learn(self, prices: Sequence[Prices]) -> None:
        costs = [math.fsum(price or 0.0 for price in each) for each in prices]
        known = [cost for cost in costs if cost]  # a bill of nothing says nothing of the next
        self._silent += sum(1 for each in prices if each) - len(known)
        self.dearest = max([*known, self.dearest or 0.0]) if known else self.dearest
        self._spending.add(known)
