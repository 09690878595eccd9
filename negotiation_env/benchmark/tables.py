"""A benchmark's tables of games: how they went, beyond one number, against each opponent, by category and tension.

Every figure has its 95 % interval by the cluster bootstrap over scenarios, for games of one scenario are not
independent.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from negotiation_env.benchmark.config import ITSELF, BenchmarkConfig, Setting
from negotiation_env.benchmark.measures import BEYOND, OUTCOMES, TABLE, Measure, Seen
from negotiation_env.benchmark.plan import Place
from negotiation_env.benchmark.statistics import Difference, cluster_mean, holm, mean_over_runs, paired_difference
from negotiation_env.evaluate import Estimate
from negotiation_env.table import Cell, Table

__all__ = ["ARENAS", "grouped", "outcome_tables"]

T = TypeVar("T")
K = TypeVar("K")

_INTERVALS = "In brackets: 95 % interval by the bootstrap over scenarios."
_SCORE = "Collective Agency, 0–5"
ARENAS = {
    (Setting.CONFLICT, True): "conflict tasks, with itself",
    (Setting.CONFLICT, False): "conflict tasks, against the panel",
    (Setting.MULTI, True): "three to five parties, with itself",
    (Setting.MULTI, False): "three to five parties, against the panel",
    (Setting.OPEN, True): "open questions, alone",
}
"""Where negotiators are compared, by setting and whether no other negotiator is there."""
_BEYOND = f"""\
accepted by all: each persona's own judge accepts the text. least satisfied, Nash product: over the parties' \
satisfaction, as their own judges say. faithful: share of what was agreed that the text keeps. durable: agreements \
that survive one challenge. capitulation: agreements at once, with no concession. dollars: a game, where prices are \
known. {_INTERVALS}"""
_WAY = f"""\
Satisfaction with the text as each party's own judge says; the other's is the most satisfied other party's. Below 0 \
the negotiator gave more than it got. {_INTERVALS}"""


def outcome_tables(games: Sequence[Seen], config: BenchmarkConfig) -> list[Table]:
    """All tables of games; what nobody measured has no column, and a table without figures is left out."""
    by_arena = grouped(games, _arena)
    arenas = {name: by_arena[name] for name in ARENAS.values() if name in by_arena}
    against = [game for game in games if game.place.opponent not in (ITSELF, "")]
    tables = [_outcomes(name, some, config) for name, some in arenas.items()]
    for name, some in arenas.items():
        tables.append(_means(f"Beyond one number: {name}", grouped(some, _negotiator), BEYOND, _BEYOND))
    for decoding in config.decoding:
        met = grouped([game for game in against if game.place.decoding is decoding], _opponent)
        tables.append(_means(f"Who gets its way, {decoding}", met, TABLE, _WAY))
    tables += [_by_field(games, "category"), _by_field(games, "tension")]
    return [table for table in tables if table.rows and len(table.columns) > 1]


def grouped(values: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Values by their keys, both in the order of their first."""
    found: dict[K, list[T]] = defaultdict(list)
    for value in values:
        found[key(value)].append(value)
    return dict(found)


def _outcomes(name: str, games: Sequence[Seen], config: BenchmarkConfig) -> Table:
    """How the games went, and each negotiator's score less the reference's."""
    rows = grouped(games, _negotiator)
    table = _means(name, rows, OUTCOMES, "")
    tests = {row: _difference(games, some[0].place, config.baseline) for row, some in rows.items()}
    adjusted = holm({row: test.p for row, test in tests.items()})
    cells = tuple(
        (*each, *_beside(some, test, p))
        for each, some, test, p in zip(table.rows, rows.values(), tests.values(), adjusted.values(), strict=True)
    )
    columns = (*table.columns, "over runs", f"less {config.baseline}'s", "p", "games", "unscored")
    note = (
        f"over runs: {_SCORE}, mean ± sd. less {config.baseline}'s: the difference of {_SCORE} on the same scenarios, "
        f"opponents, seats and seeds; p: sign-flip test over scenarios, with Holm's correction. {_INTERVALS}"
    )
    return Table(name, columns, cells, note)


def _beside(games: Sequence[Seen], test: Difference, p: float | None) -> tuple[Cell, ...]:
    runs = mean_over_runs([OUTCOMES[_SCORE](game) for game in games], [game.place.repetition for game in games])
    scored = sum(game.scored for game in games)
    return str(runs), test.difference if test.pairs else None, p, scored, len(games) - scored


def _difference(games: Sequence[Seen], place: Place, baseline: str) -> Difference:
    """Of two negotiators with the same decoding; of nobody from itself."""
    own, other = (
        {_key(game): game for game in games if (game.place.negotiator, game.place.decoding) == (who, place.decoding)}
        for who in (place.negotiator, baseline)
    )
    keys = [key for key in own if key in other and place.negotiator != baseline]
    first, second = ([OUTCOMES[_SCORE](table[key]) for key in keys] for table in (own, other))
    return paired_difference(first, second, [own[key].episode.scenario.id for key in keys])


def _key(game: Seen) -> tuple[str, str, int, int]:
    return game.episode.scenario.id, game.place.opponent, game.place.seat, game.place.repetition


def _means(title: str, rows: Mapping[str, Sequence[Seen]], measures: Mapping[str, Measure], note: str) -> Table:
    """Means of measures, a row for each group; a measure that has no value anywhere has no column."""
    found = {name: {row: _mean(games, measure) for row, games in rows.items()} for name, measure in measures.items()}
    kept = [name for name, cells in found.items() if any(cell.n for cell in cells.values())]
    cells: tuple[tuple[Cell, ...], ...] = tuple((row, *(found[name][row] for name in kept)) for row in rows)
    return Table(title, ("negotiator", *kept), cells, note)


def _mean(games: Sequence[Seen], measure: Measure) -> Estimate:
    scored = [game for game in games if game.scored]
    return cluster_mean([measure(game) for game in scored], [game.episode.scenario.id for game in scored])


def _by_field(games: Sequence[Seen], field: str) -> Table:
    """Collective Agency by what a field of the scenarios says, all games of a negotiator together."""

    def told(game: Seen) -> str:
        return str(getattr(game.episode.scenario, field))

    kinds = sorted({told(game) for game in games} - {""})
    rows: list[tuple[Cell, ...]] = []
    for negotiator, own in grouped(games, _negotiator).items():
        there = grouped(own, told)
        rows.append((negotiator, *(_mean(there.get(kind, ()), OUTCOMES[_SCORE]) for kind in kinds)))
    return Table(f"{_SCORE}, by {field}", ("negotiator", *kinds), tuple(rows), _INTERVALS)


def _arena(game: Seen) -> str:
    return ARENAS[game.place.setting, game.place.opponent in (ITSELF, "")]


def _negotiator(game: Seen) -> str:
    return f"{game.place.negotiator}, {game.place.decoding}"


def _opponent(game: Seen) -> str:
    return f"{game.place.negotiator} against {game.place.opponent}"
