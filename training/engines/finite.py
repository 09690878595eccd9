"""A number that is not finite ends the run, whoever finds it: an engine, a policy or the trainer."""

from collections.abc import Sequence
from math import isfinite

from negotiation_env.errors import Diverged
from negotiation_env.interfaces import ChatModel, ChatRequest, Reply

__all__ = ["FiniteModel", "check_finite"]


class FiniteModel:
    """A policy of the run, looked at while it samples: what it says with weights that have overflowed is noise.

    Args:
        model: Gives token traces.
        step: The optimizer step that is sampled for; the first is 1.
    """

    def __init__(self, model: ChatModel, step: int) -> None:
        self.name = model.name
        self._model = model
        self._step = step

    def chat(self, requests: Sequence[ChatRequest]) -> list[Reply]:
        """Sample a reply to each chat.

        Raises:
            Diverged: A sampled token's log-probability is not finite.
        """
        replies = self._model.chat(requests)
        for trace in (reply.tokens for reply in replies if reply.tokens):
            for value in trace.logprobs:
                check_finite(value, f"a log-probability of {self.name}", self._step)
        return replies


def check_finite(value: float, what: str, step: int, good: int | None = None) -> None:
    """See that a number of an optimizer step is finite.

    Args:
        value: The number.
        what: What it is, for the message.
        step: The step; the first is 1.
        good: The optimizer steps behind the last weights that are beyond suspicion. By default one less than the step
            began with: those that it began with have led to the number.

    Raises:
        Diverged: It is infinite or not a number.
    """
    if not isfinite(value):
        raise Diverged(f"training diverged at step {step}: {what} is {value}", step - 2 if good is None else good)
