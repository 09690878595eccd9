"""A benchmark's tables of comparisons: win rates as in the paper, everybody against everybody, and a ranking."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from negotiation_env.benchmark.bradley_terry import Contest, bradley_terry
from negotiation_env.benchmark.compare import Compared
from negotiation_env.benchmark.config import BenchmarkConfig
from negotiation_env.benchmark.statistics import cluster_mean, holm, mean_over_runs, paired_difference
from negotiation_env.benchmark.tables import ARENAS, grouped
from negotiation_env.evaluate import Estimate
from negotiation_env.judges.pairwise import win_rate
from negotiation_env.table import Cell, Table

__all__ = ["win_tables"]

_PAPER = (
    "Only what the judge prefers in both orders is counted (arXiv 2603.10476). win rate: wins over wins and losses; "
    "over runs: mean ± sd; p: sign-flip test over scenarios, with Holm's correction over the table."
)


@dataclass(frozen=True, slots=True)
class _Met:
    """A comparison as one of the two sees it.

    Attributes:
        negotiator: Who sees it.
        compared: The comparison.
        won: 1.0 or 0.0; None does not count.
    """

    negotiator: str
    compared: Compared
    won: float | None


def win_tables(compared: Sequence[Compared], config: BenchmarkConfig) -> list[Table]:
    """For each objective and setting: the paper's table, the matrix of win rates, the ranking."""
    tables: list[Table] = []
    for (objective, arena), some in grouped(compared, lambda each: (each.objective, _arena(each))).items():
        name = f"{objective}: {arena}"
        tables += [_against_reference(name, some, config), _matrix(name, some, config), _ranking(name, some)]
    return [table for table in tables if table.rows]


def _against_reference(name: str, compared: Sequence[Compared], config: BenchmarkConfig) -> Table:
    """The paper's table: each negotiator against the reference, by decoding."""
    rows = grouped(_meetings(compared, config.baseline), lambda met: f"{met.negotiator}, {met.compared.place.decoding}")
    adjusted = holm({row: _p(met) for row, met in rows.items()})
    cells = tuple((row, *_counts(met), adjusted[row]) for row, met in rows.items())
    columns = ("negotiator", "win rate", "over runs", "wins", "losses", "ties", "inconsistent share", "unscored", "p")
    return Table(f"Wins against {config.baseline}, {name}", columns, cells, _PAPER)


def _meetings(compared: Iterable[Compared], other: str) -> list[_Met]:
    """The comparisons with `other`, as whoever met it sees them."""
    found = []
    for each in compared:
        if other in (each.first, each.second):
            name, own = (each.second, 1) if each.first == other else (each.first, 0)
            found.append(_Met(name, each, None if each.duel.winner is None else float(each.duel.winner == own)))
    return found


def _counts(met: Sequence[_Met]) -> tuple[Cell, ...]:
    won = [each.won for each in met]
    runs = mean_over_runs(won, [each.compared.place.repetition for each in met])
    found = win_rate([each.compared.duel for each in met])
    return _rate(met), str(runs), won.count(1.0), won.count(0.0), found.ties, found.inconsistent_share, found.unscored


def _rate(met: Sequence[_Met]) -> Estimate:
    return cluster_mean([each.won for each in met], [each.compared.scenario for each in met])


def _p(met: Sequence[_Met]) -> float | None:
    won = [each.won for each in met]
    lost = [None if each is None else 1.0 - each for each in won]
    return paired_difference(won, lost, [each.compared.scenario for each in met]).p


def _matrix(name: str, compared: Sequence[Compared], config: BenchmarkConfig) -> Table:
    """Who beats whom: the row's negotiator against the column's."""
    names = tuple(config.negotiators)
    rates = {
        (row, column): _rate(met)
        for column in names
        for row, met in grouped(_meetings(compared, column), lambda met: met.negotiator).items()
    }
    known = any(rate.n for rate in rates.values())
    rows = tuple((row, *(rates.get((row, column)) for column in names)) for row in names)
    note = "Win rate of the row's negotiator against the column's over what counts, all decodings together."
    return Table(f"Who beats whom, {name}", ("negotiator", *names), rows if known else (), note, matrix=True)


def _ranking(name: str, compared: Sequence[Compared]) -> Table:
    """Bradley–Terry over all consistent comparisons; ties count half a win each."""
    ratings = bradley_terry([_contest(each) for each in compared if each.duel.consistent])
    rows = tuple((each.name, each.strength, each.win_rate, each.contests) for each in ratings)
    columns = ("negotiator", "strength (log-odds)", "win rate against the average", "contests")
    note = "Bradley–Terry, best first; a tie counts half. In brackets: 95 % interval by the bootstrap over scenarios."
    return Table(f"Ranking, {name}", columns, rows, note)


def _contest(each: Compared) -> Contest:
    result = {0: 1.0, 1: 0.0, None: 0.5}[each.duel.winner]
    return Contest(each.first, each.second, result, each.scenario)


def _arena(each: Compared) -> str:
    return ARENAS[each.place.setting, True]
