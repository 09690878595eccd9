"""How long a report takes to write and to open, and how large it is.

    python -m measurements.report_opening [--out measurements/results/report_opening.json]

1,000 negotiations of scripted parties whose turns are as long as a large model's and carry token ids and
log-probabilities, judged by an LLM judge that asks a fake model. Usable: the list stands and a search has been
answered, from the moment the browser is told the address; each opening is in a fresh page of Chromium.
"""

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from measurements.harness import grid, machine, options, tell
from negotiation_env import load_scenarios
from negotiation_env.agents.models.fake import FakeModel
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.environment.episode import append_episode
from negotiation_env.episodes.runner import Game, play_many
from negotiation_env.interfaces import ChatRequest, Reply, Request, TokenTrace
from negotiation_env.judges.llm import LLMJudge
from negotiation_env.report import write_report
from tests.helpers.llm_replies import judge_reply
from tests.report.browser import browser

NEGOTIATIONS = 1000
OPENINGS = 5


class LongWinded:
    """A scripted party that says as much as a large model does.

    Args:
        script: Of `ScriptedAgent`.
    """

    def __init__(self, script: str) -> None:
        self._agent = ScriptedAgent(script)
        self.name = self._agent.name

    def act(self, requests: Sequence[Request]) -> list[Reply]:
        """What the script says, after a paragraph out of the shipped dilemmas."""
        return [self._reply(request, reply) for request, reply in zip(requests, self._agent.act(requests), strict=True)]

    def _reply(self, request: Request, reply: Reply) -> Reply:
        paragraph = DILEMMAS[request.seed % len(DILEMMAS)]
        words = f"{paragraph}\n{reply.text}".split(" ")
        ids = tuple((request.seed + len(word) * place) % 49152 for place, word in enumerate(words))
        trace = TokenTrace(ids[:50], ids, tuple(-((token % 997) / 400) for token in ids))
        return Reply(" ".join(words), tokens=trace, usage={"prompt_tokens": 900, "completion_tokens": len(ids)})


DILEMMAS = [scenario.dilemma for scenario in load_scenarios("eval_conflict")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    chosen = options(__doc__, arguments)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder))
    tell(found, chosen.out, grid({"found": found}))


def measure(folder: Path) -> dict[str, Any]:
    """All figures."""
    play(folder)
    start = time.perf_counter()
    path = write_report(folder)
    written = time.perf_counter() - start
    with sync_playwright() as playwright, browser(playwright) as chromium:
        openings = [open_report(chromium.new_page(), path) for _ in range(OPENINGS)]
        version = chromium.version
    return {
        **machine(),
        "chromium": version,
        "negotiations": NEGOTIATIONS,
        "episodes_MB": round((folder / "episodes.jsonl").stat().st_size / 1e6, 1),
        "report_MB": round(path.stat().st_size / 1e6, 1),
        "write_s": round(written, 2),
        **{
            f"{name}_s_{kind}": round(pick([each[name] for each in openings]), 3)
            for name in openings[0]
            for kind, pick in (("median", statistics.median), ("longest", max))
        },
    }


def play(folder: Path) -> None:
    """The negotiations, into the folder."""
    agents = (LongWinded("compromising"), LongWinded("stubborn"))
    scenarios = load_scenarios("eval_conflict")
    games = [
        Game(f"{number:04}", scenarios[number % len(scenarios)], agents, number, tags={"setting": number % 4})
        for number in range(NEGOTIATIONS)
    ]
    judge = LLMJudge(FakeModel(judged))
    for episode in play_many(games, judge, max_turns=6, complete_without_agreement=True):
        append_episode(folder / "episodes.jsonl", episode)


def judged(request: ChatRequest) -> str:
    """A readable reply."""
    return judge_reply({"messages": request.messages, "response_format": {"json_schema": {"schema": request.schema}}})


def open_report(page: Page, path: Path) -> dict[str, float]:
    """Seconds until the report is usable, and until the last transcript stands."""
    start = time.perf_counter()
    page.goto(path.as_uri(), wait_until="commit")
    page.get_by_role("searchbox").fill("0999")
    page.get_by_text("1 of 1,000 negotiations").wait_for()
    usable = time.perf_counter() - start
    page.get_by_role("link", name="0999").click()
    page.get_by_role("heading", name="0999").wait_for()
    opened = time.perf_counter() - start - usable
    page.close()
    return {"usable": usable, "transcript": opened}


if __name__ == "__main__":
    main()
