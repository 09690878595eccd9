"""What one decoding step of the embedded model costs on a CPU: rows, adapters, caches, threads, compilation.

    python -m measurements.decoding_steps [--steps 8] [--out measurements/results/decoding_steps.json]

One token for each row behind 100 others. The learner's adapter is folded into the weights unless said otherwise; "two
adapters" is a batch of which one half speaks with the learner's and the other with a frozen copy's (PEFT's mixed
batches). Median milliseconds by the clock on the wall, for threads share the work.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from transformers import DynamicCache

from measurements.harness import grid, machine, options, tell
from negotiation_env.agents.models.embedded import embedded_adapter
from negotiation_env.agents.models.roomy_cache import roomy_cache
from negotiation_env.training.config import TrainConfig
from negotiation_env.training.engines.adapters import LEARNER, merged
from negotiation_env.training.learner import load_learner

LENGTH = 100
ROWS = (8, 16)
FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class Way:
    """A way to take a step.

    Attributes:
        folded: The adapter is folded into the weights.
        mixed: Half of the rows speak with another adapter.
        cache: Makes an empty cache.
        threads: torch's.
        compiled: The model is compiled.
    """

    folded: bool = True
    mixed: bool = False
    cache: Callable[[], Any] = roomy_cache
    threads: int = 1
    compiled: bool = False


WAYS = {
    "ours": Way(),
    "adapter not folded in": Way(folded=False),
    "two adapters": Way(folded=False, mixed=True),
    "transformers' cache": Way(cache=DynamicCache),
    "two threads": Way(threads=2),
    "torch.compile": Way(compiled=True),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the JSON."""
    chosen = options(__doc__, arguments, steps=8)
    model, _ = load_learner(TrainConfig(model="embedded"))
    model.load_adapter(str(embedded_adapter()), FROZEN)
    model.eval()
    found = {
        f"{rows} rows": {name: step(model, way, rows, chosen.steps) for name, way in WAYS.items()} for rows in ROWS
    }
    tell(machine() | {"length": LENGTH, "milliseconds": found}, chosen.out, grid(found))


def step(model: Any, way: Way, rows: int, steps: int) -> float:
    """Milliseconds, in the median."""
    torch.set_num_threads(way.threads)
    folded: AbstractContextManager[None] = merged(model) if way.folded else nullcontext()
    with torch.no_grad(), folded:
        laps = list(laps_of(model, way, rows, steps + 2))[2:]
    return round(median(laps) * 1000, 1)


def laps_of(model: Any, way: Way, rows: int, steps: int) -> Iterator[float]:
    """Seconds of each step; the first ones compile and warm up."""
    cache, speaks = way.cache(), torch.compile(model, dynamic=True) if way.compiled else model
    mixed = {"adapter_names": [LEARNER if row % 2 else FROZEN for row in range(rows)]} if way.mixed else {}
    model(input_ids=drawn(rows, LENGTH), past_key_values=cache, use_cache=True, logits_to_keep=1, **mixed)
    for number in range(steps):
        start = time.perf_counter()
        speaks(
            input_ids=drawn(rows, 1),
            attention_mask=torch.ones(rows, LENGTH + number + 1, dtype=torch.long),
            position_ids=torch.full((rows, 1), LENGTH + number),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
            **mixed,
        )
        yield time.perf_counter() - start


def drawn(rows: int, width: int) -> torch.Tensor:
    """Any ids."""
    return torch.randint(1000, 2000, (rows, width))


if __name__ == "__main__":
    main()
