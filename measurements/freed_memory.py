"""What it saves to keep the memory that a model frees and needs again at once.

    python -m measurements.freed_memory [--rounds 3] [--out measurements/results/freed_memory.json]

Each way in a process of its own: 32 chats of 300 tokens are read for the first time, as held-out games begin. Seconds
by the clock on the wall, those that the system took of them, and the pages that it cleared; the median of some rounds,
for what is given back gets less from round to round, and the first, which is what a short run has.
"""

import resource
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from statistics import median
from typing import Any, Final

from measurements.harness import elsewhere, grid, machine, options, tell

ROWS: Final = 32
TOKENS: Final = 300


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the JSON."""
    chosen = options(__doc__, arguments, rounds=3)
    ways = {}
    for name, kept in (("given back", False), ("kept", True)):
        with elsewhere(work, kept, chosen.rounds) as pipe:
            ways[name] = pipe.recv()
    found = {**machine(), "rounds": chosen.rounds, "rows": ROWS, "tokens": TOKENS, "memory": ways}
    tell(found, chosen.out, grid(ways))


def work(pipe: Connection, kept: bool, rounds: int) -> None:
    """In a fresh process: load the model, with freed memory kept or not, and tell what reading takes."""
    from negotiation_env.agents.models import pretrained
    from negotiation_env.agents.specs import resolve_model

    if not kept:
        vars(pretrained)["keep_freed_memory"] = lambda: False
    model = resolve_model("embedded")
    laps = [reading(model) for _ in range(rounds)]
    first = {"seconds the first time": round(laps[0]["seconds"], 2)}
    pipe.send(first | {name: round(median(lap[name] for lap in laps), 2) for name in laps[0]})


def reading(model: Any) -> dict[str, float]:
    """What it takes to read the chats and draw a token."""
    from negotiation_env.interfaces import ChatRequest, Sampling

    chats = [{"role": "user", "content": f"{row}" + " water" * TOKENS} for row in range(ROWS)]
    asked = [ChatRequest((chat,), Sampling(max_tokens=1), seed=0) for chat in chats]
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    model.chat(asked)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": seconds,
        "of the system": after.ru_stime - before.ru_stime,
        "pages cleared": after.ru_minflt - before.ru_minflt,
    }


if __name__ == "__main__":
    main()
