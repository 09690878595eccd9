"""The bottom line of a live table: what is waited for, with a spinner, and the words that are under way."""

import re
import sys
from io import TextIOBase
from typing import TYPE_CHECKING, Any, Final

from negotiation_env.console.terminal import console, one_line

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

__all__ = ["Waiting"]

_OWN: Final = "negotiate:"
"""How this program's own lines begin; they stay on the screen."""


class Waiting:
    """Shows on standard output that something goes on, until it is hidden.

    What libraries print to standard error meanwhile, such as bars while weights are loaded, goes by in the same line.
    """

    def __init__(self) -> None:
        self.out = console()
        self._live: Live | None = None
        self._title = ""
        self._errors: Any = None

    def show(self, title: str, *above: "RenderableType") -> None:
        """Wait for something, with what is known of it above the line."""
        self._title = title
        self._update("", *above)

    @property
    def shown(self) -> bool:
        """Whether something is waited for."""
        return self._live is not None

    def hide(self) -> None:
        """Nothing is waited for."""
        if self._errors is not None:
            sys.stderr, self._errors = self._errors, None
        if self._live is not None:
            self._live.stop()
            self._live = None

    def overhear(self, line: str) -> None:
        """Somebody else printed a line."""
        if line.startswith(_OWN):
            self.out.print(line)
        else:
            self._update(f" · {line}")

    def _update(self, aside: str, *above: "RenderableType") -> None:
        from rich.console import Group
        from rich.spinner import Spinner
        from rich.text import Text

        line = Text.assemble(self._title, (aside, "dim"), no_wrap=True, overflow="ellipsis")
        shown = Group(*above, Spinner("dots", line))
        if self._live is None:
            self._begin(shown)
        else:
            self._live.update(shown)

    def _begin(self, shown: "RenderableType") -> None:
        from rich.live import Live

        self._live = Live(shown, console=self.out, transient=True, redirect_stderr=False, refresh_per_second=12)
        self._live.start(refresh=True)
        if console(error=True).is_terminal:
            self._errors, sys.stderr = sys.stderr, _Behind(self, sys.stderr)


class _Behind(TextIOBase):
    """Standard error behind the line."""

    def __init__(self, waiting: Waiting, stream: Any) -> None:
        self._waiting, self._stream = waiting, stream

    def write(self, text: str) -> int:
        if not self._waiting.shown:  # a library may have kept this stream
            return int(self._stream.write(text))
        for line in filter(str.strip, re.split(r"[\r\n]", text)):
            self._waiting.overhear(one_line(line))
        return len(text)

    def fileno(self) -> int:
        """The stream's own, for other processes."""
        return int(self._stream.fileno())
