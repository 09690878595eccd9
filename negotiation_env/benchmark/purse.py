"""A limit on what a benchmark may cost."""

from collections.abc import Iterable
from dataclasses import asdict

from negotiation_env.benchmark.asked import Asked
from negotiation_env.benchmark.compare import Compared
from negotiation_env.benchmark.durability import Challenge
from negotiation_env.benchmark.lines import digest
from negotiation_env.episode import Episode
from negotiation_env.errors import UserError
from negotiation_env.events import JudgeCall
from negotiation_env.usage import amount, policy_usage

__all__ = ["Purse"]


class Purse:
    """Adds up what calls cost, and stops the run above a limit.

    Calls without a known price count nothing, nor do judges' replies out of a cache.

    Args:
        limit: Dollars; None never stops.
    """

    def __init__(self, limit: float | None) -> None:
        self.spent = 0.0
        self._limit = limit
        self._shared: set[str] = set()

    def pay(self, paid: Episode | Compared | Asked | Challenge) -> None:
        """Count a game or an answer, unscored or not."""
        if isinstance(paid, Episode):
            self.spent += policy_usage([paid]).cost or 0.0
            self._pay_calls(call for ruling in paid.rulings for call in ruling.verdict.calls)
        elif isinstance(paid, Compared):
            self._pay_calls(self._new(paid.calls))
        else:
            self.spent += (amount(paid.usage, "cost") or 0.0) if isinstance(paid, Challenge) else 0.0
            self._pay_calls(paid.calls)

    def check(self) -> None:
        """Look at the limit.

        Raises:
            UserError: It is exceeded.
        """
        if self._limit is not None and self.spent > self._limit:
            raise UserError(
                f"stopped: ${self.spent:.2f} spent, the limit is ${self._limit:.2f}; all that was played is kept; "
                "raise cost_limit and go on with --resume"
            )

    def _pay_calls(self, calls: Iterable[JudgeCall]) -> None:
        self.spent += sum(amount(call.usage, "cost") or 0.0 for call in calls if not call.cached)

    def _new(self, calls: Iterable[JudgeCall]) -> list[JudgeCall]:
        """Without those that were counted: a score of one answer is shared by all matches of that answer."""
        found = {digest(asdict(call)): call for call in calls}
        fresh = [call for key, call in found.items() if key not in self._shared]
        self._shared |= found.keys()
        return fresh
