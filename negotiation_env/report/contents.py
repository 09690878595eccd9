"""What goes into the file about each episode, as plain values.

A `ListedEpisode` is what list, search and transcript need; it is there from the start. A `Detail` is the heavy rest,
packed, and unpacked when its episode is opened.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from negotiation_env.endpoints.usage import Usage
from negotiation_env.environment.episode import Episode
from negotiation_env.environment.turns import Refused, Said
from negotiation_env.episodes.summary import judge_usage, policy_usage
from negotiation_env.game.events import Message, Ruling, Status, Task
from negotiation_env.game.scenario import Scenario
from negotiation_env.game.turn_grammar import ParsedTurn, parse_dialogue
from negotiation_env.interfaces import TokenTrace
from negotiation_env.report.folder import Part, Run
from negotiation_env.report.probes_and_challenges import ShownProbesAndChallenges, show_probes_and_challenges
from negotiation_env.report.shown_prompts import shown_prompts
from negotiation_env.report.verdicts import ShownVerdict, as_text, show_verdict

__all__ = ["Contents", "Detail", "ListedEpisode", "ShownTurn", "TurnDetail", "contents", "shown_turns", "trained_tasks"]

_BETWEEN: Final = " / "
"""In the id of a benchmark's game, between the parts that are tags too."""
_TASKS: Final = {"dialogue": Task.UTTERANCE, "words": Task.UTTERANCE, "completion": Task.COMPLETION}


@dataclass(frozen=True, slots=True)
class ShownTurn:
    """A turn, or the joint answer, in the transcript.

    Attributes:
        seat: Who spoke.
        task: An utterance, or the completion.
        text: What all others saw.
        events: What was neutralised in it, and what it only says again.
        truncated: It was cut short.
        tag: "propose" or "accept" where it has a tag that counts; "stray" where it has tags that do not.
    """

    seat: int
    task: Task
    text: str
    events: tuple[str, ...]
    truncated: bool
    tag: str


@dataclass(frozen=True, slots=True)
class ListedEpisode:
    """An episode in the list.

    Attributes:
        id: Unique in the report.
        short: Its last part; what stands before it is in the tags.
        scenario: Its place among the report's scenarios.
        agents: The agent in each seat.
        judge: Who scored.
        status: How it ended.
        turns: Utterances.
        score: Collective Agency, 0 to 5; None where nothing was scored.
        reward: None is unscored.
        reason: Why it is unscored, else "".
        tags: What the run says of it, as text.
        learners: The seats that are trained.
        advantage: What its tokens were weighted with, where known.
        said: The transcript.
    """

    id: str
    short: str
    scenario: int
    agents: tuple[str, ...]
    judge: str
    status: Status
    turns: int
    score: float | None
    reward: float | None
    reason: str
    tags: dict[str, str]
    learners: tuple[int, ...]
    advantage: float | None
    said: tuple[ShownTurn, ...]


@dataclass(frozen=True, slots=True)
class ShownTry:
    """Words that guards kept from being delivered.

    Attributes:
        text: The words.
        broken: The constraints that they break, each with what was done, in words.
        told: What the speaker was told.
        thought: What the speaker only thought.
    """

    text: str
    broken: tuple[str, ...]
    told: str
    thought: str


@dataclass(frozen=True, slots=True)
class TurnDetail:
    """What is shown of a turn: beside it what guards found, the rest on demand.

    Attributes:
        raw: The words as they came, where they differ.
        thought: What the speaker only thought.
        usage: Token counts, seconds and cost, as the engine reported them.
        tokens: Ids and log-probabilities, where the policy gave them.
        trained: Its sampled tokens carry the gradient.
        broken: The constraints that the delivered words break, each with what was done, in words.
        refused: What was tried before and not delivered.
        prompt: What the speaker was told, as far as the record tells.
    """

    raw: str | None
    thought: str
    usage: dict[str, str]
    tokens: TokenTrace | None
    trained: bool
    broken: tuple[str, ...]
    refused: tuple[ShownTry, ...]
    prompt: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Detail:
    """What is shown of an episode once it is open.

    Attributes:
        seed: Seeded the replies.
        writer: The seat that writes the joint answer.
        rules: How it was played, with the prompt sets and guards on record.
        said: One for each turn of the transcript.
        rulings: Every verdict.
        usage: What the model calls took, by role.
        afterwards: What a benchmark asked about it.
    """

    seed: str
    writer: int
    rules: dict[str, str]
    said: tuple[TurnDetail, ...]
    rulings: tuple[ShownVerdict, ...]
    usage: dict[str, str]
    afterwards: ShownProbesAndChallenges


@dataclass(frozen=True, slots=True)
class Contents:
    """All episodes of a report.

    Attributes:
        scenarios: Each one once.
        rows: One for each episode.
        details: One for each row.
    """

    scenarios: tuple[Scenario, ...]
    rows: tuple[ListedEpisode, ...]
    details: tuple[Detail, ...]


def contents(run: Run) -> Contents:
    """What the report holds of a run's episodes, those of its parts one after the other."""
    scenarios: dict[Scenario, int] = {}
    rows, details, trained = [], [], trained_tasks(run.config)
    later = show_probes_and_challenges(run.probes_and_challenges, {each.id: each for each in run.episodes})
    for part in run.parts:
        for episode in part.episodes:
            number = scenarios.setdefault(episode.scenario, len(scenarios))
            rows.append(_row(part, episode, number))
            details.append(_detail(episode, trained, later.get(episode.id, ShownProbesAndChallenges())))
    return Contents(tuple(scenarios), tuple(rows), tuple(details))


def trained_tasks(config: Mapping[str, Any]) -> frozenset[Task]:
    """What the learner says that carries the gradient, by a training run's settings."""
    if config.get("method") == "single-agent":
        return frozenset({Task.COMPLETION})
    told = str(config.get("trained_tokens", "dialogue")).split("+")
    return frozenset(_TASKS[name] for name in told if name in _TASKS)


def _row(part: Part, episode: Episode, scenario: int) -> ListedEpisode:
    outcome = episode.outcome
    return ListedEpisode(
        part.key(episode),
        episode.id.rpartition(_BETWEEN)[2],
        scenario,
        episode.agents,
        episode.judge,
        outcome.status,
        outcome.turns,
        outcome.score,
        episode.reward,
        outcome.reason,
        _tags(part, episode),
        episode.learner_seats,
        weight if isinstance(weight := episode.tags.get("advantage"), float) else None,
        shown_turns(episode),
    )


def shown_turns(episode: Episode) -> tuple[ShownTurn, ...]:
    """The transcript as everybody at the table saw it: no thoughts, and nothing that was not delivered."""
    return tuple(map(_turn, episode.turns, [*map(_tag, parse_dialogue(episode.dialogue)), ""]))


def _tags(part: Part, episode: Episode) -> dict[str, str]:
    """The run's own, and of which part of it the episode is."""
    played = {"part": part.name} if part.name else {}
    return played | {name: as_text(value) for name, value in episode.tags.items() if name != "advantage"}


def _turn(said: Said, tag: str) -> ShownTurn:
    return ShownTurn(said.seat, said.task, said.text, said.events, said.truncated, tag)


def _tag(turn: ParsedTurn) -> str:
    if not turn.grammatical:
        return "stray"
    return "accept" if turn.accepts else "propose" if turn.proposal is not None else ""


def _detail(episode: Episode, trained: frozenset[Task], later: ShownProbesAndChallenges) -> Detail:
    names = episode.scenario.names
    learners = episode.learner_seats
    return Detail(
        str(episode.seed),  # as a number of JavaScript it would lose its last digits
        episode.rules.writer,
        _rules(episode),
        tuple(
            _turn_detail(said, said.seat in learners and said.task in trained, prompt)
            for said, prompt in zip(episode.turns, shown_prompts(episode), strict=True)
        ),
        tuple(_verdict(ruling, names) for ruling in episode.rulings),
        _usage({"policy": policy_usage([episode]), "judge": judge_usage([episode])}),
        later,
    )


def _rules(episode: Episode) -> dict[str, str]:
    named = {"prompts": episode.prompts, "guards": episode.guards}
    rules = asdict(episode.rules) | {name: value for name, value in named.items() if value}
    return {name: as_text(value) for name, value in rules.items()}


def _turn_detail(said: Said, trained: bool, prompt: tuple[Message, ...]) -> TurnDetail:
    usage = {name: as_text(value) for name, value in said.usage.items()}
    refused = tuple(ShownTry(each.text, _broken(each), each.told, each.thought) for each in said.refused)
    counts = trained and not said.replaced
    return TurnDetail(said.raw, said.thought, usage, said.tokens, counts, _broken(said), refused, prompt)


def _broken(said: Said | Refused) -> tuple[str, ...]:
    return tuple(f"{each.constraint} ({each.intervention})".replace("_", " ") for each in said.violations)


def _verdict(ruling: Ruling, names: tuple[str, ...]) -> ShownVerdict:
    return show_verdict(ruling.kind, ruling.turn, ruling.verdict, names)


def _usage(used: Mapping[str, Usage]) -> dict[str, str]:
    return {role: f"{usage} tokens in {usage.calls} calls" for role, usage in used.items() if usage.calls}
