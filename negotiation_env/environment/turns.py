"""The turns of a record: what was said, what guards refused, and what an agent failed to say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from negotiation_env.environment.guarding import Enforcement, Guarded, Try
from negotiation_env.game.events import Task, Utterance
from negotiation_env.game.protocol import Negotiation
from negotiation_env.guards.files import Intervention
from negotiation_env.guards.watch import Violation
from negotiation_env.interfaces import Reply, TokenTrace
from negotiation_env.text.thoughts import joined
from negotiation_env.text.untrusted import SLACK, writable_text

__all__ = ["FailedTurn", "Refused", "Said", "turns_of"]


@dataclass(frozen=True, slots=True)
class Refused:
    """Words that guards kept from being delivered; nobody but the speaker saw them.

    Attributes:
        seat: Who spoke.
        text: The neutralised text.
        violations: The constraints that it breaks.
        told: What the speaker was told.
        events: What was wrong with the raw text.
        raw: The raw text, where it differs.
        truncated: It was cut short.
        tokens: The exact tokens, where the policy gave them.
        usage: Token counts and latency in seconds, where the policy gave them.
        model: The model as the endpoint named it.
        thought: What the speaker only thought.
    """

    seat: int
    text: str
    violations: tuple[Violation, ...]
    told: str
    events: tuple[str, ...] = ()
    raw: str | None = None
    truncated: bool = False
    tokens: TokenTrace | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""
    thought: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """One turn as it was played.

    Attributes:
        seat: Who spoke.
        task: An utterance, or the completion.
        text: The neutralised text.
        events: What was wrong with the raw text, and what it only says again (`negotiation_env.game.echoes`).
        raw: The raw words, where they differ.
        truncated: It was cut short: by the token limit, or by what `usage["ended"]` names.
        tokens: The exact tokens, where the policy gave them.
        usage: Token counts and latency in seconds, where the policy gave them.
        model: The model as the endpoint named it; not in a line where it is empty.
        thought: What the speaker only thought, which nobody else was shown; not in a line where it is empty.
        violations: The constraints of guards that the delivered words break; not in a line where there are none.
        refused: What was tried before and refused, in order; not in a line where nothing was. Where the last of it was
            replaced, the turn's own text is nobody's, and it has no tokens.
    """

    seat: int
    task: Task
    text: str
    events: tuple[str, ...] = ()
    raw: str | None = None
    truncated: bool = False
    tokens: TokenTrace | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""
    thought: str = ""
    violations: tuple[Violation, ...] = ()
    refused: tuple[Refused, ...] = ()

    @property
    def replaced(self) -> bool:
        """Whether guards put silence in the place of the last words that were tried."""
        return any(
            each.intervention == Intervention.REPLACE for tried in self.refused[-1:] for each in tried.violations
        )


@dataclass(frozen=True, slots=True)
class FailedTurn:
    """A turn whose agent failed, which ended the game unscored.

    Attributes:
        seat: Whose turn it was.
        task: An utterance, or the completion.
        error: What failed.
        usage: What the calls took all the same: they were answered, and are paid for.
        model: The model as the endpoint named it.
        refused: What was tried before and refused; not in a line where nothing was.
    """

    seat: int
    task: Task
    error: str
    usage: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""
    refused: tuple[Refused, ...] = ()


def turns_of(
    game: Negotiation,
    failed: FailedTurn | None,
    replies: Sequence[Reply] | None,
    enforced: Enforcement | None = None,
) -> tuple[tuple[Said, ...], FailedTurn | None]:
    """The turns of a game so far, and the one that an agent failed.

    Args:
        game: Over, or under way.
        failed: What is known of a failed turn without its reply.
        replies: What the agents gave, one for each turn in order, refused words before it, the failed one last; None
            where nobody kept them.
        enforced: The game's guards. What was refused in a turn that is still pending is on record once that is over.

    Raises:
        ValueError: There are not as many replies as turns and refused words.
    """
    turns = [*game.dialogue, *([game.completion] if game.completion else [])]
    count = len(turns) + (failed is not None) + (enforced.asked_again if enforced else 0)
    given = [Reply("")] * count if replies is None else replies
    if len(given) != count:
        raise ValueError(f"expected {count} replies, one for each turn that was taken; got {len(given)}")
    echoed = [*game.echoes, ()]  # a completion is none
    left, guarded = iter(given), [*(enforced.turns if enforced else ()), *[None] * len(turns)]
    said = tuple(_said(game, *each, left) for each in zip(turns, game.thoughts, echoed, guarded, strict=False))
    tries = enforced.refused if enforced and failed else ()
    return said, failed and _failed(failed, [_refused(game, each, next(left)) for each in tries], next(left))


def _said(
    game: Negotiation,
    each: Utterance,
    thought: str,
    echoed: tuple[str, ...],
    guarded: Guarded | None,
    replies: Iterator[Reply],
) -> Said:
    """A turn with its replies; what guards replaced has none of its own."""
    refused = tuple(_refused(game, tried, next(replies)) for tried in guarded.refused) if guarded else ()
    reply = Reply("") if guarded and guarded.replaced else next(replies)
    task = Task.COMPLETION if each is game.completion else Task.UTTERANCE
    told = (reply.truncated, reply.tokens, reply.usage, reply.model, _thoughts(game, reply, thought))
    broken = guarded.violations if guarded else ()
    echoed = () if guarded and guarded.replaced else echoed  # silence is nobody's words
    return Said(each.seat, task, each.text, (*each.events, *echoed), each.raw, *told, broken, refused)


def _thoughts(game: Negotiation, reply: Reply, thought: str) -> str:
    return writable_text(joined(reply.thought, thought)[: game.rules.max_characters + SLACK])


def _refused(game: Negotiation, tried: Try, reply: Reply) -> Refused:
    said, thought = tried.utterance, _thoughts(game, reply, tried.thought)
    told = (reply.truncated, reply.tokens, reply.usage, reply.model, thought)
    return Refused(said.seat, said.text, tried.violations, tried.told, said.events, said.raw, *told)


def _failed(turn: FailedTurn, refused: Sequence[Refused], reply: Reply) -> FailedTurn:
    error = reply.error or turn.error
    return replace(turn, error=error, usage=reply.usage, model=reply.model, refused=tuple(refused))
