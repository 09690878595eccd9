"""Learner and opponent as two LoRA adapters of one model.

The learner is PEFT's adapter "default", the only one that trains. The frozen copy is a second adapter with the same
shape and no gradient, so that it costs a few megabytes instead of a second model.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from peft.tuners.lora import LoraLayer
from transformers import TrainerCallback

if TYPE_CHECKING:
    import torch

__all__ = ["LEARNER", "OPPONENT", "RefreshOpponent", "add_opponent", "merged", "refresh", "speaking"]

LEARNER = "default"
OPPONENT = "opponent"


def add_opponent(model: Any) -> None:
    """Add the frozen copy to a PEFT model, equal to the learner."""
    model.add_adapter(OPPONENT, model.peft_config[LEARNER])
    model.set_adapter(LEARNER)
    refresh(model)


def refresh(model: Any) -> None:
    """Copy the learner's weights into the frozen copy, in place."""
    parameters = dict(model.named_parameters())
    for name, parameter in parameters.items():
        if f".{LEARNER}." in name:
            parameters[name.replace(f".{LEARNER}.", f".{OPPONENT}.")].data.copy_(parameter.data)


@contextmanager
def speaking(model: Any, adapter: str | None) -> Iterator[None]:
    """Switch an adapter on, without gradient, then back to the learner; None is the bare model."""
    if adapter == LEARNER:
        yield
        return
    if adapter is None:
        with model.disable_adapter():
            yield
        return
    model.set_adapter(adapter, inference_mode=True)
    try:
        yield
    finally:
        model.set_adapter(LEARNER)  # also gives the learner its gradient back


@contextmanager
def merged(model: Any, adapter: str | None) -> Iterator[None]:
    """As `speaking`, with the adapter folded into the weights, which makes a decoding step cheaper.

    The original weights are put aside and put back as they were: unlike subtracting the adapter again this leaves no
    rounding behind.
    """
    aside: list[tuple[torch.nn.Parameter, torch.Tensor]] = []
    try:
        for layer in (module for module in model.modules() if isinstance(module, LoraLayer) and adapter is not None):
            weight = layer.get_base_layer().weight
            aside.append((weight, weight.data))
            weight.data = weight.data + layer.get_delta_weight(adapter)
        with model.disable_adapter():
            yield
    finally:
        for weight, original in aside:
            weight.data = original


class RefreshOpponent(TrainerCallback):  # type: ignore[misc]
    """Refreshes the frozen copy after every `every` optimizer steps; which ones follows from the step's number."""

    def __init__(self, every: int) -> None:
        self.every = every

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Copy the weights when it is time."""
        if state.global_step % self.every == 0:
            refresh(getattr(model, "module", model))
