"""What memory long runs take: 100,000 episodes played and written, and a file of 1,000,000 lines summarised.

    python -m measurements.long_runs [--out measurements/results/long_runs.json]

Scripted parties, a scripted judge. The episodes of the second part are those of the first, each again under new ids, as
a file on disk (about 5 GB, in the system's temporary folder, gone afterwards). Memory is the process's at its largest,
less what it had with everything imported; each part runs in a process of its own.
"""

import resource
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from measurements.harness import elsewhere, grid, machine, options, tell
from negotiation_env import ScriptedJudge, load_scenarios
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.environment.episode import append_episode, stream_latest
from negotiation_env.episodes.runner import Game, play_many
from negotiation_env.episodes.summary import summarise

PARTIES = ("compromising", "stubborn", "accommodating", "pushy")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both parts and print them."""
    chosen = options(__doc__, arguments, games=100_000, lines=1_000_000)
    with TemporaryDirectory() as folder:
        path, copies = Path(folder) / "episodes.jsonl", Path(folder) / "copies.jsonl"
        found = {
            "a tenth played": alone(played, path.with_name("few.jsonl"), chosen.games // 10),
            "played": alone(played, path, chosen.games),
            "a tenth summarised": alone(summarised, copy(path, copies, chosen.lines // 10)),
            "summarised": alone(summarised, copy(path, copies, chosen.lines)),
        }
    tell(machine() | found, chosen.out, grid(found))


def played(path: Path, games: int) -> int:
    """Play and append each episode as it ends."""
    for episode in play_many(endless(games), ScriptedJudge(), max_turns=7):
        append_episode(path, episode)
    return games


def endless(games: int) -> Iterator[Game]:
    """Games one after the other, none of them in memory before its turn."""
    scenarios = load_scenarios("train")
    agents = [ScriptedAgent(name) for name in PARTIES]
    for number in range(games):
        pair = (agents[number % 4], agents[number // 4 % 4])
        yield Game(f"game-{number}", scenarios[number % len(scenarios)], pair, seed=number)


def summarised(path: Path) -> int:
    """What `negotiate eval` does at its end."""
    return summarise(stream_latest(path)).episodes


def copy(path: Path, to: Path, lines: int) -> Path:
    """So many lines out of a file that may have fewer, each with an id of its own."""
    with to.open("w", encoding="utf-8") as file:
        again = chain.from_iterable(path.open(encoding="utf-8") for _ in repeat(None))
        for number, line in zip(range(lines), again, strict=False):
            _, _, rest = line.partition('","')
            file.write(f'{{"id":"copy-{number}","{rest}')
    return to


def alone(work: Callable[..., int], path: Path, *arguments: Any) -> dict[str, Any]:
    """In a fresh process: how many, seconds, and megabytes more than before."""
    with elsewhere(_measured, work, path, *arguments) as pipe:
        found: dict[str, Any] = pipe.recv()
    return found | {"file_mb": round(path.stat().st_size / 2**20)}


def _measured(pipe: Connection, work: Callable[..., int], path: Path, *arguments: Any) -> None:
    load_scenarios("train")
    before, start = _megabytes(), time.perf_counter()
    count = work(path, *arguments)
    seconds = time.perf_counter() - start
    pipe.send({"episodes": count, "seconds": round(seconds, 1), "memory_mb": round(_megabytes() - before, 1)})


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
