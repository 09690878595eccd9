"""An agent that lets a chat model speak."""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

from negotiation_env.environment.prompting import load_prompts
from negotiation_env.game.events import Task
from negotiation_env.game.prompts import PromptSet, SystemText
from negotiation_env.interfaces import Agent, ChatModel, ChatRequest, Reply, Request, Sampling, StreamingModel

__all__ = ["COMPLETION", "DIALOGUE", "GREEDY", "ChatAgent", "aloud", "with_sampling"]

DIALOGUE = Sampling(temperature=0.7, top_p=0.95, max_tokens=96)
"""How the paper samples turns; the token limit is ours."""
COMPLETION = Sampling(temperature=0.1, top_p=0.95, max_tokens=160)
"""How the paper samples completions; the token limit is ours."""
GREEDY = Sampling(temperature=0.0, top_p=1.0, max_tokens=96)
"""The likeliest token each time."""


class ChatAgent:
    """Speaks with a chat model's words.

    Args:
        model: Generates the text.
        dialogue: How turns are sampled.
        completion: How the joint answer is sampled.
        name: The name in records; the model's by default.
        prompts: What its seat is told, as a `PromptSet` or the name or path of one; by default the run's set.
        system: Text of its own, put before the brief.

    Attributes:
        prompts: A `PromptSet`, or a `SystemText` for the run's; None where it has nothing of its own.

    Raises:
        UserError: There is no such prompt set, or something in it is wrong.
    """

    def __init__(
        self,
        model: ChatModel,
        dialogue: Sampling = DIALOGUE,
        completion: Sampling = COMPLETION,
        name: str = "",
        *,
        prompts: str | Path | PromptSet | None = None,
        system: str = "",
    ) -> None:
        self.model = model
        self.name = name or model.name
        self.prompts = _own_prompts(prompts, system.strip())
        self._sampling = {Task.UTTERANCE: dialogue, Task.COMPLETION: completion}

    def sampling(self, task: Task) -> Sampling:
        """How this kind of turn is sampled."""
        return self._sampling[task]

    def act(self, requests: Sequence[Request]) -> list[Reply]:
        """One batched call to the model; each game and seat is a conversation of its own."""
        return self.model.chat(
            [
                ChatRequest(
                    request.messages, self._sampling[request.task], request.seed, f"{request.game}/{request.seat}"
                )
                for request in requests
            ]
        )


def with_sampling(
    agent: Agent,
    *,
    greedy: bool = False,
    temperature: float | None = None,
    max_turn_tokens: int | None = None,
    max_completion_tokens: int | None = None,
) -> Agent:
    """The same agent with its model sampled otherwise; an agent that is no `ChatAgent` comes back as it is.

    Args:
        agent: Stays unchanged; the new one shares its model and its name.
        greedy: Take the likeliest token each time, in turns and completions.
        temperature: Of turns, unless all is greedy; None keeps the agent's.
        max_turn_tokens: Limit of new tokens in a turn, at least 1; None keeps the agent's.
        max_completion_tokens: The same for a completion.

    Raises:
        ValueError: A limit is below 1, or the temperature below 0.
    """
    if not isinstance(agent, ChatAgent):
        return agent
    turns = agent.sampling(Task.UTTERANCE)
    turns = turns if temperature is None else replace(turns, temperature=temperature)
    turns = _changed(turns, greedy, max_turn_tokens)
    completions = _changed(agent.sampling(Task.COMPLETION), greedy, max_completion_tokens)
    other = copy(agent)
    other._sampling = {Task.UTTERANCE: turns, Task.COMPLETION: completions}
    return other


def aloud(agent: Agent, hear: Callable[[str], None]) -> Agent:
    """The same agent with what it writes heard at once; one whose model cannot do that comes back as it is.

    Args:
        agent: Stays unchanged; the new one shares its model, its conversations and its name.
        hear: As for `StreamingModel.stream`: it is told thoughts too, and words that guards will refuse.
    """
    if not isinstance(agent, ChatAgent) or not isinstance(agent.model, StreamingModel):
        return agent
    other = copy(agent)
    other.model = _Aloud(agent.model.name, agent.model, hear)
    return other


@dataclass(slots=True)
class _Aloud:
    """A model with somebody who listens."""

    name: str
    model: StreamingModel
    hear: Callable[[str], None]

    def chat(self, requests: Sequence[ChatRequest]) -> list[Reply]:
        return [self.model.stream(request, self.hear) for request in requests]


def _own_prompts(prompts: str | Path | PromptSet | None, system: str) -> PromptSet | SystemText | None:
    if prompts is None:
        return SystemText(system) if system else None
    own = load_prompts(prompts)
    return own.with_system(system) if system else own


def _changed(sampling: Sampling, greedy: bool, max_tokens: int | None) -> Sampling:
    return replace(GREEDY if greedy else sampling, max_tokens=sampling.max_tokens if max_tokens is None else max_tokens)
