"""The learner's LoRA adapter, folded into the weights while it samples."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from peft.tuners.lora import LoraLayer

if TYPE_CHECKING:
    import torch

__all__ = ["LEARNER", "merged"]

LEARNER = "default"
"""PEFT's name of the adapter that trains."""


@contextmanager
def merged(model: Any) -> Iterator[None]:
    """Fold the adapter into the weights, which makes a decoding step cheaper.

    The original weights are put aside and put back as they were: unlike subtracting the adapter again this leaves no
    rounding behind.
    """
    aside: list[tuple[torch.nn.Parameter, torch.Tensor]] = []
    try:
        for layer in (module for module in model.modules() if isinstance(module, LoraLayer)):
            weight = layer.get_base_layer().weight
            aside.append((weight, weight.data))
            weight.data = weight.data + layer.get_delta_weight(LEARNER)
        with model.disable_adapter():
            yield
    finally:
        for weight, original in aside:
            weight.data = original
