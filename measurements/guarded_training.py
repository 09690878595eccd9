"""What training under guards comes to: held-out games of a run without guards and of one with them, pair by pair.

    python -m measurements.guarded_training runs/free runs/guarded [--out measurements/results/guarded_training.json]

Either is a run's folder of `negotiate train`, with the same settings but for guards, after as many steps. Held-out
negotiations are played without guards, so that both show what was learned: the same scenarios, seats and seeds. How
they ended is compared, at each step at which both were evaluated, and what their turns break of the guards that are
shipped, by re-reading. Differences are the guarded run's less the free one's; intervals and p are over scenarios.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from measurements.harness import machine, options, tell
from negotiation_env.environment.episode import Episode, latest_episodes
from negotiation_env.episodes.guarding import breaches
from negotiation_env.episodes.pairs import Compared, Figures, compare
from negotiation_env.episodes.run_folder import EPISODES
from negotiation_env.errors import UserError
from negotiation_env.guards.files import SHIPPED, Guards, load_guards
from negotiation_env.statistics.intervals import Estimate
from negotiation_env.statistics.table import Table

Measure = Callable[[Episode], float | None]
Pairs = Sequence[tuple[Episode, Episode]]
"""A game of the free run, and the same one of the guarded run."""

ENDED: Mapping[str, Measure] = {
    "agreed": lambda episode: float(episode.outcome.agreed),
    "agreed at the first possible turn": lambda episode: float(
        episode.outcome.agreed and episode.outcome.turns == episode.scenario.seats
    ),
    "turns": lambda episode: float(episode.outcome.turns),
    "Collective Agency, of answers": lambda episode: episode.outcome.score,
    "reward": lambda episode: episode.reward,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare, print a table a step and write the JSON."""
    chosen = options(__doc__, arguments, "free", "guarded")
    found = {step: compared(games) for step, games in held_out(chosen.free, chosen.guarded).items()}
    figures = {**machine(), "free": chosen.free.name, "guarded": chosen.guarded.name, "steps": found}
    tell(figures, chosen.out, *(table(step, each) for step, each in found.items()))


def held_out(free: Path, guarded: Path) -> dict[str, Pairs]:
    """The held-out games of both, by step.

    Raises:
        UserError: They were evaluated at no common step, or not on the same games.
    """
    steps = {path.name for path in (free / "held_out").glob("step-*")}
    common = sorted(steps & {path.name for path in (guarded / "held_out").glob("step-*")}, key=_number)
    if not common:
        raise UserError(f"{free} and {guarded} have no step in common under held_out; expected two runs of train")
    return {step: _pairs(*(run / "held_out" / step / EPISODES for run in (free, guarded))) for step in common}


def compared(games: Pairs) -> dict[str, Any]:
    """How the games ended, and which share of them breaks each shipped constraint."""
    loaded = [(name, load_guards(name)) for name in SHIPPED]
    broken = {
        f"{name}: {each.name}": _breaks(guards, each.name) for name, guards in loaded for each in guards.constraints
    }
    measures = {**ENDED, **broken}
    pairs = [(one.scenario.id, _figures(other, measures), _figures(one, measures)) for one, other in games]
    return {each.measure: _row(each) for each in compare(pairs, measures)}


def table(step: str, found: Mapping[str, Any]) -> Table:
    """The figures of a step."""
    heads = ("", "free", "guarded", "difference", "p", "pairs")
    rows = tuple((name, *(_cell(each[head]) for head in heads[1:])) for name, each in found.items())
    return Table(f"held-out negotiations, {step}", heads, rows)


def _cell(figure: Any) -> Any:
    return Estimate(**figure) if isinstance(figure, dict) else figure


def _figures(episode: Episode, measures: Mapping[str, Measure]) -> Figures:
    return {name: measure(episode) for name, measure in measures.items()}


def _row(compared: Compared) -> dict[str, Any]:
    """The guarded games are the first side, for the differences are theirs less the free ones'."""
    return {"free": asdict(compared.second), "guarded": asdict(compared.first), **asdict(compared.difference)}


def _breaks(guards: Guards, constraint: str) -> Measure:
    return lambda episode: float(any(each.constraint == constraint for each in breaches(guards, episode)))


def _pairs(free: Path, guarded: Path) -> Pairs:
    one, other = latest_episodes(free), latest_episodes(guarded)
    if one.keys() != other.keys() or any(one[id].scenario != other[id].scenario for id in one):
        raise UserError(f"{free} and {guarded} hold other games; expected two runs of the same settings but for guards")
    return [(each, other[id]) for id, each in one.items()]


def _number(step: str) -> int:
    return int(step.removeprefix("step-"))


if __name__ == "__main__":
    main()
