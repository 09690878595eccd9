"""Many negotiations at once, and what they amount to: `episodes.jsonl` and `summary.json` in a folder."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from negotiation_env.episode import Episode, append_episode
from negotiation_env.errors import UserError
from negotiation_env.interfaces import Agent, Judge
from negotiation_env.runner import Game, derive_seed, play_many
from negotiation_env.scenario import Scenario

__all__ = [
    "EPISODES",
    "SUMMARY",
    "Estimate",
    "Summary",
    "evaluate",
    "mean_with_interval",
    "pick",
    "refusal",
    "seat_agents",
    "share_with_interval",
    "summarise",
]

EPISODES = "episodes.jsonl"
SUMMARY = "summary.json"


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
        interval = "" if self.low is None else f" [{self.low:.2f}, {self.high:.2f}]"
        return f"{self.value:.2f}{interval}"


@dataclass(frozen=True, slots=True)
class Summary:
    """What a set of episodes amounts to.

    Attributes:
        episodes: How many were played.
        unscored: How many of them a judge or agent failed; they count nowhere else.
        agreement_rate: Share that agreed, with the Wilson interval.
        score: Collective Agency of the completions, 0 to 5, agreed or not, with a bootstrap interval.
        reward: The terminal reward, 0 without agreement, with a bootstrap interval.
        turns: Utterances a game, with a bootstrap interval.
        turns_to_agreement: Utterances a game, over those that agreed.
        refusals: Completions that the judge refused, by reason.
        events: Utterances and completions with something neutralised in them, by event.
        truncated: Share of utterances and completions that the token limit cut.
        judge: The judge that gave the scores.
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


def evaluate(
    agents: Sequence[Agent],
    judge: Judge,
    scenarios: Sequence[Scenario],
    out: Path,
    *,
    seed: int = 0,
    batch: int = 32,
    workers: int = 1,
    progress: Callable[[Episode], None] = lambda _: None,
    **rules: Any,
) -> Summary:
    """Play every scenario once and write the episodes and their summary.

    Args:
        agents: One for each seat; the last one also takes the seats beyond.
        judge: Decides and scores.
        scenarios: What to negotiate.
        out: The folder to write to; must hold no episodes yet.
        seed: Seeds the replies; the same seed gives the same games.
        batch: Games in lockstep at a time.
        workers: More than 1 plays as many games at a time, each for itself, for remote models.
        progress: Told of each episode.
        **rules: The fields of `Rules`.

    Raises:
        UserError: The folder holds episodes already.
    """
    if (out / EPISODES).exists():
        raise UserError(f"{out} holds episodes already; give another --out, or remove that folder")
    out.mkdir(parents=True, exist_ok=True)
    games = [
        Game(scenario.id, scenario, seat_agents(agents, len(scenario.personas)), derive_seed(seed, scenario.id))
        for scenario in scenarios
    ]
    episodes = []
    for start in range(0, len(games), batch):
        for episode in play_many(games[start : start + batch], judge, workers=workers, **rules):
            append_episode(out / EPISODES, episode)
            episodes.append(episode)
            progress(episode)
    summary = summarise(episodes)
    (out / SUMMARY).write_text(summary.to_json(), encoding="utf-8")
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
    agreed = [episode for episode in scored if episode.outcome.agreed]
    return Summary(
        episodes=len(played),
        unscored=len(played) - len(scored),
        agreement_rate=share_with_interval(len(agreed), len(scored)),
        score=mean_with_interval([e.outcome.score for e in scored if e.outcome.score is not None]),
        reward=mean_with_interval([e.reward for e in scored if e.reward is not None]),
        turns=mean_with_interval([float(e.outcome.turns) for e in scored]),
        turns_to_agreement=mean_with_interval([float(e.outcome.turns) for e in agreed]),
        refusals=dict(Counter(reason for episode in scored if (reason := refusal(episode)))),
        events=dict(Counter(event for each in said for event in each.events)),
        truncated=sum(each.truncated for each in said) / max(len(said), 1),
        judge=", ".join(sorted({episode.judge for episode in played})),
    )


def refusal(episode: Episode) -> str:
    """Why the judge refused to score the completion; empty where it did not refuse."""
    return next((each.verdict.reason for each in episode.rulings if each.kind == "score"), "")


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


def seat_agents(agents: Sequence[Agent], parties: int) -> tuple[Agent, ...]:
    """One agent for each party; the last one given takes the seats beyond."""
    return tuple(agents[min(seat, len(agents) - 1)] for seat in range(parties))
