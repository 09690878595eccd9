"""The three seams: who speaks (`Agent`), who judges (`Judge`), what generates text (`ChatModel`).

Each has one method that takes a batch and returns a list of the same length and order. A failure of one item is
a value in its place (`Reply.error`, `Verdict.value` None), so that one bad item never costs the others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Protocol, runtime_checkable

from negotiation_env.console.interrupts import interruptible
from negotiation_env.game.events import Message, Question, Task, Verdict
from negotiation_env.text.thoughts import joined, split_thought

__all__ = [
    "Agent",
    "Alternatives",
    "ChatModel",
    "ChatRequest",
    "Judge",
    "PromptModel",
    "Reply",
    "Request",
    "Sampling",
    "StreamingModel",
    "TokenTrace",
    "arriving",
]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How text is drawn from a model.

    Attributes:
        temperature: 0 is greedy.
        top_p: Nucleus mass in (0, 1]; 1 keeps the whole distribution.
        max_tokens: Upper limit of new tokens.
    """

    temperature: float = 0.7
    top_p: float = 0.95
    max_tokens: int = 96

    def __post_init__(self) -> None:
        if self.temperature < 0 or not 0 < self.top_p <= 1 or self.max_tokens < 1:
            raise ValueError(f"sampling: expected temperature >= 0, 0 < top_p <= 1, max_tokens >= 1; got {self}")


class _Spelled:
    """Tells pydantic of numbers that a record spells where JSON has none: "-inf"."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        number = core_schema.simple_ser_schema("float")
        read = core_schema.no_info_plain_validator_function(float, serialization=number)
        spelled = core_schema.chain_schema([core_schema.literal_schema(["-inf", "inf", "nan"]), read])
        either = core_schema.union_schema([core_schema.float_schema(), spelled], mode="left_to_right")
        return core_schema.union_schema(  # the first, which is nearly always right, takes a tenth of the time
            [handler(source), core_schema.tuple_variable_schema(either)], mode="left_to_right"
        )


@dataclass(frozen=True, slots=True)
class TokenTrace:
    """The exact tokens of one reply, for policy-gradient training (token in, token out).

    Attributes:
        context: Ids fed to the model since this conversation's last reply: the prompt, or what came between.
        sampled: Ids that the model drew, end-of-turn id included where it drew one.
        logprobs: Log-probability of each sampled id under the distribution it was drawn from.
        fresh: The context starts the conversation anew instead of going on from the last reply.
        forced: The places in `sampled` of ids that the model did not draw: the mark that closed its thought where the
            budget was spent. Their log-probability is 0.
    """

    context: tuple[int, ...]
    sampled: tuple[int, ...]
    logprobs: Annotated[tuple[float, ...], _Spelled()]
    fresh: bool = True
    forced: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Alternatives:
    """What a model could have said at one place of its reply.

    Attributes:
        text: What the sampled token stands for in the reply, "" where that is part of a character which stands with
            another token.
        logprobs: Log-probabilities, finite and at most 0, of the likeliest tokens there, by their text.
    """

    text: str
    logprobs: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Reply:
    """What an agent or model said, or why it could not.

    Attributes:
        text: The words.
        error: What failed; then `text` is empty and the game ends unscored.
        truncated: The reply was cut short: by the token limit, or by what `usage["ended"]` names, such as a filter.
        tokens: The token trace, where the engine gives one.
        usage: Token counts, latency in seconds and cost, where known, also of what failed; JSON-ready.
        model: The model and revision as the endpoint named them.
        alternatives: For each sampled token, its text and what could have stood there; where asked for and given. The
            tokens' texts join up to `text`.
        thought: What it thought, where the endpoint tells that apart; thoughts may also stand in `text`, marked.
    """

    text: str
    error: str | None = None
    truncated: bool = False
    tokens: TokenTrace | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""
    alternatives: tuple[Alternatives, ...] = ()
    thought: str = ""

    @property
    def spoken(self) -> "Reply":
        """The reply whose `text` is words alone: thoughts that are marked in it stand in `thought`, too."""
        thought, words = split_thought(self.text)
        if words == self.text:
            return self
        whole = self.text.rstrip()
        places = _behind(self.alternatives, len(whole) - len(words)) if whole.endswith(words) else ()
        return replace(self, text=words, alternatives=places, thought=joined(self.thought, thought))


def _behind(places: Sequence[Alternatives], start: int) -> tuple[Alternatives, ...]:
    """The tokens of a reply from a place of its text on; what one holds before it is cut off."""
    found, end = [], 0
    for place in places:
        end += len(place.text)
        if end > start:
            found.append(replace(place, text=place.text[start - end :]) if end - len(place.text) < start else place)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Request:
    """One party's turn in one of many games.

    Attributes:
        game: Names the game; with `seat` it names a conversation that goes on from turn to turn.
        seat: Who is asked.
        task: An utterance, or the completion.
        messages: The chat as this party sees it.
        seed: Seeds this reply's randomness; equal seeds give equal draws.
    """

    game: str
    seat: int
    task: Task
    messages: tuple[Message, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One chat completion.

    Attributes:
        messages: The chat; ends with a user message.
        sampling: How to draw.
        seed: Seeds the draw.
        conversation: Names a conversation that only grows, so that an engine may keep its state; "" is none.
        schema: A JSON schema that the reply has to follow, for engines that can enforce one.
        alternatives: How many likeliest tokens to report at each place, for engines that can.
    """

    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    seed: int = 0
    conversation: str = ""
    schema: Mapping[str, Any] | None = None
    alternatives: int = 0


class Agent(Protocol):
    """A policy that negotiates; one with an attribute `prompts`, a `PromptSet`, is shown that in its seat."""

    name: str

    def act(self, requests: Sequence[Request]) -> list[Reply]:
        """Say something in each of the games, in order; a game in which it cannot gets a reply with an error.

        A slip does no harm: what it raises, or gives that is no reply, leaves its games unscored.
        """


class Judge(Protocol):
    """Decides agreement and scores completions; an attribute `prompts` names the prompt set that it needs.

    One with an attribute `reads_turns` that is true also answers what guards ask about turns (`QuestionKind.TURN`).
    """

    name: str

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        """Answer each question, in order; a question it cannot answer gets a verdict without value.

        A slip does no harm: what it raises, or gives that is no verdict, leaves its questions unscored.
        """


class ChatModel(Protocol):
    """Generates chat replies."""

    name: str

    def chat(self, requests: Sequence[ChatRequest]) -> list[Reply]:
        """Reply to each chat, in order."""


@runtime_checkable
class PromptModel(ChatModel, Protocol):
    """A chat model that hands on each reply as it comes, so that what is paid for is kept before the next is there."""

    def as_they_come(self, requests: Sequence[ChatRequest]) -> Iterator[tuple[int, Reply]]:
        """The replies, each with the place of its request; who leaves before the last one has given up the others."""


@runtime_checkable
class StreamingModel(ChatModel, Protocol):
    """A chat model that can be listened to while it writes."""

    def stream(self, request: ChatRequest, hear: Callable[[str], None]) -> Reply:
        """The reply that `chat` gives to one request.

        Args:
            request: What it is asked.
            hear: Told all that is written so far, each time that there is more: as in the reply's `text`, marked
                thoughts included, and from the beginning again where the model has to begin again.
        """


def arriving(model: ChatModel, requests: Sequence[ChatRequest]) -> Iterator[tuple[int, Reply]]:
    """A model's replies, each with the place of its request, as soon as the model hands them on.

    Whoever takes them loses none at Ctrl-C by taking them within `interrupts.put_off`.
    """
    if isinstance(model, PromptModel):
        return model.as_they_come(requests)
    with interruptible():
        replies = model.chat(requests)
    if len(replies) != len(requests):
        told = f"expected {len(requests)} replies from {model.name}, one a request; got {len(replies)}"
        replies = [Reply("", error=told)] * len(requests)
    return enumerate(replies)
