"""A benchmark's tables of comparisons: win rates as in the paper, everybody against everybody, and a ranking."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from typing import TypeVar

from negotiation_env.benchmark.bradley_terry import Contest, bradley_terry
from negotiation_env.benchmark.compare import Compared
from negotiation_env.benchmark.config import BenchmarkConfig
from negotiation_env.benchmark.statistics import cluster_ratio, holm, mean_over_runs, paired_difference
from negotiation_env.benchmark.tables import ARENAS
from negotiation_env.evaluate import Estimate
from negotiation_env.judges.pairwise import win_rate
from negotiation_env.table import Cell, Table

__all__ = ["win_tables"]

T = TypeVar("T")
_PAPER = (
    "Only what the judge prefers in both orders is counted (arXiv 2603.10476). win rate: wins over wins and losses; "
    "over runs: mean ± sd; p: sign-flip test over scenarios, with Holm's correction over the table."
)


def win_tables(compared: Sequence[Compared], config: BenchmarkConfig) -> list[Table]:
    """For each objective and setting: the paper's table, the matrix of win rates, the ranking."""
    tables: list[Table] = []
    for (objective, arena), some in _grouped(compared, lambda each: (each.objective, _arena(each))).items():
        name = f"{objective}: {arena}"
        tables += [_against_reference(name, some, config), _matrix(name, some, config), _ranking(name, some)]
    return [table for table in tables if table.rows]


def _against_reference(name: str, compared: Sequence[Compared], config: BenchmarkConfig) -> Table:
    """The paper's table: each negotiator against the reference, by decoding."""
    met = [_seen_from(each, config.baseline) for each in compared if config.baseline in (each.first, each.second)]
    rows = _grouped([each for each in met if each], lambda each: f"{each[0]}, {each[1].place.decoding}")
    tests = {row: _difference([each for _, each, _ in some], [won for *_, won in some]) for row, some in rows.items()}
    adjusted = holm(tests)
    cells = tuple(
        (row, *_counts([each for _, each, _ in some], [won for *_, won in some]), adjusted[row])
        for row, some in rows.items()
    )
    columns = ("negotiator", "win rate", "over runs", "wins", "losses", "ties", "inconsistent", "unscored", "p")
    return Table(f"Wins against {config.baseline}, {name}", columns, cells, _PAPER)


def _seen_from(each: Compared, other: str) -> tuple[str, Compared, float | None]:
    """Whoever met `other`, and whether it won: 1.0, 0.0, or None where that does not count."""
    name, own = (each.second, 1) if each.first == other else (each.first, 0)
    return name, each, None if each.duel.winner is None else float(each.duel.winner == own)


def _counts(compared: Sequence[Compared], won: Sequence[float | None]) -> list[Cell]:
    counted = [0.0 if each is None else 1.0 for each in won]
    scenarios = [each.scenario for each in compared]
    found = win_rate([each.duel for each in compared])
    wins = sum(each == 1.0 for each in won)
    rate = cluster_ratio([each or 0.0 for each in won], counted, scenarios)
    runs = mean_over_runs(list(won), [each.place.repetition for each in compared])
    share = found.inconsistent_share
    return [rate, str(runs), wins, sum(each == 0.0 for each in won), found.ties, share, found.unscored]


def _difference(compared: Sequence[Compared], won: Sequence[float | None]) -> float | None:
    losses = [None if each is None else 1.0 - each for each in won]
    return paired_difference(list(won), losses, [each.scenario for each in compared]).p


def _matrix(name: str, compared: Sequence[Compared], config: BenchmarkConfig) -> Table:
    """Who beats whom: the row's negotiator against the column's, over all decodings."""
    names = tuple(config.negotiators)
    rates: dict[tuple[str, str], Estimate] = {}
    for first, second in combinations(names, 2):
        met = [each for each in compared if {each.first, each.second} == {first, second}]
        for one, other in ((first, second), (second, first)):
            rates[one, other] = _rate([_seen_from(each, other) for each in met])
    rows = tuple((row, *(rates.get((row, column)) for column in names)) for row in names)
    known = any(rate.n for rate in rates.values())
    note = "Win rate of the row's negotiator against the column's over what counts, all decodings together."
    return Table(f"Who beats whom, {name}", ("negotiator", *names), rows if known else (), note, matrix=True)


def _rate(met: Sequence[tuple[str, Compared, float | None]]) -> Estimate:
    won = [each for *_, each in met]
    counted = [0.0 if each is None else 1.0 for each in won]
    return cluster_ratio([each or 0.0 for each in won], counted, [each.scenario for _, each, _ in met])


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


K = TypeVar("K")


def _grouped(values: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    found: dict[K, list[T]] = defaultdict(list)
    for value in values:
        found[key(value)].append(value)
    return dict(found)
