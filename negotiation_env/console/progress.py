"""Progress bars on standard error, for those who wait there; a file or a pipe gets none."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from weakref import WeakSet

from negotiation_env.console.terminal import console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

__all__ = ["bar", "progress", "spinner", "stop_bars"]

_bars: "WeakSet[Progress]" = WeakSet()


def bar() -> "Progress":
    """A bar with counts, time spent and time left."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    title = TextColumn("{task.description}", markup=False)
    columns = (title, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    found = Progress(*columns, console=(out := console(error=True)), disable=not _is_seen(out))
    _bars.add(found)
    return found


def _is_seen(out: "Console") -> bool:
    return out.is_terminal or out.is_jupyter


def stop_bars() -> None:
    """Take away every bar that an error has left on the screen, and show the cursor again."""
    for each in list(_bars):
        each.stop()


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[object], None]]:
    """Show a bar while the block runs; yields the function that moves it by one."""
    with bar() as shown:
        task = shown.add_task(title, total=total)
        yield lambda _: shown.advance(task)


@contextmanager
def spinner(title: str) -> Iterator[None]:
    """Show that something goes on while the block runs."""
    from rich.progress import Progress, SpinnerColumn, TextColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=(out := console(error=True)), transient=True, disable=not _is_seen(out)) as shown:
        shown.add_task(title)
        yield
