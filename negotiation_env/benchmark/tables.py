"""A benchmark's tables of games: how they went, beyond one number, against each opponent, by category and tension.

Every figure has its 95 % interval by the cluster bootstrap over scenarios, for games of one scenario are not
independent.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from negotiation_env.benchmark.config import AGAINST_ALONE, ITSELF, BenchmarkConfig, Decoding, Setting
from negotiation_env.benchmark.measures import BEYOND, OUTCOMES, SCORE, WAY, Measure, Seen
from negotiation_env.benchmark.plan import Place, grouped, place_of
from negotiation_env.environment.episode import Episode
from negotiation_env.episodes.guard_pairs import PAIRED, PAIRED_NOTE, paired_games, paired_rows
from negotiation_env.statistics.by_scenario import Difference, cluster_mean, holm, mean_over_runs, paired_difference
from negotiation_env.statistics.intervals import Estimate
from negotiation_env.statistics.table import Cell, Table

__all__ = ["INTERVALS", "arena", "by_kind", "guard_tables", "outcome_tables", "row_name", "run_cells", "run_columns"]

T = TypeVar("T")

INTERVALS = "In brackets: 95 % interval by the bootstrap over scenarios."
_SETTINGS = {
    Setting.CONFLICT: "conflict tasks",
    Setting.MULTI: "three to five parties",
    Setting.OPEN: "open questions",
}
_COMPANY = {ITSELF: "with itself", "": "alone", AGAINST_ALONE: "with itself against alone"}
_BEYOND = f"""\
accepted by all: each persona's own judge accepts the text. least satisfied, Nash product: over the parties' \
satisfaction, as their own judges say. faithful: share of what was agreed that the text keeps. durable: agreements \
that survive one challenge. capitulation: of the agreements, those to the first plan at once, with no concession; \
against the panel where the other one spoke first. dollars a game: all parties' and the judge's calls, where all their \
prices are known. {INTERVALS}"""
_WAY = f"""\
Satisfaction with the text as each party's own judge says; the other's is the most satisfied other party's. Below 0 \
the negotiator gave more than it got. {INTERVALS}"""


def outcome_tables(games: Sequence[Seen], config: BenchmarkConfig) -> list[Table]:
    """All tables of games; what nobody measured has no column, and a table without figures is left out."""
    arenas = grouped(games, lambda game: arena(game.place))
    alone = {name: some for name, some in arenas.items() if some[0].place.alone}
    against = {name: some for name, some in arenas.items() if name not in alone}
    tables = [_outcomes(name, some, config) for name, some in arenas.items()]
    tables += [
        _means(f"Beyond one number: {name}", grouped(some, _negotiator), BEYOND, f"{_judge(some)}{_BEYOND}")
        for name, some in arenas.items()
    ]
    tables += [
        _means(f"Who gets its way: {name}", grouped(some, _opponent), WAY, f"{_judge(some)}{_WAY}")
        for name, some in against.items()
    ]
    tables += [_by_field(name, some, field) for name, some in alone.items() for field in ("category", "tension")]
    return [table for table in tables if table.rows and len(table.columns) > 1]


def guard_tables(guarded: Iterable[Episode], free: Mapping[str, Episode]) -> list[Table]:
    """What guards change in how games end, a table an arena.

    Args:
        guarded: Games under guards.
        free: The same games without, by id; a game that was not played so is left out.
    """
    both = [(each, free[each.id]) for each in guarded if each.id in free]
    arenas = grouped(both, lambda pair: arena(place_of(pair[0])))
    return [_with_and_without(name, some) for name, some in arenas.items()]


def _with_and_without(name: str, games: Sequence[tuple[Episode, Episode]]) -> Table:
    rows = grouped(games, lambda pair: row_name((place := place_of(pair[0])).negotiator, place.decoding))
    cells = [(row, *each) for row, some in rows.items() for each in paired_rows(paired_games(some))]
    return Table(f"With guards and without: {name}", ("negotiator", *PAIRED), tuple(cells), PAIRED_NOTE)


def arena(place: Place) -> str:
    """Where negotiators are compared."""
    return f"{_SETTINGS[place.setting]}, {_COMPANY.get(place.opponent, 'against the panel')}"


def row_name(negotiator: str, decoding: Decoding | None) -> str:
    """A negotiator's row; one that plays as it is has a single one."""
    return negotiator if decoding is None else f"{negotiator}, {decoding}"


def run_columns(config: BenchmarkConfig) -> tuple[str, ...]:
    """Headings of `run_cells`; none for a single evaluation run."""
    return ("mean over runs", "sd over runs") if config.repetitions > 1 else ()


def run_cells(values: Sequence[float | None], runs: Sequence[int | None], config: BenchmarkConfig) -> tuple[Cell, ...]:
    """Mean and deviation of the evaluation runs; no deviation where all are the same game."""
    found = mean_over_runs(values, runs)
    return (found.mean, found.deviation) if config.repetitions > 1 else ()


def by_kind(
    title: str,
    rows: Mapping[str, Sequence[T]],
    kind: Callable[[T], str],
    mean: Callable[[Sequence[T]], Estimate],
    note: str,
) -> Table:
    """A mean for each row and each kind that there is; what has no kind is left out."""
    kinds = sorted({kind(each) for row in rows.values() for each in row} - {""})
    there = {row: grouped(own, kind) for row, own in rows.items()}
    cells: tuple[tuple[Cell, ...], ...] = tuple(
        (row, *(mean(own.get(name, ())) for name in kinds)) for row, own in there.items()
    )
    return Table(title, ("negotiator", *kinds), cells, note)


def _outcomes(name: str, games: Sequence[Seen], config: BenchmarkConfig) -> Table:
    """How the games went, and each negotiator's score less the reference's."""
    rows = grouped(games, _negotiator)
    table = _means(name, rows, OUTCOMES, "")
    reference = [game for game in games if game.place.negotiator == config.baseline]
    tests = {row: _difference(some, reference) for row, some in rows.items()}
    adjusted = holm({row: test.p for row, test in tests.items()})
    cells = tuple(
        (*each, *_beside(some, test, p, config))
        for each, some, test, p in zip(table.rows, rows.values(), tests.values(), adjusted.values(), strict=True)
    )
    columns = (*table.columns, *run_columns(config), f"less {config.baseline}'s", "p", "games", "unscored")
    runs = f"over runs: {SCORE}, of the runs' means. " if run_columns(config) else ""
    note = (
        f"{_judge(games)}{runs}less {config.baseline}'s: the difference of {SCORE} on the same scenarios, opponents, "
        "seats and seeds, with the same decoding; who has none, such as a script, is compared with each of "
        f"its decodings. p: sign-flip test over scenarios, with Holm's correction. {INTERVALS}"
    )
    return Table(name, columns, cells, note)


def _beside(games: Sequence[Seen], test: Difference, p: float | None, config: BenchmarkConfig) -> tuple[Cell, ...]:
    runs = run_cells([OUTCOMES[SCORE](game) for game in games], [game.place.repetition for game in games], config)
    scored = sum(game.scored for game in games)
    return *runs, test.difference if test.pairs else None, p, scored, len(games) - scored


def _difference(games: Sequence[Seen], reference: Sequence[Seen]) -> Difference:
    """Of one negotiator's games from the reference's; of nobody from itself."""
    there = grouped(reference, _scenario)
    met = [(own, other) for own in games for other in there.get(_scenario(own), ()) if own.place.meets(other.place)]
    first, second = ([OUTCOMES[SCORE](pair[side]) for pair in met] for side in (0, 1))
    return paired_difference(first, second, [_scenario(own) for own, _ in met])


def _means(title: str, rows: Mapping[str, Sequence[Seen]], measures: Mapping[str, Measure], note: str) -> Table:
    """Means of measures, a row for each group; a measure that has no value anywhere has no column."""
    found = {name: {row: _mean(games, measure) for row, games in rows.items()} for name, measure in measures.items()}
    kept = [name for name, cells in found.items() if any(cell.n for cell in cells.values())]
    cells: tuple[tuple[Cell, ...], ...] = tuple((row, *(found[name][row] for name in kept)) for row in rows)
    return Table(title, ("negotiator", *kept), cells, note)


def _mean(games: Sequence[Seen], measure: Measure) -> Estimate:
    scored = [game for game in games if game.scored]
    return cluster_mean([measure(game) for game in scored], [_scenario(game) for game in scored])


def _by_field(name: str, games: Sequence[Seen], field: str) -> Table:
    """Collective Agency by what a field of the scenarios says."""
    return by_kind(
        f"{SCORE}, by {field}: {name}",
        grouped(games, _negotiator),
        lambda game: str(getattr(game.episode.scenario, field)),
        lambda some: _mean(some, OUTCOMES[SCORE]),
        f"{_judge(games)}{INTERVALS}",
    )


def _judge(games: Sequence[Seen]) -> str:
    return f"Judge: {', '.join(sorted({game.episode.judge for game in games}))}. "


def _scenario(game: Seen) -> str:
    return game.episode.scenario.id


def _negotiator(game: Seen) -> str:
    return row_name(game.place.negotiator, game.place.decoding)


def _opponent(game: Seen) -> str:
    return f"{_negotiator(game)}, against {game.place.opponent}"
