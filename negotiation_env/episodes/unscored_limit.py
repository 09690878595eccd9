"""A brake for runs whose judge has failed: what ends unscored costs time and money and counts nowhere."""

from collections import deque

from negotiation_env.errors import JudgeError
from negotiation_env.text.untrusted import one_line

__all__ = ["UnscoredLimit"]

_ENOUGH = 20
"""With fewer a few unlucky ones would stop a run."""
_WINDOW = 100
"""Only so many count, so that a judge that fails late in a long run is noticed as soon as one that fails early."""


class UnscoredLimit:
    """Stops a run in which too many negotiations end unscored.

    Of the last 100 negotiations (of all, while there are fewer) no more than the allowed share may be unscored. That
    is looked at after each one, from the 20th on; a run that ends with fewer is looked at when it ends.

    Args:
        share: The highest share that is allowed, 0 to 1; 1 never stops.
        remedy: What to do about it, the end of the message.
        what: What is counted, in the plural; the message says it.

    Raises:
        ValueError: The share is out of range.
    """

    def __init__(
        self, share: float, remedy: str = "mend that and go on with --resume", *, what: str = "negotiations"
    ) -> None:
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"unscored limit: expected a share from 0 to 1, got {share}")
        self.share = share
        self._remedy = remedy
        self._what = what
        self._failed: deque[bool] = deque(maxlen=_WINDOW)
        self._reason = ""

    def count(self, failure: str | None) -> None:
        """One more negotiation has ended.

        Args:
            failure: Why it is unscored; None where it is scored.

        Raises:
            JudgeError: The limit is exceeded.
        """
        self._failed.append(failure is not None)
        if failure is not None:
            self._reason = failure
        if len(self._failed) >= _ENOUGH:
            self.finish()

    def finish(self) -> None:
        """The run is over, however few negotiations it had.

        Raises:
            JudgeError: The limit is exceeded.
        """
        failed, ended = sum(self._failed), len(self._failed)
        if ended and failed / ended > self.share:
            raise JudgeError(
                f"stopped: {failed} of the last {ended} {self._what} ended unscored (limit {100 * self.share:g} %); "
                f"last reason: {one_line(self._reason)}; {self._remedy}"
            )
