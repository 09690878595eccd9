"""What torch's threads cost on cores that are shared, by how they wait for one another.

    python -m measurements.thread_waits [--busy 0] [--out measurements/results/thread_waits.json]

Each way in a process of its own: a turn of the embedded model alone, as `play` asks for it, eight turns at once, and
forward and backward passes as a training step has them; beside as many busy processes as asked for, and whatever else
the machine does, which the load tells. Seconds by the clock on the wall, the median of some rounds. Fingerprints say
whether two ways sample the same log-probabilities to the last digit.
"""

import hashlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from statistics import median
from typing import Any, Final

from measurements.harness import elsewhere, grid, machine, options, tell

WAYS: Final[Mapping[str, Mapping[str, str]]] = {
    "one thread": {"OMP_NUM_THREADS": "1"},
    "torch's own: all cores, spinning": {},
    "ours: all cores, asleep while they wait": {"OMP_WAIT_POLICY": "PASSIVE"},
}
TOKENS: Final = 24


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the tables and write the JSON."""
    chosen = options(__doc__, arguments, rounds=3, busy=0)
    with busy(chosen.busy):
        ways = measured(chosen.rounds)
    found = {**machine(), "rounds": chosen.rounds, "busy": chosen.busy, "tokens": TOKENS, "seconds": ways}
    tell(found, chosen.out, grid(ways))


def measured(rounds: int) -> dict[str, dict[str, Any]]:
    """By way, what each task takes."""
    found = {}
    for name, way in WAYS.items():
        with elsewhere(work, dict(way), rounds) as pipe:
            found[name] = pipe.recv()
    return found


def work(pipe: Connection, way: dict[str, str], rounds: int) -> None:
    """In a fresh process: set up threads, before torch is imported, and tell what each task takes."""
    for name in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY"):
        os.environ.pop(name, None)
    os.environ.update(way)
    import torch  # noqa: F401 (reads the environment before the project can say otherwise)

    from negotiation_env.agents.specs import resolve_model

    model = resolve_model("embedded")
    model.model.requires_grad_(True)
    tasks = {
        "a turn": partial(turns, model, 1),
        "eight turns at once": partial(turns, model, 8),
        "forward and backward": partial(passes, model),
    }
    laps: dict[str, Any] = {name: round(median(lap(task) for _ in range(rounds)), 2) for name, task in tasks.items()}
    pipe.send(laps | {"fingerprint": turns(model, 2)})


def turns(model: Any, rows: int) -> str:
    """Sample some turns; a fingerprint of their log-probabilities."""
    from negotiation_env.interfaces import ChatRequest, Sampling

    brief = {"role": "system", "content": "You are a farmer by the river. " * 30}
    asked = [{"role": "user", "content": f"Speak of the water in your field {row}."} for row in range(rows)]
    sampling = Sampling(max_tokens=TOKENS)
    replies = model.chat([ChatRequest((brief, each), sampling, seed=row) for row, each in enumerate(asked)])
    return hashlib.sha256(repr([reply.tokens.logprobs for reply in replies]).encode()).hexdigest()[:8]


def passes(model: Any) -> None:
    """A pass to the loss and back, of four rows of 256 tokens."""
    import torch

    ids = torch.arange(1000, 1256).repeat(4, 1)
    model.model.train()
    model.model(input_ids=ids, labels=ids).loss.backward()
    model.model.zero_grad()
    model.model.eval()


def lap(task: Callable[[], object]) -> float:
    """How long a task takes, by the clock on the wall."""
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes that compute, while the block runs."""
    others = [multiprocessing.get_context("spawn").Process(target=_spin, daemon=True) for _ in range(count)]
    for other in others:
        other.start()
    try:
        yield
    finally:
        for other in others:
            other.kill()


def _spin() -> None:
    while True:
        pass


if __name__ == "__main__":
    main()
