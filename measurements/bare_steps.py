"""What a turn costs beside agents and judge: `env.step` and `step_many`, TextArena and a classic of PettingZoo.

    pip install textarena==0.7.4 pygame
    python -m measurements.bare_steps [--out measurements/results/bare_steps.json]

Nobody thinks here: every turn is the same text of 220 characters, and the judge is a script that never sees an
agreement. A turn is what an agent loop does for it: look (`last`, `get_observation`), then act (`step`). `step_many` is
fed without looking, and so is TextArena without its wrappers in the comparison with it. Making and resetting games is
off the clock and listed apart. The parties are told the prompt set `handshake`; in one subject `natural`, whose
reminder stands below each turn. TextArena plays its SimpleNegotiation-v0 with the same words, a fresh object for each
game (its wrapper keeps the history of earlier ones), connect_four nine moves.

All take turns within a round, and every ratio is one of medians over the rounds, with the quartiles of the rounds' own
ratios. Seconds are the processor's (`time.process_time`), so that other work on the machine counts little.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from measurements.harness import grid, machine, options, tell
from negotiation_env import env, load_scenarios
from negotiation_env.environment.aec import NegotiationEnv, raw_env
from negotiation_env.environment.stepping import step_many
from negotiation_env.judges.scripted import ScriptedJudge

WORDS = (
    "I hear what matters to you, and I would like us to find a plan that keeps both of our aims alive for the months "
    "ahead.\nPROPOSE: We split the week, three days each, and review it together after a month with the numbers."
)
SHORT, LONG = 7, 70
COLUMNS = (0, 1, 2, 3, 4, 5, 6, 0, 1)
RATIOS = (
    ("env.last + env.step", "TextArena, wrapped"),
    ("step_many, 1024 games", "TextArena, raw"),
    ("env.last + env.step", "connect_four"),
    ("env.last + env.step, 70 turns", "env.last + env.step"),
    ("step_many, 64 games, 70 turns", "step_many, 64 games"),
    ("step_many, 1024 games", "step_many, 64 games"),
    ("TextArena, wrapped, 70 turns", "TextArena, wrapped"),
)
QUARTILES = ("first quartile", "third quartile")
Timed = tuple[float, float]
"""Microseconds a turn, and those that making and resetting a game took."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the JSON."""
    chosen = options(__doc__, arguments, rounds=120)
    found = figures(measure(chosen.rounds))
    times = {name: found[name] for name in ("turn_us", "reset_us")}
    ratios = {key: {name: each[key] for name, each in found["ratios"].items()} for key in ("ratio", *QUARTILES)}
    tell(found, chosen.out, grid(times), grid(ratios))


def subjects() -> dict[str, Callable[[], Timed]]:
    """What is measured, by name."""
    return {
        "env.last + env.step": lambda: stepped(env, SHORT, 40),
        "env.last + env.step, 70 turns": lambda: stepped(env, LONG, 4),
        "env.last + env.step, free dialogue": lambda: stepped(env, SHORT, 40, "natural"),
        "without order checks": lambda: stepped(raw_env, SHORT, 40),
        "step_many, 1 game": lambda: many(1, SHORT, 40),
        "step_many, 64 games": lambda: many(64, SHORT, 1),
        "step_many, 1024 games": lambda: many(1024, SHORT, 1),
        "step_many, 64 games, 70 turns": lambda: many(64, LONG, 1),
        "TextArena, wrapped": lambda: textarena("SimpleNegotiation-v0", SHORT, 40),
        "TextArena, wrapped, 70 turns": lambda: textarena("SimpleNegotiation-v0", LONG, 4),
        "TextArena, raw": lambda: textarena("SimpleNegotiation-v0-raw", SHORT, 40, look=False),
        "connect_four": lambda: connect_four(30),
    }


def measure(rounds: int) -> dict[str, list[Timed]]:
    """All subjects in turns; a first round warms up and is not counted."""
    found = defaultdict(list)
    for _ in range(rounds + 1):
        for name, play in subjects().items():
            found[name].append(play())
    return {name: timed[1:] for name, timed in found.items()}


def stepped(make: Callable[..., Any], turns: int, games: int, prompts: str = "handshake") -> Timed:
    """The standard step API, one game after the other."""
    game = make(scenarios=load_scenarios("eval_conflict")[:8], judge=silent_judge(), max_turns=turns, prompts=prompts)

    def play() -> Iterator[None]:
        game.reset(seed=1)
        yield
        for _ in range(turns):
            game.last()
            game.step(WORDS)

    return on_the_clock(play, games, turns)


def many(together: int, turns: int, times: int) -> Timed:
    """`step_many` on so many games together."""
    scenarios, judge = load_scenarios("eval_conflict")[:8], silent_judge()
    rules: dict[str, Any] = {"scenarios": scenarios, "judge": judge, "max_turns": turns, "prompts": "handshake"}
    games = [NegotiationEnv(**rules) for _ in range(together)]

    def play() -> Iterator[None]:
        for game in games:
            game.reset(seed=1)
        yield
        for _ in range(turns):
            step_many(games, [WORDS] * together, judge)

    return on_the_clock(play, times, turns, together)


def textarena(name: str, turns: int, games: int, *, look: bool = True) -> Timed:
    """TextArena's loop."""
    import textarena as ta

    def play() -> Iterator[None]:
        game = ta.make(name, max_turns=turns)
        game.reset(num_players=2, seed=1)
        yield
        for _ in range(turns):
            if look:
                game.get_observation()
            game.step(WORDS)

    return on_the_clock(play, games, turns)


def connect_four(games: int) -> Timed:
    """PettingZoo's own loop of a game that does nearly nothing."""
    from pettingzoo.classic import connect_four_v3

    game = connect_four_v3.env()

    def play() -> Iterator[None]:
        game.reset(seed=1)
        yield
        for column in COLUMNS:
            game.last()
            game.step(column)

    return on_the_clock(play, games, len(COLUMNS))


def on_the_clock(play: Callable[[], Iterator[None]], times: int, turns: int, together: int = 1) -> Timed:
    """What comes before the `yield` of a game is making and resetting, what comes after it the turns."""
    making = playing = 0.0
    for _ in range(times):
        start = time.process_time()
        game = play()
        next(game)
        made = time.process_time()
        next(game, None)
        making, playing = making + made - start, playing + time.process_time() - made
    return playing / (times * turns * together) * 1e6, making / (times * together) * 1e6


def silent_judge() -> ScriptedJudge:
    """Never sees an agreement."""
    return ScriptedJudge(agrees=lambda _: False)


def figures(found: dict[str, list[Timed]]) -> dict[str, Any]:
    """Medians in microseconds, and ratios."""
    turns = {name: np.array([turn for turn, _ in timed]) for name, timed in found.items()}
    return {
        **machine(),
        "rounds": len(next(iter(turns.values()))),
        "turn_us": {name: round(float(np.median(each)), 2) for name, each in turns.items()},
        "reset_us": {name: round(float(np.median([made for _, made in each])), 1) for name, each in found.items()},
        "ratios": {f"{one} / {other}": ratio(turns[one], turns[other]) for one, other in RATIOS},
    }


def ratio(one: Any, other: Any) -> dict[str, float]:
    """The ratio of the medians, and the quartiles of the rounds' ratios."""
    low, high = np.percentile(one / other, [25, 75])
    found = {"ratio": np.median(one) / np.median(other)} | dict(zip(QUARTILES, (low, high), strict=True))
    return {name: round(float(each), 3) for name, each in found.items()}


if __name__ == "__main__":
    main()
