"""A limit on what a benchmark may cost."""

from negotiation_env.errors import UserError

__all__ = ["Purse"]


class Purse:
    """Adds up what calls cost, and stops the run above a limit.

    Calls without a known price count nothing. What a run that goes on has kept counts too.

    Args:
        limit: Dollars; None never stops.
    """

    def __init__(self, limit: float | None) -> None:
        self.spent = 0.0
        self._limit = limit

    def pay(self, *costs: float | None) -> None:
        """Count some costs in dollars, None for unknown."""
        self.spent += sum(cost for cost in costs if cost is not None)

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
