"""An agent that lets a chat model speak."""

from collections.abc import Sequence

from negotiation_env.events import Task
from negotiation_env.interfaces import ChatModel, ChatRequest, Reply, Request, Sampling

__all__ = ["COMPLETION", "DIALOGUE", "GREEDY", "ChatAgent"]

DIALOGUE = Sampling(temperature=0.7, top_p=0.95, max_tokens=96)
"""How the paper samples turns; the token limit is ours."""
COMPLETION = Sampling(temperature=0.1, top_p=0.95, max_tokens=160)
"""How the paper samples completions; the token limit is ours."""
GREEDY = Sampling(temperature=0.0, top_p=1.0, max_tokens=96)


class ChatAgent:
    """Speaks with a chat model's words.

    Args:
        model: Generates the text.
        dialogue: How turns are sampled.
        completion: How the joint answer is sampled.
        name: The name in records; the model's by default.
    """

    def __init__(
        self, model: ChatModel, dialogue: Sampling = DIALOGUE, completion: Sampling = COMPLETION, name: str = ""
    ) -> None:
        self.model = model
        self.name = name or model.name
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
