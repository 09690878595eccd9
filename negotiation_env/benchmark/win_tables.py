"""A benchmark's tables of comparisons: win rates as in the paper, everybody against everybody, and a ranking."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from negotiation_env.benchmark.compare import Compared
from negotiation_env.benchmark.config import AGAINST_ALONE, BenchmarkConfig
from negotiation_env.benchmark.plan import grouped
from negotiation_env.benchmark.tables import INTERVALS, arena, by_kind, row_name, run_cells, run_columns
from negotiation_env.judges.pairwise import win_rate
from negotiation_env.statistics.bradley_terry import Contest, bradley_terry
from negotiation_env.statistics.by_scenario import cluster_mean, holm, paired_difference
from negotiation_env.statistics.intervals import Estimate
from negotiation_env.statistics.table import Cell, Table

__all__ = ["win_tables"]

_PAPER = (
    "win rate: wins over wins and losses; over runs: of the runs' means; not played: a game of the two failed; "
    "p: sign-flip test over scenarios, with Holm's correction over the table. A row's decoding is that of both, or of "
    f"the one of the two that has any. {INTERVALS}"
)

_MIXED = "The row's negotiator negotiated with itself; the one that it is held against answered alone. "


@dataclass(frozen=True, slots=True)
class _Meeting:
    """A comparison as one of the two sees it.

    Attributes:
        negotiator: Who sees it.
        compared: The comparison.
        won: 1.0 or 0.0; None does not count.
    """

    negotiator: str
    compared: Compared
    won: float | None


def win_tables(
    compared: Sequence[Compared], config: BenchmarkConfig, trainees: Mapping[str, Sequence[str]]
) -> list[Table]:
    """For each objective and arena: the paper's table, the same by category and tension, the matrix, the ranking.

    There is no ranking of answers that were negotiated with such that were given alone.

    Args:
        compared: Every planned comparison, those that could not be played too.
        config: The settings.
        trainees: By objective, the negotiators that were trained by who compares; the titles name them.
    """
    tables: list[Table] = []
    for (objective, where), some in grouped(compared, lambda each: (each.objective, arena(each.place))).items():
        name, note = f"{objective}{_by_whom(trainees.get(objective, ()))}: {where}", _how(some)
        rows = grouped(_meetings(some, config.baseline), _row)
        tables += [
            _against_reference(name, rows, note, config),
            by_kind(f"Wins by category, against {config.baseline}, {name}", rows, _category, _rate, note + INTERVALS),
            by_kind(f"Wins by tension, against {config.baseline}, {name}", rows, _tension, _rate, note + INTERVALS),
            _matrix(name, some, note, config),
        ]
        tables += [] if _is_mixed(some[0]) else [_ranking(name, some, note)]
    return [table for table in tables if table.rows and len(table.columns) > 1]


def _by_whom(trainees: Sequence[str]) -> str:
    return f" (the training judge of {' and '.join(trainees)})" if trainees else ""


def _how(compared: Sequence[Compared]) -> str:
    """Who judged, and what counts."""
    judge = f"Judge: {', '.join(sorted({each.judge for each in compared}))}. {_MIXED * _is_mixed(compared[0])}"
    if any(each.duel and not each.duel.ordered for each in compared):
        return f"{judge}By scores: the higher one wins, there is no order. "
    return f"{judge}Only what it prefers in both orders is counted (arXiv 2603.10476). "


def _against_reference(name: str, rows: dict[str, list[_Meeting]], note: str, config: BenchmarkConfig) -> Table:
    """The paper's table: each negotiator against the reference, by decoding."""
    adjusted = holm({row: _p(met) for row, met in rows.items()})
    cells = tuple((row, *_counts(met, config), adjusted[row]) for row, met in rows.items())
    counts = ("wins", "losses", "ties", "inconsistent share", "unscored", "not played", "p")
    columns = ("negotiator", "win rate", *run_columns(config), *counts)
    return Table(f"Wins against {config.baseline}, {name}", columns, cells, note + _PAPER)


def _meetings(compared: Iterable[Compared], other: str) -> list[_Meeting]:
    """The comparisons with `other`, as whoever met it sees them; who negotiated met who answered alone."""
    found = []
    for each in compared:
        one_way = [(each.first, each.second, 0)]
        both_ways = [*one_way, (each.second, each.first, 1)]
        for name, met, own in one_way if _is_mixed(each) else both_ways:
            if met == other:
                winner = each.duel.winner if each.duel else None
                found.append(_Meeting(name, each, None if winner is None else float(winner == own)))
    return found


def _is_mixed(each: Compared) -> bool:
    """Whether an answer that was negotiated stands against one that was given alone."""
    return each.place.opponent == AGAINST_ALONE


def _counts(met: Sequence[_Meeting], config: BenchmarkConfig) -> tuple[Cell, ...]:
    won = [each.won for each in met]
    runs = run_cells(won, [each.compared.place.repetition for each in met], config)
    duels = [each.compared.duel for each in met if each.compared.duel]
    found = win_rate(duels)
    counts = (won.count(1.0), won.count(0.0), found.ties, found.inconsistent_share, found.unscored)
    return _rate(met), *runs, *counts, len(met) - len(duels)


def _rate(met: Sequence[_Meeting]) -> Estimate:
    return cluster_mean([each.won for each in met], [each.compared.scenario for each in met])


def _p(met: Sequence[_Meeting]) -> float | None:
    won = [each.won for each in met]
    lost = [None if each is None else 1.0 - each for each in won]
    return paired_difference(won, lost, [each.compared.scenario for each in met]).p


def _matrix(name: str, compared: Sequence[Compared], note: str, config: BenchmarkConfig) -> Table:
    """Who beats whom: the row's negotiator against the column's."""
    names = tuple(config.negotiators)
    rates = {
        (row, column): _rate(met)
        for column in names
        for row, met in grouped(_meetings(compared, column), lambda met: met.negotiator).items()
    }
    known = any(rate.n for rate in rates.values())
    rows = tuple((row, *(rates.get((row, column)) for column in names)) for row in names)
    note += "Win rate of the row's negotiator against the column's over what counts, all decodings together."
    return Table(f"Who beats whom, {name}", ("negotiator", *names), rows if known else (), note, matrix=True)


def _ranking(name: str, compared: Sequence[Compared], note: str) -> Table:
    """Bradley–Terry over all consistent comparisons; ties count half a win each."""
    ratings = bradley_terry(
        [_contest(each, each.duel.winner) for each in compared if each.duel and each.duel.consistent]
    )
    rows = tuple((each.name, each.strength, each.win_rate, each.contests) for each in ratings)
    columns = ("negotiator", "strength (log-odds)", "win rate against the average", "contests")
    note += f"Bradley–Terry, best first; a tie counts half. {INTERVALS}"
    return Table(f"Ranking, {name}", columns, rows, note)


def _contest(each: Compared, winner: int | None) -> Contest:
    result = {0: 1.0, 1: 0.0, None: 0.5}[winner]
    return Contest(each.first, each.second, result, each.scenario)


def _row(met: _Meeting) -> str:
    return row_name(met.negotiator, met.compared.place.decoding)


def _category(met: _Meeting) -> str:
    return met.compared.category


def _tension(met: _Meeting) -> str:
    return met.compared.tension
