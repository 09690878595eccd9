"""A run whose numbers are no longer finite stops before its weights or a checkpoint are made of them.

A loss that is not a number makes every weight one at the next optimizer step, and then every token; transformers logs
such a loss as 0 and goes on.
"""

from typing import Any

import torch
from transformers import TrainerCallback

from negotiation_env.training.engines.finite import check_finite

__all__ = ["CheckWeights", "FiniteTraining", "trained_norm"]


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


def trained_norm(model: Any) -> float:
    """The Euclidean norm of all weights that train; not finite where one of them is not, or far too large."""
    trained = [parameter.detach().float() for parameter in model.parameters() if parameter.requires_grad]
    return float(torch.nn.utils.get_total_norm(trained))
