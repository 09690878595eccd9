"""Progress bars on standard error, for those who wait."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["bar", "progress"]


def bar() -> "Progress":
    """A bar with counts, time spent and time left."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=Console(stderr=True))


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[object], None]]:
    """Show a bar while the block runs; yields the function that moves it by one."""
    with bar() as shown:
        task = shown.add_task(title, total=total)
        yield lambda _: shown.advance(task)
