"""The values that go in and out of a negotiation. All are frozen; none knows a model or a clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from negotiation_env.game.scenario import Scenario

__all__ = [
    "JudgeCall",
    "Message",
    "Outcome",
    "Question",
    "QuestionKind",
    "Ruling",
    "Status",
    "Task",
    "Turn",
    "Utterance",
    "Verdict",
]

Message = dict[str, str]
"""One chat message: `{"role": "system" | "user" | "assistant", "content": text}`."""


class Task(StrEnum):
    """What a turn asks of its speaker."""

    UTTERANCE = "utterance"
    COMPLETION = "completion"


class QuestionKind(StrEnum):
    """What a judge is asked."""

    AGREEMENT = "agreement"
    SCORE = "score"
    TURN = "turn"
    """What guards ask about a turn before it is delivered."""


class Status(StrEnum):
    """How a negotiation ended; answered: by a single agent, which has nobody to agree with."""

    AGREED = "agreed"
    NO_AGREEMENT = "no_agreement"
    ANSWERED = "answered"
    UNSCORED = "unscored"


@dataclass(frozen=True, slots=True)
class Utterance:
    """What one party said in one turn; what it thought is no part of it, see `negotiation_env.text.thoughts`.

    Attributes:
        seat: The speaker's index.
        text: The neutralised text that all others see.
        events: What was wrong with the raw text, such as "role_token"; see `negotiation_env.text.untrusted`. Of a turn
            that is nothing but thought also "only_thought".
        raw: The words as they came, where they differ from `text`; their first `max_characters` + 65,536 characters.
    """

    seat: int
    text: str
    events: tuple[str, ...] = ()
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """The protocol waits for one party to speak.

    Attributes:
        seat: Whose turn it is.
        task: An utterance of the dialogue, or the joint answer.
        number: The turn's number, counted from 1 over all parties.
        messages: The chat that this party sees, ready for a chat template.
    """

    seat: int
    task: Task
    number: int
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """The protocol waits for a judge.

    Attributes:
        kind: Whether the parties agree, how good the completion is, or something about a turn.
        scenario: The dilemma and personas.
        dialogue: What was said so far; empty for a score unless the judge may see it. Of a turn it is the last.
        completion: The joint answer; empty but for a score.
        asked: Of a turn: the question, to which the answer is yes or no.
    """

    kind: QuestionKind
    scenario: Scenario
    dialogue: tuple[Utterance, ...] = ()
    completion: str = ""
    asked: str = ""


@dataclass(frozen=True, slots=True)
class JudgeCall:
    """One call of a language model behind a verdict.

    Attributes:
        messages: The prompt as it was sent.
        reply: The raw reply with its thoughts; before it, in <think> marks, those that the endpoint told apart.
        error: Why the reply could not be used, or why there was none; None where it counts.
        model: The model as the endpoint named it.
        usage: Token counts, latency in seconds and cost, where known; JSON-ready.
        cached: The reply came out of the cache.
    """

    messages: tuple[Message, ...]
    reply: str = ""
    error: str | None = None
    model: str = ""
    usage: Mapping[str, Any] = field(default_factory=dict)
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judge's answer to one question.

    Attributes:
        value: Agreement, turn: 1.0 or 0.0. Score: 0.0 to 5.0. None: unscored, the judge failed to say.
        judge: The id of the judge that said so.
        reason: Why: a short code or sentence; for an unscored verdict, what failed.
        details: What the judge measured on its way, JSON-ready.
        calls: Every model call behind it, failed ones included.
    """

    value: float | None
    judge: str
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    calls: tuple[JudgeCall, ...] = ()

    def __post_init__(self) -> None:
        if self.value is not None and not 0.0 <= self.value <= 5.0:
            raise ValueError(f"verdict: expected a value from 0 to 5, or None for unscored; got {self.value!r}")


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict and the place in the game where it fell.

    Attributes:
        kind: What was asked.
        turn: Number of utterances at that moment.
        verdict: The answer.
    """

    kind: QuestionKind
    turn: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a negotiation ended.

    Attributes:
        status: Agreed, no agreement, answered by a single agent, or unscored.
        turns: Number of utterances in the dialogue.
        agreed: Whether the parties agreed; an agreed negotiation can still end unscored.
        completion: The joint answer, where one was written.
        score: The completion's Collective Agency score, 0 to 5; None where nothing was scored.
        reason: Where unscored, what failed; where guards ended it, which constraints were broken.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {}  # `Episode` renames its own turns in files

    status: Status
    turns: int
    agreed: bool = False
    completion: str | None = None
    score: float | None = None
    reason: str = ""
