"""What guards add to a turn: `env.last` and `env.step` without guards, and under the three files that are shipped.

    python -m measurements.guarded_steps [--rounds 60] [--out measurements/results/guarded_steps.json]

The turns are those of 24 scripted negotiations of 7 turns on other scenarios, each begun with a number of its own, so
that no text comes twice but for a game's own look back; nothing in them is refused, so that all games have the same
turns. The judge never sees an agreement. Where nothing is read every proposition is false at once: what is left is
monitors and enforcement. What is known of a scenario stays known, as in a group of a training. All
subjects take turns within a round; seconds are the processor's.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np

from measurements.bare_steps import on_the_clock, ratio, silent_judge
from measurements.harness import grid, machine, options, tell
from negotiation_env import Game, ScriptedAgent, load_scenarios, play_many
from negotiation_env.environment.aec import env
from negotiation_env.environment.episode import Episode
from negotiation_env.guards.files import SHIPPED, Constraint, Guards, load_guards
from negotiation_env.guards.propositions import NUMBERS, PROPOSITIONS, Heard

TURNS, GAMES = 7, 24
NOTHING_READ = "all three, nothing read"
SUBJECTS = ("no guards", "one constraint", *SHIPPED, "all three", NOTHING_READ)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the JSON."""
    chosen = options(__doc__, arguments, rounds=60)
    found = figures(measure(chosen.rounds))
    tell(found, chosen.out, grid({"microseconds a turn": found["turn_us"], **_columns(found["over no guards"])}))


def guards_of(name: str) -> Guards | None:
    """The guards of a subject, which record what is broken and refuse nothing."""
    if name == "no guards":
        return None
    if name == "one constraint":
        return Guards(name, (Constraint("reason_first", "accepts implies once gives_reason"),))
    loaded = load_guards(name if name in SHIPPED else SHIPPED)
    kept = tuple(Constraint(each.name, each.formula, each.seats) for each in loaded.constraints)
    if name == NOTHING_READ:
        return Guards(name, kept, dict.fromkeys(PROPOSITIONS, _no), dict.fromkeys(NUMBERS, _many))
    return Guards(name, kept)


def _no(_heard: Heard) -> bool:
    return False


def _many(_heard: Heard) -> float:
    return 99.0


def dialogues() -> list[Episode]:
    """The turns to take."""
    agents = (ScriptedAgent("compromising"), ScriptedAgent("stubborn"))
    scenarios = load_scenarios("eval_conflict")[:GAMES]
    return list(play_many([Game(each.id, each, agents) for each in scenarios], silent_judge(), max_turns=TURNS))


def measure(rounds: int) -> dict[str, list[float]]:
    """All subjects in turns; a first round warms up and is not counted."""
    played, found, numbers = dialogues(), defaultdict(list), count()
    games = {name: _game(name) for name in SUBJECTS}
    for _ in range(rounds + 1):
        for name, game in games.items():
            found[name].append(stepped(game, played, numbers))
    return {name: times[1:] for name, times in found.items()}


def stepped(game: Any, played: Sequence[Episode], numbers: Iterator[int]) -> float:
    """Microseconds a turn."""
    left = iter([(each.scenario, [f"{next(numbers)}.\n{said.text}" for said in each.dialogue]) for each in played])

    def play() -> Iterator[None]:
        scenario, texts = next(left)
        game.reset(options={"scenario": scenario})
        yield
        for text in texts:
            game.last()
            game.step(text)

    return on_the_clock(play, len(played), TURNS)[0]


def figures(found: dict[str, list[float]]) -> dict[str, Any]:
    """Medians in microseconds, and ratios to a turn without guards."""
    turns = {name: np.array(times) for name, times in found.items()}
    return {
        **machine(),
        "rounds": len(turns["no guards"]),
        "turn_us": {name: round(float(np.median(each)), 2) for name, each in turns.items()},
        "over no guards": {name: ratio(each, turns["no guards"]) for name, each in turns.items()},
    }


def _game(name: str) -> Any:
    scenarios = load_scenarios("eval_conflict")[:GAMES]
    return env(scenarios=scenarios, judge=silent_judge(), max_turns=TURNS, guards=guards_of(name))


def _columns(ratios: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    return {key: {name: each[key] for name, each in ratios.items()} for key in next(iter(ratios.values()))}


if __name__ == "__main__":
    main()
