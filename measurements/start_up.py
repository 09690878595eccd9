"""How long it takes to start, against the time that importing PettingZoo takes.

    python -m measurements.start_up [--out measurements/results/start_up.json]

Each command runs in a fresh interpreter, all in turns, with compiled files in place. Seconds are the processor's, of
the command and its children, so that other work on the machine counts little.
"""

import resource
import subprocess
import sys
from collections.abc import Sequence
from statistics import median
from typing import Any

from measurements.harness import grid, machine, options, tell

NEGOTIATE = [sys.executable, "-m", "negotiation_env"]
PLAY = ["play", "--agents", "scripted:compromising", "scripted:compromising", "--judge", "scripted", "--seed", "1"]
COMMANDS = {
    "import pettingzoo": [sys.executable, "-c", "import pettingzoo"],
    "import negotiation_env": [sys.executable, "-c", "import negotiation_env"],
    "negotiate --help": [*NEGOTIATE, "--help"],
    "negotiate play, all scripted": [*NEGOTIATE, *PLAY],
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the JSON."""
    chosen = options(__doc__, arguments, rounds=15)
    found = measure(chosen.rounds)
    tell(found, chosen.out, grid({name: found[name] for name in ("seconds", "ratios")}))


def measure(rounds: int) -> dict[str, Any]:
    """Medians, and their ratios to the first command's; a first round warms up and is not counted."""
    laps = [{name: seconds(command) for name, command in COMMANDS.items()} for _ in range(rounds + 1)][1:]
    found = {name: median(lap[name] for lap in laps) for name in COMMANDS}
    floor = found["import pettingzoo"]
    return {
        **machine(),
        "rounds": rounds,
        "seconds": {name: round(each, 3) for name, each in found.items()},
        "ratios": {name: round(each / floor, 2) for name, each in found.items()},
    }


def seconds(command: Sequence[str]) -> float:
    """The processor's seconds of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
