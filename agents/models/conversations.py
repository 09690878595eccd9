"""The conversations that an engine keeps: lists of token ids that only grow.

What was sampled stays as it was sampled; `ChatTokens` tells the ids in between.

A model that thinks has a budget for its thought. Where that is spent the closing mark is fed to it: it is no token that
the model drew, and has no log-probability. The words are sampled behind it.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from negotiation_env.agents.models.chat_tokens import ChatTokens, Marks
from negotiation_env.game.events import Message
from negotiation_env.interfaces import ChatRequest, Reply, TokenTrace

__all__ = ["Conversation", "Conversations", "Draft"]

_KEPT = 4096


@dataclass(slots=True)
class Conversation:
    """One side of a game: its name, exact ids, and the messages that they cover, less the last reply."""

    name: str = ""
    ids: list[int] = field(default_factory=list)
    messages: tuple[Message, ...] = ()


@dataclass(slots=True)
class Draft:
    """One reply in the making.

    Attributes:
        conversation: Its ids end with the context and what has been sampled since.
        request: What is asked.
        context: The ids since the conversation's last reply.
        fresh: The conversation was rendered anew.
        ends: The ids that end the reply.
        marks: The ids around its thought; None where the model is not asked to think.
        max_thought: Most ids of the thought, marks included; they come on top of the request's limit.
        sampled: The ids of the reply so far.
        logprobs: Their log-probabilities.
        forced: The places in `sampled` of ids that were fed to the model instead.
        thought: How many ids of the reply are its first thought, the only one that has a budget.
        thinking: It is not closed yet.
    """

    conversation: Conversation
    request: ChatRequest
    context: list[int]
    fresh: bool
    ends: frozenset[int]
    marks: Marks | None = None
    max_thought: int = 0
    sampled: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    forced: list[int] = field(default_factory=list)
    thought: int = 0
    thinking: bool = False

    def __post_init__(self) -> None:
        self.thinking = self.marks is not None and self.marks.cued

    @property
    def room(self) -> int:
        """How many ids may still be drawn: of the thought while there is one, of words else."""
        if self.thinking:
            return self.max_thought - 1 - self.thought  # one is kept for the closing mark
        return self.request.sampling.max_tokens - (len(self.sampled) - self.thought)

    @property
    def open(self) -> bool:
        """Whether the reply goes on."""
        return self.room > 0 and self.ends.isdisjoint(self.sampled[-1:])

    @property
    def another_call(self) -> bool:
        """Whether an engine that samples up to one of `stops` has to be asked again: behind its thought, or into it."""
        return self.marks is not None and self.open

    @property
    def stops(self) -> list[int]:
        """The ids at which it ends, or another budget begins."""
        if self.marks is None or (self.thought and not self.thinking):
            return sorted(self.ends)
        return [*sorted(self.ends), self.marks.closes if self.thinking else self.marks.opens]

    def take(self, ids: Sequence[int], logprobs: Sequence[float]) -> None:
        """Append sampled ids; at temperature 0 they were certain, whatever an engine reports."""
        self._append(ids, logprobs if self.request.sampling.temperature else [0.0] * len(ids))
        if self.marks and self.thinking and self.room <= 0 and self.sampled[-1] not in self.ends:
            self.forced.append(len(self.sampled))
            self._append([self.marks.closes], [0.0])

    def _append(self, ids: Sequence[int], logprobs: Sequence[float]) -> None:
        self.sampled += ids
        self.logprobs += logprobs
        self.conversation.ids += ids
        for token in ids if self.marks else ():
            self._note(token)

    def _note(self, token: int) -> None:
        assert self.marks
        self.thinking = self.thinking or (token == self.marks.opens and not self.thought)
        self.thought += self.thinking
        self.thinking = self.thinking and token != self.marks.closes


class Conversations:
    """The conversations of one model by name; of very many the oldest are forgotten.

    Args:
        tokens: The model's.
        max_thought_tokens: Most ids of a reply's thought; of a model that is not asked to think it has no meaning.
    """

    def __init__(self, tokens: ChatTokens, max_thought_tokens: int = 0) -> None:
        self._tokens = tokens
        self._max_thought = max_thought_tokens
        self._known: OrderedDict[str, Conversation] = OrderedDict()

    def draft(self, request: ChatRequest) -> Draft:
        """Begin a reply.

        A named conversation goes on from its own sampled ids, whatever the text of its assistant messages; one whose
        other messages changed is rendered anew, and so is each where answered thoughts leave the prompt.
        """
        tokens, conversation = self._tokens, self._known.get(request.conversation)
        if conversation is None or tokens.anew or not _goes_on(conversation.messages, request.messages):
            conversation, fresh = Conversation(request.conversation), True
            context = tokens.prompt(request.messages)
            self._remember(request.conversation, conversation)
        else:
            fresh = False
            news = request.messages[len(conversation.messages) + 1 :]
            closed = conversation.ids[-1] == tokens.end
            context = ([] if closed else [tokens.end]) + tokens.follow_up(news)
        conversation.ids += context
        conversation.messages = request.messages
        marks = tokens.marks if tokens.thinking else None
        return Draft(conversation, request, context, fresh, tokens.ends, marks, self._max_thought)

    def reply(self, draft: Draft) -> Reply:
        """What a draft amounts to."""
        truncated = draft.sampled[-1] not in self._tokens.ends
        ids = tuple(draft.sampled)
        trace = TokenTrace(tuple(draft.context), ids, tuple(draft.logprobs), draft.fresh, tuple(draft.forced))
        usage = {"prompt_tokens": len(draft.conversation.ids) - len(ids), "completion_tokens": len(ids)}
        return Reply(self._tokens.text(draft.sampled), truncated=truncated, tokens=trace, usage=usage)

    def knows(self, conversation: Conversation) -> bool:
        """Whether it may go on; one that was rendered anew has been replaced."""
        return self._known.get(conversation.name) is conversation

    def drop(self, draft: Draft) -> None:
        """Forget the conversation of a draft that came to nothing."""
        self._known.pop(draft.request.conversation, None)

    def forget(self) -> None:
        """Forget all."""
        self._known.clear()

    def _remember(self, name: str, conversation: Conversation) -> None:
        if name:
            self._known[name] = conversation
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)


def _goes_on(known: tuple[Message, ...], now: tuple[Message, ...]) -> bool:
    """Whether a chat is the known one, then one own turn, then news; own turns are known by their ids, not by text."""
    if len(now) < len(known) + 2 or now[len(known)]["role"] != "assistant":
        return False
    return all(old == new for old, new in zip(known, now, strict=False) if old["role"] != "assistant")
