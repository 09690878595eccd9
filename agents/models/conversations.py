"""The conversations that an engine keeps: lists of token ids that only grow.

What was sampled stays as it was sampled; `ChatTokens` tells the ids in between.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from negotiation_env.agents.models.chat_tokens import ChatTokens
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
        sampled: The ids of the reply so far.
        logprobs: Their log-probabilities.
    """

    conversation: Conversation
    request: ChatRequest
    context: list[int]
    fresh: bool
    sampled: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)

    def take(self, ids: Sequence[int], logprobs: Sequence[float]) -> None:
        """Append sampled ids; at temperature 0 they were certain, whatever an engine reports."""
        self.sampled += ids
        self.logprobs += logprobs if self.request.sampling.temperature else [0.0] * len(ids)
        self.conversation.ids += ids


class Conversations:
    """The conversations of one model by name; of very many the oldest are forgotten.

    Args:
        tokens: The model's.
    """

    def __init__(self, tokens: ChatTokens) -> None:
        self._tokens = tokens
        self._known: OrderedDict[str, Conversation] = OrderedDict()

    def draft(self, request: ChatRequest) -> Draft:
        """Begin a reply.

        A named conversation goes on from its own sampled ids, whatever the text of its assistant messages; one whose
        other messages changed is rendered anew.
        """
        conversation = self._known.get(request.conversation)
        if conversation is None or not _goes_on(conversation.messages, request.messages):
            conversation, fresh = Conversation(request.conversation), True
            context = self._tokens.prompt(request.messages)
            self._remember(request.conversation, conversation)
        else:
            fresh = False
            news = request.messages[len(conversation.messages) + 1 :]
            closed = conversation.ids[-1] == self._tokens.end
            context = ([] if closed else [self._tokens.end]) + self._tokens.follow_up(news)
        conversation.ids += context
        conversation.messages = request.messages
        return Draft(conversation, request, context, fresh)

    def reply(self, draft: Draft) -> Reply:
        """What a draft amounts to."""
        truncated = draft.sampled[-1] != self._tokens.end
        trace = TokenTrace(tuple(draft.context), tuple(draft.sampled), tuple(draft.logprobs), draft.fresh)
        fed, sampled = len(draft.conversation.ids) - len(draft.sampled), len(draft.sampled)
        usage = {"prompt_tokens": fed, "completion_tokens": sampled}
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
