"""Many negotiations at once, and what they amount to.

A run's folder (`run_folder`) also holds, once all is played, `summary.json`. A run that was killed goes on where it
was, and ends with the summary of an unbroken one.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from negotiation_env import prompts
from negotiation_env.episode import Episode, latest_episodes, write_whole
from negotiation_env.errors import UserError
from negotiation_env.interfaces import Agent, Judge
from negotiation_env.protocol import Rules
from negotiation_env.run_folder import EPISODES, SUMMARY, open_run, play_into
from negotiation_env.runner import Game, derive_seed
from negotiation_env.scenario import Scenario
from negotiation_env.unscored import UnscoredLimit
from negotiation_env.usage import Usage, judge_usage, policy_usage

__all__ = [
    "GAMES_AT_A_TIME",
    "Estimate",
    "RunSettings",
    "Summary",
    "evaluate",
    "fingerprint",
    "mean_with_interval",
    "number_text",
    "pick",
    "refusal",
    "seat_agents",
    "share_with_interval",
    "summarise",
]

GAMES_AT_A_TIME: Final = 32
"""In lockstep, unless an evaluation is told otherwise."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval.

    Attributes:
        value: The mean or share; None where nothing was counted.
        low: Lower end.
        high: Upper end.
        n: How many were counted.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int

    def __str__(self) -> str:
        if self.value is None:
            return "–"
        return f"{number_text(self.value)} {self.certainty}"

    @property
    def certainty(self) -> str:
        """The interval in brackets; where there is none, how many were counted."""
        if self.low is None or self.high is None:
            return f"(n = {self.n})"
        return f"[{number_text(self.low)}, {number_text(self.high)}]"


def number_text(value: float) -> str:
    """Two decimals; below 0.01 two digits that say something, such as 0.0004."""
    exact = round(value, 9) + 0.0  # what is smaller is a zero of floating-point sums; no minus before it
    return f"{exact:.2f}" if exact == 0 or abs(exact) >= 0.01 else f"{exact:.2g}"


@dataclass(frozen=True, slots=True)
class Summary:
    """What a set of episodes amounts to.

    Attributes:
        episodes: How many were played.
        unscored: How many of them a judge or agent failed; they count nowhere else.
        agreement_rate: Share that agreed, with the Wilson interval; a single agent's answers do not count here.
        score: Collective Agency of the completions, 0 to 5, agreed or not, with a bootstrap interval.
        reward: The terminal reward, see `negotiation_env.rewards`, with a bootstrap interval.
        turns: Utterances a game, with a bootstrap interval.
        turns_to_agreement: Utterances a game, over those that agreed.
        refusals: Completions that the judge refused, by reason.
        events: Utterances and completions with something neutralised in them, by event.
        truncated: Share of utterances and completions that the token limit cut.
        judge: The judge that gave the scores.
        usage: What the model calls took, by role: "policy" and "judge".
        panel: How well a panel's members agree on scores; see `judge_check.figures.panel_figures`.
    """

    episodes: int
    unscored: int
    agreement_rate: Estimate
    score: Estimate
    reward: Estimate
    turns: Estimate
    turns_to_agreement: Estimate
    refusals: dict[str, int]
    events: dict[str, int]
    truncated: float
    judge: str
    usage: dict[str, Usage] = field(default_factory=dict)
    panel: dict[str, float | None] = field(default_factory=dict)

    def to_json(self) -> str:
        """The summary as indented JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Summary":
        """Read a summary.

        Raises:
            ValueError: The text is no summary.
        """
        from pydantic import TypeAdapter

        return TypeAdapter(cls).validate_json(text)


@dataclass(frozen=True, slots=True)
class RunSettings:
    """All that decides what a run plays; a run goes on only with the same.

    Attributes:
        agents: Their names.
        judge: The judge's name.
        scenarios: Each one's id and the beginning of its content's SHA-256, in order.
        seed: Seeds the replies.
        batch: Games in lockstep at a time; in-process models differ in the last bit between batches of other games.
        rules: How it is played.
        prompts: Version of the prompt templates.
    """

    agents: tuple[str, ...]
    judge: str
    scenarios: tuple[str, ...]
    seed: int
    batch: int
    rules: Rules
    prompts: str = prompts.VERSION


def evaluate(
    agents: Sequence[Agent],
    judge: Judge,
    scenarios: Sequence[Scenario],
    out: Path,
    *,
    seed: int = 0,
    batch: int = GAMES_AT_A_TIME,
    workers: int = 1,
    resume: bool = False,
    unscored_limit: float = 0.2,
    progress: Callable[[Episode], None] = lambda _: None,
    **rules: Any,
) -> Summary:
    """Play every scenario once and write the episodes and their summary.

    Args:
        agents: One for each seat; the last one also takes the seats beyond.
        judge: Decides and scores.
        scenarios: What to negotiate; ids must differ.
        out: The folder to write to; must hold no episodes yet, unless the run is resumed.
        seed: Seeds the replies; the same seed gives the same games.
        batch: Games in lockstep at a time.
        workers: More than 1 plays as many games at a time, each for itself, for remote models.
        resume: Go on with the folder's run: play what is missing or unscored, keep the rest.
        unscored_limit: The highest share of unscored episodes, 0 to 1; see `UnscoredLimit`.
        progress: Told of each episode, those that were kept first.
        **rules: The fields of `Rules`.

    Raises:
        UserError: The folder holds episodes already; to resume, it holds no run or one with other settings; two
            scenarios have one id, or there are none.
        JudgeError: Too many episodes are unscored. What was played is kept, a summary is not written.
    """
    games, limit = _games(agents, scenarios, seed), UnscoredLimit(unscored_limit)
    names = tuple(agent.name for agent in agents)
    contents = tuple(map(fingerprint, scenarios))
    settings = RunSettings(names, judge.name, contents, seed, batch, Rules(**rules))
    open_run(out, asdict(settings), resume=resume)
    path = out / EPISODES
    play_into(path, games, judge, batch=batch, workers=workers, limit=limit, progress=progress, **rules)
    limit.finish()
    return _write_summary(out, games)


def _games(agents: Sequence[Agent], scenarios: Sequence[Scenario], seed: int) -> list[Game]:
    twice = [id for id, times in Counter(scenario.id for scenario in scenarios).items() if times > 1]
    if twice or not scenarios:
        raise UserError(f"expected scenarios with ids that differ, got {f'{twice[0]!r} twice' if twice else 'none'}")
    return [
        Game(scenario.id, scenario, seat_agents(agents, scenario.seats), derive_seed(seed, scenario.id))
        for scenario in scenarios
    ]


def fingerprint(scenario: Scenario) -> str:
    """A scenario's id and the beginning of its content's SHA-256."""
    return f"{scenario.id} {hashlib.sha256(scenario.to_json().encode()).hexdigest()[:12]}"


def _write_summary(out: Path, games: Sequence[Game]) -> Summary:
    """Of the file's episodes, in the order of the games, whatever the order of arrival."""
    played = latest_episodes(out / EPISODES)
    summary = summarise(played[game.id] for game in games)
    write_whole(out / SUMMARY, summary.to_json())
    return summary


def pick(scenarios: Sequence[Scenario], count: int, seed: int) -> list[Scenario]:
    """A seeded sample of at most `count` scenarios, in their own order."""
    import random

    chosen = random.Random(seed).sample(range(len(scenarios)), min(count, len(scenarios)))
    return [scenarios[index] for index in sorted(chosen)]


def summarise(episodes: Iterable[Episode]) -> Summary:
    """The summary of some episodes."""
    played = list(episodes)
    scored = [episode for episode in played if episode.reward is not None]
    said = [each for episode in played for each in episode.said]
    negotiated = [episode for episode in scored if not episode.rules.single]
    agreed = [episode for episode in negotiated if episode.outcome.agreed]
    return Summary(
        episodes=len(played),
        unscored=len(played) - len(scored),
        agreement_rate=share_with_interval(len(agreed), len(negotiated)),
        score=mean_with_interval([e.outcome.score for e in scored if e.outcome.score is not None]),
        reward=mean_with_interval([e.reward for e in scored if e.reward is not None]),
        turns=mean_with_interval([float(e.outcome.turns) for e in scored]),
        turns_to_agreement=mean_with_interval([float(e.outcome.turns) for e in agreed]),
        refusals=dict(Counter(reason for episode in scored if (reason := refusal(episode)))),
        events=dict(Counter(event for each in said for event in each.events)),
        truncated=sum(each.truncated for each in said) / max(len(said), 1),
        judge=", ".join(sorted({episode.judge for episode in played})),
        usage={"policy": policy_usage(played), "judge": judge_usage(played)},
        panel=_panel(played),
    )


def _panel(episodes: Iterable[Episode]) -> dict[str, float | None]:
    from negotiation_env.judge_check.figures import panel_figures

    return panel_figures([each.verdict for episode in episodes for each in episode.rulings if each.kind == "score"])


def refusal(episode: Episode) -> str:
    """Why the judge refused to score the completion; empty where it did not refuse."""
    verdicts = (each.verdict for each in episode.rulings if each.kind == "score")
    return next((verdict.reason for verdict in verdicts if "refused" in verdict.details), "")


def share_with_interval(count: int, total: int) -> Estimate:
    """A share with its 95 % Wilson interval."""
    if not total:
        return Estimate(None, None, None, 0)
    from scipy.stats import binomtest

    interval = binomtest(count, total).proportion_ci(method="wilson")
    return Estimate(count / total, float(interval.low), float(interval.high), total)


def mean_with_interval(values: Sequence[float]) -> Estimate:
    """A mean with its 95 % percentile-bootstrap interval (2,000 draws, seeded); none below two differing values."""
    if not values:
        return Estimate(None, None, None, 0)
    mean = sum(values) / len(values)
    if len(set(values)) < 2:
        return Estimate(mean, None, None, len(values))
    import numpy as np
    from scipy.stats import bootstrap

    found = bootstrap((values,), np.mean, n_resamples=2000, method="percentile", rng=np.random.default_rng(0))
    low, high = found.confidence_interval
    return Estimate(mean, float(low), float(high), len(values))


def seat_agents(agents: Sequence[Agent], seats: int) -> tuple[Agent, ...]:
    """One agent for each seat; the last one given takes the seats beyond."""
    return tuple(agents[min(seat, len(agents) - 1)] for seat in range(seats))
