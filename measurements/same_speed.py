"""Whether a turn takes as long as in another checkout of this project, of those that `bare_steps` measures.

    git worktree add ../before COMMIT
    python -m measurements.same_speed ../before [--rounds 60] [--out measurements/results/same_speed.json]

Each checkout times its own `bare_steps` in a process of its own, with the Python that runs this. The two take turns
within a round, each first in every other one, so that a slow minute of the machine meets both. A ratio is of this
checkout over the other: the median of the rounds' own ratios, with their quartiles. Processor's seconds.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from measurements.harness import commit_of, grid, machine, options, tell

HERE = Path(__file__).parents[1]
SUBJECTS = (
    "env.last + env.step",
    "without order checks",
    "step_many, 1 game",
    "step_many, 64 games",
    "step_many, 1024 games",
)
TIMER = """
import json, sys
from importlib import import_module
subjects = import_module(sys.argv[1]).subjects()
for _ in sys.stdin:
    print(json.dumps([subjects[name]()[0] for name in sys.argv[2:]]), flush=True)
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the JSON."""
    chosen = options(__doc__, arguments, "other", rounds=60)
    other = chosen.other.resolve()
    figures = ratios(*measure((HERE, other), chosen.rounds))
    tell(
        machine() | {"held_against": commit_of(other), "rounds": chosen.rounds} | figures,
        chosen.out,
        grid(figures),
    )


def measure(checkouts: Sequence[Path], rounds: int) -> list[Any]:
    """Microseconds a turn for each checkout, as an array of rounds by subjects; two rounds warm up."""
    with timer(checkouts[0]) as one, timer(checkouts[1]) as two:
        times: list[list[list[float]]] = [[], []]
        for number in range(rounds + 2):
            for place in (0, 1) if number % 2 else (1, 0):
                times[place].append(ask((one, two)[place]))
    return [np.array(each[2:]) for each in times]


@contextmanager
def timer(checkout: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that times a checkout's subjects once for each line it gets; older ones call the folder benchmarks."""
    folder = "measurements" if (checkout / "measurements").is_dir() else "benchmarks"
    command = [sys.executable, "-c", TIMER, f"{folder}.bare_steps", *SUBJECTS]
    own = os.environ | {"PYTHONPATH": str(checkout)}
    with subprocess.Popen(
        command, cwd=checkout, env=own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.terminate()


def ask(process: "subprocess.Popen[str]") -> list[float]:
    """One round of a checkout."""
    assert process.stdin
    assert process.stdout
    process.stdin.write("\n")
    process.stdin.flush()
    found: list[float] = json.loads(process.stdout.readline())
    return found


def ratios(ours: Any, theirs: Any) -> dict[str, dict[str, float]]:
    """By what is told, then by subject."""
    low, middle, high = np.percentile(ours / theirs, [25, 50, 75], axis=0)
    told = {"us": np.median(ours, axis=0), "us, other": np.median(theirs, axis=0)}
    told |= {"ratio": middle, "first quartile": low, "third quartile": high}
    return {name: dict(zip(SUBJECTS, each.round(3).tolist(), strict=True)) for name, each in told.items()}


if __name__ == "__main__":
    main()
