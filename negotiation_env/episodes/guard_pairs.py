"""Negotiations under guards beside the same ones without: what guards change in how they end.

Two runs with the same settings but the guards have the same games, with the same seeds; up to what a guard does first
they are the same. So the differences are taken game by game.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from negotiation_env.environment.episode import Episode, stream_latest
from negotiation_env.episodes.pairs import Pair, compare, figures
from negotiation_env.episodes.run_folder import EPISODES
from negotiation_env.errors import UserError
from negotiation_env.statistics.by_scenario import Difference
from negotiation_env.statistics.intervals import Estimate
from negotiation_env.statistics.table import Cell

__all__ = ["PAIRED", "PAIRED_NOTE", "Paired", "paired_games", "paired_rows", "paired_runs"]

PAIRED: Final = ("", "with", "without", "difference", "p", "pairs")
"""Headings of `paired_rows`."""
PAIRED_NOTE: Final = "p: sign flips over scenarios; in brackets 95 % intervals by the bootstrap over scenarios"


@dataclass(frozen=True, slots=True)
class Paired:
    """A figure of negotiations that were played twice.

    Attributes:
        measure: "reward" and "score" of 0 to 5, the share that "agreed", "turns".
        guarded: The mean under guards.
        free: The mean of the same negotiations without.
        difference: The first less the second.
    """

    measure: str
    guarded: Estimate
    free: Estimate
    difference: Difference


def paired_runs(guarded: Path, free: Path) -> tuple[Paired, ...]:
    """Compare two runs' folders, game by game; a game that is unscored in either is left out.

    Raises:
        UserError: There is no episode file, the first has no guards or the second has some, or they share no game, or
            one in which more differs than the guards.
    """
    others = {each.id: (_played(each), figures(each)) for each in _episodes(free, guarded=False)}
    pairs = []
    for each in _episodes(guarded, guarded=True):
        played, free_figures = others.get(each.id, (None, {}))
        if played is None:
            continue
        if played != _played(each):
            raise UserError(f"the negotiation {each.id!r} of {guarded} differs from that of {free} in more than guards")
        pairs.append((each.scenario.id, figures(each), free_figures))
    if not pairs:
        raise UserError(f"{guarded} and {free} share no negotiation; expected two runs of the same settings and seed")
    return _all_compared(pairs)


def paired_games(pairs: Iterable[tuple[Episode, Episode]]) -> tuple[Paired, ...]:
    """Compare games under guards with the same ones without; a game that is unscored in either is left out."""
    return _all_compared([(one.scenario.id, figures(one), figures(other)) for one, other in pairs])


def paired_rows(found: Sequence[Paired]) -> list[tuple[Cell, ...]]:
    """The cells under `PAIRED`, a row a figure."""
    told = [(each, each.difference) for each in found]
    return [(each.measure, each.guarded, each.free, than.difference, than.p, than.pairs) for each, than in told]


def _all_compared(pairs: Sequence[Pair]) -> tuple[Paired, ...]:
    return tuple(Paired(each.measure, each.first, each.second, each.difference) for each in compare(pairs))


def _episodes(run: Path, *, guarded: bool) -> Iterator[Episode]:
    for each in stream_latest(run / EPISODES):
        if bool(each.guards) is not guarded:
            raise UserError(
                f"expected negotiations {'under' if guarded else 'without'} guards in {run}; {each.id!r} is none"
            )
        yield each


def _played(episode: Episode) -> tuple[object, ...]:
    """All that decides how a game goes, but the guards."""
    return episode.scenario, episode.seed, episode.agents, episode.judge, episode.rules, episode.prompts
