"""What many episodes amount to, counted in one pass: they need not be in memory together."""

import json
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sized
from dataclasses import asdict, dataclass, field, replace

from negotiation_env.endpoints.usage import RunningUsage, Usage, rulings_usage, total_usage
from negotiation_env.environment.episode import Episode
from negotiation_env.environment.turns import Refused, Said
from negotiation_env.files.durable import parse_value
from negotiation_env.game.echoes import ECHOES
from negotiation_env.game.events import Task, Verdict
from negotiation_env.statistics.intervals import BRACKETS, Estimate, mean_with_interval, share_with_interval
from negotiation_env.statistics.table import Cell, Table

__all__ = ["Summary", "judge_usage", "policy_usage", "refusal", "summarise", "summary_table"]

_FIGURES = {
    "agreement_rate": "agreement rate",
    "score": "Collective Agency, 0–5",
    "reward": "reward (0 without agreement)",
    "turns": "turns",
    "turns_to_agreement": "turns to agreement",
    "truncated": "turns cut short",
    "echoes": "turns that echo",
    "unscored": "unscored games",
}
_EVENTS = {"empty": "turns and answers that are empty", "too_long": "turns and answers cut at the longest message"}
_ONLY_WHERE_THERE = ("renamed", "thought", "broken", "guards_refused")


@dataclass(frozen=True, slots=True)
class Summary:
    """What a set of episodes amounts to.

    Attributes:
        episodes: How many were played.
        unscored: How many of them a judge or agent failed; they count nowhere else.
        agreement_rate: Share that agreed, with the Wilson interval; a single agent's answers do not count here.
        score: Collective Agency of the completions, 0 to 5, agreed or not, with a bootstrap interval.
        reward: The terminal reward, see `negotiation_env.game.rewards`, with a bootstrap interval.
        turns: Utterances a game, with a bootstrap interval.
        turns_to_agreement: Utterances a game, over those that agreed.
        refusals: Completions that the judge refused, by reason.
        events: Utterances and completions with something neutralised in them, or that only say again what was said, by
            event.
        truncated: Share of utterances and completions that were cut short, mostly by the token limit.
        judge: The judge that gave the scores.
        usage: What the model calls took, by role: "policy" and "judge".
        panel: How well a panel's members agree on scores; see `judge_check.figures.panel_figures`.
        renamed: By agent or judge, the names that its model gave itself, where there were more than one (of a panel:
            more than members): what answered changed within the run.
        thought: Share of the characters of utterances and completions that were only thought, see
            `negotiation_env.text.thoughts`.
        echoes: Share of utterances that only say again a last turn or the prompt (`negotiation_env.game.echoes`); None
            where there were none, or nobody counted.
        broken: How often guards' constraints were broken, by name, in words that were delivered or refused.
        guards_refused: Words that guards kept from being delivered.
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
    usage: dict[str, Usage]
    panel: dict[str, float | None]
    renamed: dict[str, list[str]] = field(default_factory=dict)
    thought: float = 0.0
    echoes: float | None = None
    broken: dict[str, int] = field(default_factory=dict)
    guards_refused: int = 0

    def to_json(self) -> str:
        """The summary as indented JSON; models that kept their names, no thoughts and no breaches are not mentioned."""
        told = {name: value for name, value in asdict(self).items() if name not in _ONLY_WHERE_THERE or value}
        return json.dumps(told, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Summary":
        """Read a summary.

        Raises:
            ValueError: The text is no summary.
        """
        from pydantic import TypeAdapter

        return parse_value(text, TypeAdapter(cls))


def summarise(episodes: Iterable[Episode]) -> Summary:
    """The summary of some episodes; their order does not matter."""
    tally = _Tally()
    for episode in episodes:
        tally.count(episode)
    return tally.summary()


class _Tally:
    """What is kept of each episode: a few numbers."""

    def __init__(self) -> None:
        self._episodes = self._scored = self._negotiated = self._said = self._truncated = 0
        self._thought = self._characters = self._guards_refused = 0
        self._uttered = self._echoes = 0
        self._score, self._reward, self._turns, self._turns_to_agreement = (array("d") for _ in range(4))
        self._refusals: Counter[str] = Counter()
        self._events: Counter[str] = Counter()
        self._broken: Counter[str] = Counter()
        self._judges: set[str] = set()
        self._policy, self._judge = RunningUsage(), RunningUsage()
        self._panels: list[Verdict] = []
        self._models: defaultdict[str, set[str]] = defaultdict(set)
        self._members: defaultdict[str, int] = defaultdict(lambda: 1)

    def count(self, episode: Episode) -> None:
        self._episodes += 1
        self._judges.add(episode.judge)
        for said in episode.turns:
            self._count_said(said)
        self._policy.add(turn.usage for turn in episode.asked if turn.usage)
        for turn in episode.asked:
            self._count_model(episode.agents[turn.seat], turn.model)
        self._broken.update(each.constraint for each in episode.broken())
        self._guards_refused += sum(isinstance(each, Refused) for each in episode.asked)
        for ruling in episode.rulings:
            self._count_judge(ruling.verdict)
        self._judge.add(call.usage for ruling in episode.rulings for call in ruling.verdict.calls)
        self._panels += [
            replace(each.verdict, calls=())
            for each in episode.rulings
            if each.kind == "score" and "members" in each.verdict.details
        ]
        if episode.reward is not None:
            self._count_scored(episode, episode.reward)

    def _count_said(self, said: Said) -> None:
        self._said += 1
        if said.task is Task.UTTERANCE:
            self._uttered += 1
            self._echoes += not set(ECHOES).isdisjoint(said.events)
        self._truncated += said.truncated
        self._thought += len(said.thought)
        self._characters += len(said.thought) + len(said.text)
        self._events.update(said.events)

    def _count_judge(self, verdict: Verdict) -> None:
        for call in verdict.calls:
            self._count_model(verdict.judge, call.model)
        if isinstance(members := verdict.details.get("members"), Sized):
            self._members[verdict.judge] = max(len(members), 1)

    def _count_model(self, who: str, model: str) -> None:
        """A fingerprint of the endpoint's settings, which may follow the name, changes from call to call."""
        if model:
            self._models[who].add(model.partition(" ")[0])

    def _count_scored(self, episode: Episode, reward: float) -> None:
        outcome = episode.outcome
        self._scored += 1
        self._reward.append(reward)
        self._turns.append(outcome.turns)
        if outcome.score is not None:
            self._score.append(outcome.score)
        if reason := refusal(episode):
            self._refusals[reason] += 1
        if not episode.rules.single:
            self._negotiated += 1
            if outcome.agreed:
                self._turns_to_agreement.append(outcome.turns)

    def summary(self) -> Summary:
        from negotiation_env.judges.check.figures import panel_figures

        return Summary(
            episodes=self._episodes,
            unscored=self._episodes - self._scored,
            agreement_rate=share_with_interval(len(self._turns_to_agreement), self._negotiated),
            score=mean_with_interval(self._score),
            reward=mean_with_interval(self._reward),
            turns=mean_with_interval(self._turns),
            turns_to_agreement=mean_with_interval(self._turns_to_agreement),
            refusals=dict(sorted(self._refusals.items())),
            events=dict(sorted(self._events.items())),
            truncated=self._truncated / max(self._said, 1),
            judge=", ".join(sorted(self._judges)),
            usage={"policy": self._policy.total(), "judge": self._judge.total()},
            panel=panel_figures(self._panels),
            renamed={who: sorted(told) for who, told in self._models.items() if len(told) > self._members[who]},
            thought=self._thought / max(self._characters, 1),
            echoes=self._echoes / self._uttered if self._uttered else None,
            broken=dict(sorted(self._broken.items())),
            guards_refused=self._guards_refused,
        )


def refusal(episode: Episode) -> str:
    """Why the judge refused to score the completion; empty where it did not refuse."""
    verdicts = (each.verdict for each in episode.rulings if each.kind == "score")
    return next((verdict.reason for verdict in verdicts if "refused" in verdict.details), "")


def policy_usage(episodes: Iterable[Episode]) -> Usage:
    """What the agents' turns and completions took, failed ones included."""
    return total_usage(turn.usage for episode in episodes for turn in episode.asked if turn.usage)


def judge_usage(episodes: Iterable[Episode]) -> Usage:
    """What the judge's verdicts took, failed calls included."""
    return rulings_usage(ruling for episode in episodes for ruling in episode.rulings)


def summary_table(summaries: Mapping[str, Summary], title: str = "") -> Table:
    """Evaluations side by side, with 95 % intervals, the number of games and the judge's name; tokens where counted."""
    found, first = summaries.values(), next(iter(summaries.values()))
    rows: list[tuple[Cell, ...]] = []
    rows += [(label, *(getattr(each, name) for each in found)) for name, label in _FIGURES.items()]
    for event, label in _EVENTS.items():
        if any(event in each.events for each in found):
            rows.append((label, *(each.events.get(event, 0) for each in found)))
    if any(each.thought for each in found):
        rows.append(("private thoughts, of all characters", *(each.thought for each in found)))
    for constraint in sorted({name for each in found for name in each.broken}):
        rows.append((f"guards: {constraint}", *(each.broken.get(constraint, 0) for each in found)))
    if any(each.guards_refused for each in found):
        rows.append(("guards: words not delivered", *(each.guards_refused for each in found)))
    for role in ("policy", "judge"):
        used = [each.usage.get(role) for each in found]
        if any(usage and usage.tokens for usage in used):
            rows.append((f"{role} tokens, in + out", *(str(usage) if usage else None for usage in used)))
    for who in dict.fromkeys(who for each in found for who in each.renamed):
        told = (", ".join(each.renamed.get(who, ())) or None for each in found)
        rows.append((f"names of the model of {who}", *told))
    rows += [(name, *(each.panel.get(name) for each in found)) for name in first.panel]
    return Table(f"{title}n = {first.episodes}, judge: {first.judge}", ("", *summaries), tuple(rows), BRACKETS)
