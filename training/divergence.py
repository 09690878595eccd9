"""A run whose numbers are no longer finite stops before its weights or a checkpoint are made of them.

A loss that is not a number makes every weight one at the next optimizer step, and then every token; transformers logs
such a loss as 0 and goes on.
"""

from collections.abc import Sequence
from math import isfinite
from typing import Any, Final

import torch
from transformers import TrainerCallback

from negotiation_env.errors import Diverged
from negotiation_env.interfaces import ChatModel, ChatRequest, Reply
from training.learner import evaluating

_SENTENCE: Final = "Two farms share one well."

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
    """Looks at the trained weights after each optimizer step, and at what they do before each checkpoint."""

    def on_optimizer_step(self, args: Any, state: Any, control: Any, *, model: Any, **_: Any) -> None:
        """Stop before a checkpoint is made of them.

        Raises:
            Diverged: Their norm is not finite.
        """
        check_finite(trained_norm(model), "the weights' norm", state.global_step + 1)

    def on_step_end(self, args: Any, state: Any, control: Any, *, model: Any, processing_class: Any, **_: Any) -> None:
        """Before a checkpoint is made, also let the model read a sentence: finite weights can overflow in it.

        Raises:
            Diverged: What it expects to be said next is not finite.
        """
        if control.should_save:
            ids = torch.tensor([processing_class(_SENTENCE).input_ids], device=model.device)
            with torch.no_grad(), evaluating(model):
                largest = model(input_ids=ids).logits.float().norm()
            check_finite(float(largest), "the norm of the logits for a short sentence", state.global_step)


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


def check_finite(value: float, what: str, step: int) -> None:
    """See that a number of a step, the first one 1, is one.

    Raises:
        Diverged: It is infinite or not a number.
    """
    if not isfinite(value):
        raise Diverged(f"training diverged at step {step}: {what} is {value}")
