"""A table as a value: one that commands print, files keep and reports draw."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, TypeAlias

from negotiation_env.console.terminal import shown
from negotiation_env.files.durable import parse_value
from negotiation_env.statistics.intervals import Estimate, number_text

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType
    from rich.table import Table as RichTable

__all__ = ["Cell", "Table", "cell_text", "read_tables", "tables_to_json", "to_rich"]

Cell: TypeAlias = Estimate | int | float | str | None
"""A figure with its interval, a number, words, or nothing there."""

_PIECE: Final = re.compile(r"[^\s|]*\||[^\s|]+")


@dataclass(frozen=True, slots=True)
class Table:
    """Figures in rows and columns.

    Attributes:
        title: What it shows; unique within a report.
        columns: Their headings; the first column names the rows.
        rows: As many cells each as there are columns.
        note: How to read it: what the intervals are, what was counted.
        matrix: Every row against every column, shares from 0 to 1, such as who wins against whom.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    matrix: bool = False

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"table {self.title!r}: expected {len(self.columns)} cells a row, got {row}")


def cell_text(cell: Cell) -> str:
    """A cell as people read it: numbers short, a dash for nothing."""
    if cell is None:
        return "–"
    if type(cell) is int:  # a truth value is no count
        return f"{cell:,}"
    return number_text(cell) if isinstance(cell, float) else str(cell)


def tables_to_json(tables: Sequence[Table]) -> str:
    """The tables as indented JSON."""
    return _adapter().dump_json(tuple(tables), indent=1).decode() + "\n"


def read_tables(text: str | bytes) -> tuple[Table, ...]:
    """Tables out of their JSON.

    Raises:
        ValueError: It holds no tables.
    """
    return parse_value(text, _adapter())


def to_rich(table: Table) -> "ConsoleRenderable":
    """The table for `terminal.console`; texts are shown as they are, markup has no effect.

    Lines break between words, never within a name or a figure. Where the columns have no room for that, each row
    becomes a list of its own.
    """
    return _Printed(table)


@dataclass(frozen=True, slots=True)
class _Printed:
    """A table that is laid out once the room for it is known."""

    table: Table

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[RenderableType]":
        from rich.text import Text

        table, room = self.table, options.max_width
        yield Text(table.title, style="table.title")
        widths = _widths([table.columns, *table.rows], room - 2 * len(table.columns))
        if widths:
            yield _grid(table, widths)
        else:
            for row in table.rows:
                yield _list(table.columns, row, room)
        if table.note:
            yield Text(table.note, style="table.caption")


def _widths(rows: Sequence[Sequence[Cell]], room: int) -> list[int]:
    """Each column's width, in terminal cells, where no piece of a cell is broken; [] where there is no such room."""
    columns = list(zip(*rows, strict=True))
    least = [max(_width(piece) for cell in column for piece in _pieces(cell)) for column in columns]
    widths = [max(_width(shown(cell_text(cell))) for cell in column) for column in columns]
    if sum(least) > room:
        return []
    while sum(widths) > room:
        widest = max(
            (number for number in range(len(widths)) if widths[number] > least[number]), key=widths.__getitem__
        )
        widths[widest] -= 1
    return widths


def _grid(table: Table, widths: Sequence[int]) -> "RichTable":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True, show_header=any(table.columns))
    for number, (heading, width) in enumerate(zip(table.columns, widths, strict=True)):
        words = number == 0 or all(isinstance(row[number], str) for row in table.rows)
        grid.add_column(
            Text(_wrapped(heading, width)), justify="left" if words else "right", width=width, overflow="fold"
        )
    for row in table.rows:
        grid.add_row(*(Text(_wrapped(cell, width)) for cell, width in zip(row, widths, strict=True)))
    return grid


def _list(columns: Sequence[str], row: Sequence[Cell], room: int) -> "RichTable":
    """The first cell, and below it a line for each of the others with its heading."""
    from rich.table import Table as RichTable
    from rich.text import Text

    heading = min(max(map(_width, columns)), room // 3)
    grid = RichTable.grid(padding=(0, 2, 0, 0))
    grid.title, grid.title_justify = Text(f"\n{cell_text(row[0])}", style="bold"), "left"
    grid.add_column(width=heading, overflow="fold")
    grid.add_column(width=room - heading - 2, overflow="fold")
    for name, cell in zip(columns[1:], row[1:], strict=True):
        grid.add_row(Text(_wrapped(name, heading)), Text(_wrapped(cell, room - heading - 2)))
    return grid


def _pieces(cell: Cell) -> list[str]:
    """What stays on one line: words, what stands between bars, a figure, its interval."""
    if isinstance(cell, str):
        return _PIECE.findall(shown(cell)) or [""]
    return str(cell).split(" ", 1) if isinstance(cell, Estimate) else [cell_text(cell)]


def _wrapped(cell: Cell, width: int) -> str:
    """The cell in lines of at most so many terminal cells, as far as its pieces allow that."""
    lines = [""]
    for piece in _pieces(cell):
        gap = "" if not lines[-1] or lines[-1].endswith("|") else " "
        if lines[-1] and _width(lines[-1] + gap + piece) > width:
            lines.append(piece)
        else:
            lines[-1] += gap + piece
    return "\n".join(lines)


def _width(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


@cache
def _adapter() -> "TypeAdapter[tuple[Table, ...]]":
    from pydantic import TypeAdapter

    return TypeAdapter(tuple[Table, ...])
