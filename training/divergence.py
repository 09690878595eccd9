"""A run whose numbers are no longer finite stops before its weights or a checkpoint are made of them.

A loss that is not a number makes every weight one at the next optimizer step, and then every token; transformers logs
such a loss as 0 and goes on.
"""

from collections.abc import Sequence
from math import isfinite
from typing import Any

import torch
from transformers import TrainerCallback

from negotiation_env.errors import Diverged
from negotiation_env.interfaces import ChatModel, ChatRequest, Reply

__all__ = ["CheckWeights", "FiniteModel", "FiniteTraining", "check_finite", "trained_norm"]


class FiniteTraining:
    """Stands before a transformers `Trainer` among a class's bases, and looks at its losses and gradients."""

    state: Any

    def training_step(self, *arguments: Any, **options: Any) -> torch.Tensor:
        """One micro-batch forward and backward.

        Raises:
            Diverged: Its loss is not finite.
        """
        loss: torch.Tensor = super().training_step(*arguments, **options)  # type: ignore[misc]
        check_finite(float(loss), "the loss", self.state.global_step + 1)
        return loss

    def _get_grad_norm(self, *arguments: Any, **options: Any) -> Any:
        """The norm of a step's gradients, before the optimizer sees them; None where DeepSpeed does not tell it."""
        norm = super()._get_grad_norm(*arguments, **options)  # type: ignore[misc]
        if norm is not None:
            check_finite(float(norm), "the gradients' norm", self.state.global_step + 1)
        return norm


class CheckWeights(TrainerCallback):  # type: ignore[misc]
    """Looks at the trained weights after each optimizer step."""

    def on_optimizer_step(self, args: Any, state: Any, control: Any, *, model: Any, **_: Any) -> None:
        """Stop before a checkpoint is made of them.

        Raises:
            Diverged: Their norm is not finite.
        """
        step = state.global_step + 1
        check_finite(trained_norm(model), "the weights' norm", step, good=step - 1)


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


def trained_norm(model: Any) -> float:
    """The Euclidean norm of all weights that train; not finite where one of them is not, or far too large."""
    trained = [parameter.detach().float() for parameter in model.parameters() if parameter.requires_grad]
    return float(torch.nn.utils.get_total_norm(trained))


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
