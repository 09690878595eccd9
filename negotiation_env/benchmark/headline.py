"""Who is best, by how much: a benchmark's headline, out of its tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from negotiation_env.benchmark.measures import SCORE
from negotiation_env.statistics.intervals import Estimate, number_text
from negotiation_env.statistics.table import Cell, Table, cell_text

__all__ = ["Standing", "standing"]

_FIXED: Final = "against the panel"
_LESS: Final = "less "
_SHOWN: Final = ("negotiator", SCORE, "agreement rate", _LESS, "p", "games")
"""Beginnings of the columns that tell who is best."""
_LEVEL: Final = 0.05


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the negotiators stand.

    Attributes:
        told: Who scores highest, and by how much, in a sentence or two.
        table: The figures behind it, the best first.
        scores: Collective Agency of each negotiator, 0 to 5, in the same order.
    """

    told: str
    table: Table
    scores: tuple[tuple[str, Estimate], ...]


def standing(tables: Sequence[Table]) -> Standing | None:
    """The headline of a benchmark; None where no table has scores of games.

    The games against the panel decide, where every negotiator meets the same opponents; else the first that there are.
    """
    played = [table for table in tables if {SCORE, "games"} <= set(table.columns)]
    if not played:
        return None
    chosen = next((table for table in played if table.title.endswith(_FIXED)), played[0])
    table = _shown(chosen)
    scores = tuple((str(row[0]), row[1]) for row in table.rows if isinstance(row[1], Estimate) and row[1].n)
    return Standing(_told(table, scores), table, scores) if scores else None


def _shown(table: Table) -> Table:
    """The columns that tell who is best, the best row first; rows without a score come last."""
    found = [number for start in _SHOWN for number, name in enumerate(table.columns) if name.startswith(start)]
    columns, *rows = (tuple(row[number] for number in found) for row in (table.columns, *table.rows))
    return Table(table.title, tuple(map(str, columns)), tuple(sorted(rows, key=_rank)), table.note)


def _rank(row: Sequence[Cell]) -> float:
    score = row[1]
    return -score.value if isinstance(score, Estimate) and score.value is not None else float("inf")


def _told(table: Table, scores: Sequence[tuple[str, Estimate]]) -> str:
    top = [name for name, each in scores if number_text(each.value or 0.0) == number_text(scores[0][1].value or 0.0)]
    value = f"{number_text(scores[0][1].value or 0.0)} of 5"
    if len(top) == len(scores) > 1:
        return f"All negotiators score alike: {value}."
    if len(top) > 1:
        return f"{', '.join(top[:-1])} and {top[-1]} score highest: {value}."
    return f"{top[0]} scores highest: {value}{_gap(table)}."


def _gap(table: Table) -> str:
    """How far the best is above the reference; where it is the reference, above the next one."""
    less = next((name for name in table.columns if name.startswith(_LESS)), "")
    if not less or len(table.rows) < 2:
        return ""
    (own, p), (other, other_p) = ([row[table.columns.index(name)] for name in (less, "p")] for row in table.rows[:2])
    if isinstance(own, Estimate) and own.value is not None:
        return _above(own, less.removeprefix(_LESS).removesuffix("'s"), p)
    if isinstance(other, Estimate) and other.value is not None:
        return _above(-other, str(table.rows[1][0]), other_p)
    return ""


def _above(difference: Estimate, whom: str, p: Cell) -> str:
    chance = f", which may be chance (p = {cell_text(p)})" if not isinstance(p, float) or p >= _LEVEL else ""
    return f", {difference} above {whom}{chance}"
