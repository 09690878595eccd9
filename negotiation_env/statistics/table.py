"""A table as a value: one that commands print, files keep and reports draw."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from negotiation_env.files.durable import parse_value
from negotiation_env.statistics.intervals import Estimate, number_text

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from rich.table import Table as RichTable

__all__ = ["Cell", "Table", "cell_text", "read_tables", "tables_to_json", "to_rich"]

Cell: TypeAlias = Estimate | int | float | str | None
"""A figure with its interval, a number, words, or nothing there."""


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


def to_rich(table: Table) -> "RichTable":
    """The table for `terminal.console`; texts are shown as they are, markup has no effect."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(title=Text(table.title), title_justify="left", caption=Text(table.note), caption_justify="left")
    shown.box, shown.pad_edge, shown.collapse_padding = SIMPLE_HEAD, False, True
    shown.show_header = any(table.columns)
    for number, heading in enumerate(table.columns):
        words = number == 0 or all(isinstance(row[number], str) for row in table.rows)
        shown.add_column(Text(heading), justify="left" if words else "right", overflow="fold")
    for row in table.rows:
        shown.add_row(*(Text(cell_text(cell)) for cell in row))
    return shown


@cache
def _adapter() -> "TypeAdapter[tuple[Table, ...]]":
    from pydantic import TypeAdapter

    return TypeAdapter(tuple[Table, ...])
