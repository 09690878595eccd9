"""256 negotiations with remote models: how long they take over the ideal, and what a thousand at a time hold open.

    python -m measurements.remote_negotiations [--out measurements/results/remote_negotiations.json]

A server on this machine, in a process of its own, answers each call after a wait drawn from a log-normal distribution
with mean 1 s and sigma 0.6; the wait hangs on the call's content alone, so that every way to play waits the same. A
negotiation is 13 calls in a row: 7 turns, and the judge's after each but the first. The ideal is the slowest
negotiation alone: the sum of its waits and nothing else, since none has to wait for another.

1. `play_many` with a worker for each negotiation, as `negotiate eval --workers 256` does, and its lockstep, a batch
   with a barrier each turn, which is how such loops are usually written.
2. 1,000 negotiations at a time: memory and open files, at most.
"""

import random
import re
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

import psutil

from measurements.harness import elsewhere, grid, machine, options, tell
from negotiation_env import load_scenarios
from negotiation_env.agents.chat import ChatAgent
from negotiation_env.endpoints.chat_completions import EndpointSettings
from negotiation_env.endpoints.endpoint import Endpoint
from negotiation_env.episodes.runner import Game, play_many
from negotiation_env.judges.llm import LLMJudge
from tests.helpers.endpoint_server import EndpointServer
from tests.helpers.llm_replies import judge_reply

TURNS = 7
CALLS = 2 * TURNS - 1
SIGMA = 0.6
CASE = re.compile(rb"Case (\d+)\.")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    chosen = options(__doc__, arguments, games=256, many=1000)
    found = {
        "each for itself": measure(chosen.games, workers=chosen.games),
        "lockstep": measure(chosen.games, workers=1),
        "many": measure(chosen.many, workers=chosen.many),
    }
    tell(machine() | found, chosen.out, grid(found))


def measure(games: int, workers: int) -> dict[str, Any]:
    """Play, with an eye on clock, memory and files."""
    with server() as (url, waits), watch() as most:
        endpoint = Endpoint(EndpointSettings("m", url, concurrency=games, timeout=60.0))
        agent, judge = ChatAgent(endpoint), LLMJudge(endpoint)
        before, start = time.process_time(), time.perf_counter()
        told = list(play_many(cases(agent, games), judge, workers=workers, max_turns=TURNS))
        wall, processor = time.perf_counter() - start, time.process_time() - before
        endpoint.close()
        waited = waits()
    assert [len(episode.turns) + len(episode.rulings) for episode in told] == [CALLS] * games
    ideal = max(waited.values())
    return {
        "negotiations": games,
        "calls": games * CALLS,
        "ideal_s": round(ideal, 2),
        "wall_s": round(wall, 2),
        "ratio": round(wall / ideal, 3),
        "processor_ms_a_call": round(processor / (games * CALLS) * 1000, 2),
        "unscored": sum(episode.reward is None for episode in told),
        **most,
    }


def cases(agent: ChatAgent, games: int) -> list[Game]:
    """Each with a number in its dilemma, by which the server knows it."""
    scenarios = load_scenarios("train")
    chosen = [scenarios[number % len(scenarios)] for number in range(games)]
    numbered = [replace(each, dilemma=f"Case {n}. {each.dilemma}") for n, each in enumerate(chosen)]
    return [Game(str(n), each, (agent, agent), seed=n) for n, each in enumerate(numbered)]


@contextmanager
def watch() -> Iterator[dict[str, Any]]:
    """The most memory and open files of this process while the block lasts."""
    process, over = psutil.Process(), threading.Event()
    before = process.memory_info().rss
    most: dict[str, Any] = {"memory_mb": 0.0, "open_files": 0, "threads": 0}

    def look() -> None:
        while not over.wait(0.2):
            grown = (process.memory_info().rss - before) / 2**20
            now = {"memory_mb": round(grown, 1), "open_files": process.num_fds(), "threads": process.num_threads()}
            most.update({name: max(most[name], value) for name, value in now.items()})

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield most
    finally:
        over.set()
        watcher.join()


@contextmanager
def server() -> Iterator[tuple[str, Any]]:
    """A server in another process: its URL, and a function that ends it and tells each negotiation's waits."""
    with elsewhere(_serve) as pipe:

        def waits() -> dict[int, float]:
            pipe.send("over")
            told: dict[int, float] = pipe.recv()
            return told

        yield pipe.recv(), waits


def _serve(pipe: Connection) -> None:
    waits: dict[int, float] = defaultdict(float)

    def latency(body: bytes) -> float:
        wait = random.Random(zlib.crc32(body)).lognormvariate(-(SIGMA**2) / 2, SIGMA)
        case = CASE.search(body)
        assert case
        waits[int(case[1])] += wait
        return wait

    def answer(asked: Any) -> str:
        return judge_reply(asked) if "response_format" in asked else "I see.\nPROPOSE: We try it for a month."

    with EndpointServer(answer, latency=latency) as running:
        pipe.send(running.url)
        pipe.recv()
        pipe.send(dict(waits))


if __name__ == "__main__":
    main()
