"""How long negotiations wait for endpoints: many at a time, and while a fifth of the answers fails.

    python -m measurements.endpoint_waits [--out FILE]

1. 64 negotiations at concurrency 64, policies and judge at a server that takes 1 s for each answer, against the
   critical path of one negotiation: its calls in sequence, 1 s each.
2. 500 judged negotiations of scripted parties with 32 workers, each judge call 0.5 s: fault-free, and with a fifth of
   the answers failing (eight kinds of fault, equally often). The waits that the server asked for are listed apart.

The server is the tests' own and runs in another process on the same machine.
"""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from measurements.harness import elsewhere, grid, machine, options, tell
from negotiation_env import load_scenarios
from negotiation_env.agents.chat import ChatAgent
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.endpoints.chat_completions import EndpointSettings
from negotiation_env.endpoints.endpoint import Endpoint
from negotiation_env.environment.episode import Episode
from negotiation_env.episodes.evaluate import seat_agents
from negotiation_env.episodes.runner import Game, play_many
from negotiation_env.interfaces import Agent
from negotiation_env.judges.llm import LLMJudge, LLMJudgeSettings
from tests.helpers.endpoint_server import FAULTS, EndpointServer
from tests.helpers.llm_replies import judge_reply

TURNS = 4
CALLS = TURNS + (TURNS - 1) + 2
"""Of one negotiation in sequence: turns, agreement after each but the first, completion, score."""
WORKERS = 32
SHARE = 0.2


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both and print them."""
    chosen = options(__doc__, arguments)
    found = machine() | concurrency() | faults()
    tell(found, chosen.out, grid({"found": found}))


def concurrency(games: int = 64, latency: float = 1.0) -> dict[str, Any]:
    """Wall time of many negotiations at once over the critical path of one."""
    with server(latency=latency) as url:
        agent = ChatAgent(Endpoint(EndpointSettings("m", url)))
        judge = judge_at(url)
        _, alone = timed([agent], judge, 1, 1)
        episodes, wall = timed([agent], judge, games, games)
    assert all(len(episode.turns) + len(episode.rulings) == CALLS for episode in episodes)
    ideal = CALLS * latency
    return {"negotiations": games, "critical_path_s": ideal, "alone_s": alone, "wall_s": wall, "ratio": wall / ideal}


def faults(games: int = 500, latency: float = 0.5) -> dict[str, Any]:
    """Wall time with and without faults, and what became of the verdicts."""
    found: dict[str, Any] = {"judged": games}
    for name, share in (("clean", 0.0), ("faulty", SHARE)):
        with server(latency=latency, share=share) as url:
            agents = [ScriptedAgent("compromising"), ScriptedAgent("stubborn")]
            episodes, wall = timed(agents, judge_at(url), games, WORKERS)
        calls = [call for each in episodes for ruling in each.rulings for call in ruling.verdict.calls]
        found |= {
            f"{name}_s": wall,
            f"{name}_calls": len(calls),
            f"{name}_tries": sum(call.usage["tries"] for call in calls),
            f"{name}_unscored": sum(episode.reward is None for episode in episodes),
            f"{name}_asked_to_wait_s": sum(call.usage.get("asked_to_wait", 0.0) for call in calls) / WORKERS,
        }
    return found | {"fault_ratio": (found["faulty_s"] - found["faulty_asked_to_wait_s"]) / found["clean_s"]}


def judge_at(url: str) -> LLMJudge:
    """The judge: three tries for what cannot be read, besides the endpoint's own."""
    return LLMJudge(Endpoint(EndpointSettings("m", url, timeout=1.5)), settings=LLMJudgeSettings(attempts=6))


def timed(agents: Sequence[Agent], judge: LLMJudge, count: int, workers: int) -> tuple[list[Episode], float]:
    """Play and look at the clock."""
    scenarios = (load_scenarios("train") * 2)[:count]
    games = [Game(str(n), each, seat_agents(agents, len(each.personas)), n) for n, each in enumerate(scenarios)]
    start = time.perf_counter()
    episodes = list(play_many(games, judge, workers=max(workers, 2), max_turns=TURNS, complete_without_agreement=True))
    return episodes, round(time.perf_counter() - start, 3)


def answer(asked: Any) -> str:
    """A judge's reply, or a turn that never agrees."""
    return judge_reply(asked) if "response_format" in asked else "I see.\nPROPOSE: We try it for a month."


@contextmanager
def server(latency: float, share: float = 0.0) -> Iterator[str]:
    """A server in another process; gives its URL."""
    with elsewhere(_serve, latency, share) as pipe:
        yield pipe.recv()


def _serve(pipe: Connection, latency: float, share: float) -> None:
    draw = random.Random(0)

    def fault(*_: object) -> str | None:
        return draw.choice(FAULTS) if draw.random() < share else None

    with EndpointServer(answer, fault, latency=latency, retry_after=0.5) as running:
        pipe.send(running.url)
        pipe.recv()


if __name__ == "__main__":
    main()
