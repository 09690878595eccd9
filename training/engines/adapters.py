"""The learner while it samples: not in train mode, its LoRA adapter folded into the weights."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from peft.tuners.lora import LoraLayer
from peft.utils import AuxiliaryTrainingWrapper

__all__ = ["LEARNER", "evaluating", "merged", "unadapted"]

LEARNER = "default"
"""PEFT's name of the adapter that trains."""


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Sampling from a model in train mode with gradient checkpointing would silently give garbage."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


@contextmanager
def merged(model: Any) -> Iterator[None]:
    """Fold the adapter into the weights, which makes a decoding step cheaper, where it is but a sum to float32 ones.

    In bfloat16 the sum would round what few steps have changed away, and 4-bit weights cannot be added to. DoRA, biases
    and whole modules that train (`modules_to_save`) are more than a sum. There, and where there is no adapter, the
    model speaks as it is. The original weights are put aside and put back as they were: unlike subtracting the adapter
    again this leaves no rounding behind.
    """
    layers = _foldable(model)
    if not layers:
        yield
        return
    aside: list[tuple[torch.nn.Parameter, torch.Tensor]] = []
    try:
        for layer in layers:
            weight = layer.get_base_layer().weight
            aside.append((weight, weight.data))
            weight.data = layer.get_delta_weight(LEARNER).add_(weight.data)
        with model.disable_adapter():
            yield
    finally:
        for weight, original in aside:
            weight.data = original


@contextmanager
def unadapted(model: Any) -> Iterator[None]:
    """Without an adapter that can be folded in, as `merged` leaves the model to speak."""
    with model.disable_adapter() if _foldable(model) else nullcontext():
        yield


def _foldable(model: Any) -> list[LoraLayer]:
    """The adapter's layers, or none where one of them cannot be folded in."""
    layers = [module for module in model.modules() if isinstance(module, LoraLayer)]
    whole = any(isinstance(module, AuxiliaryTrainingWrapper) for module in model.modules())
    return layers if not whole and all(_is_sum(layer, model.get_input_embeddings()) for layer in layers) else []


def _is_sum(layer: LoraLayer, embeddings: torch.nn.Module) -> bool:
    """Whether a layer's adapter is nothing but a sum to its own float32 weight."""
    weight = getattr(layer.get_base_layer(), "weight", None)
    if weight is None or weight.dtype != torch.float32 or LEARNER in layer.lora_variant or layer.lora_bias.get(LEARNER):
        return False
    return weight is not embeddings.weight  # it may be the output head's too, which the adapter leaves as it is
