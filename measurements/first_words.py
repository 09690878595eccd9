"""How soon `negotiate play` shows something in a terminal: the cards, who is thinking, the first words.

    python -m measurements.first_words [--out measurements/results/first_words.json]

The command with the embedded model and nothing else, models in the cache and compiled files in place, in a terminal of
80 columns; it is ended after its first words. Seconds by the clock on the wall since it began, and the processor's
until the first words, which hang less on what else the machine does. The median of some rounds; a first round warms up
and is not counted.
"""

import os
import pty
import signal
import sys
import time
from collections.abc import Sequence
from statistics import median
from typing import Final

from measurements.harness import grid, machine, options, tell

COMMAND: Final = [sys.executable, "-m", "negotiation_env", "play", "--agents", "embedded", "--scenario", "ec-001"]
SIGHTS: Final = {"dilemma and personas": "Played by", "who is thinking": "is thinking", "first words": "is speaking"}
PROCESSOR: Final = "the processor's until the first words"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the JSON."""
    chosen = options(__doc__, arguments, rounds=3)
    rounds = [seen() for _ in range(chosen.rounds + 1)][1:]
    found = {name: round(median(each[name] for each in rounds), 1) for name in (*SIGHTS, PROCESSOR)}
    tell({**machine(), "rounds": chosen.rounds, "seconds": found}, chosen.out, grid({"seconds": found}))


def seen() -> dict[str, float]:
    """When each sight was there first, and what that took of the processor."""
    start, shown, found = time.perf_counter(), "", dict[str, float]()
    process, terminal = pty.fork()
    if not process:
        os.execvpe(COMMAND[0], COMMAND, os.environ | {"TERM": "xterm", "COLUMNS": "80", "LINES": "40"})
    try:
        while len(found) < len(SIGHTS):
            shown += os.read(terminal, 65536).decode("utf-8", "replace")
            now = {name: time.perf_counter() - start for name, sight in SIGHTS.items() if sight in shown}
            found = now | found
    finally:
        os.kill(process, signal.SIGKILL)
        _, _, used = os.wait4(process, 0)
        os.close(terminal)
    return found | {PROCESSOR: used.ru_utime + used.ru_stime}


if __name__ == "__main__":
    main()
