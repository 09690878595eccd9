"""A steady pace: how long to wait so that no minute sees more than a limit."""

__all__ = ["RateLimit"]


class RateLimit:
    """Spreads amounts evenly over time, so that any minute holds at most `per_minute` of them.

    It has no clock of its own: times are seconds on the caller's.

    Args:
        per_minute: Requests or tokens a minute; None is no limit.
    """

    def __init__(self, per_minute: float | None) -> None:
        if per_minute is not None and not per_minute > 0:
            raise ValueError(f"a limit per minute must be above 0, or absent; got {per_minute}")
        self._seconds_each = 60 / per_minute if per_minute else 0.0
        self._free_at = 0.0

    def reserve(self, amount: float, now: float) -> float:
        """Book an amount and return the seconds to wait before using it."""
        start = max(now, self._free_at)
        self._free_at = start + amount * self._seconds_each
        return start - now

    def settle(self, booked: float, used: float) -> None:
        """Give back what was booked and not used, or book what was used beyond."""
        self._free_at += (used - booked) * self._seconds_each
