"""Weights laid out for few rows: a decoding step on a CPU multiplies a handful of rows with every weight of a model.

oneDNN, which torch carries, needs but two thirds of the time for that if it may lay the weights out once beforehand
(`measurements/decoding_steps.py`). The products are float32 as before; only the order of their sums is another.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import torch

__all__ = ["PackedWeights", "can_pack", "keep_packed"]

_ROWS: Final = 8
"""The rows that weights are laid out for; more are as quick as without."""


class PackedWeights:
    """The weights that a model's linear layers have now, laid out anew.

    Args:
        model: A transformers (or PEFT) model that `can_pack` is true of.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        self._products = {layer: partial(_product, layer.bias, _packed(layer)) for layer in _linears(model)}

    @contextmanager
    def multiplying(self) -> Iterator[None]:
        """Let the model multiply with these weights for a while; it must not be asked for gradients."""
        try:
            self.install()
            yield
        finally:
            for layer in self._products:
                vars(layer).pop("forward", None)

    def install(self) -> None:
        """Let the model multiply with these weights from now on."""
        for layer, product in self._products.items():
            vars(layer)["forward"] = product


def can_pack(model: torch.nn.Module) -> bool:
    """Whether all weights of a model can be packed: float32 ones on a CPU for which torch has oneDNN."""
    known: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return known and all(map(_is_plain, _linears(model)))


def keep_packed(model: torch.nn.Module) -> None:
    """Pack a model that is trained no more, if that can be done, and drop the weights that nothing else needs."""
    if not can_pack(model):
        return
    PackedWeights(model).install()
    tied = {id(module.weight) for module in model.modules() if isinstance(module, torch.nn.Embedding)}
    for layer in _linears(model):
        if id(layer.weight) not in tied:
            layer.weight.data = layer.weight.data.new_empty(0)


def _linears(model: torch.nn.Module) -> list[torch.nn.Linear]:
    return [layer for layer in model.modules() if isinstance(layer, torch.nn.Linear)]


def _is_plain(layer: torch.nn.Linear) -> bool:
    return type(layer) is torch.nn.Linear and layer.weight.device.type == "cpu" and layer.weight.dtype == torch.float32


def _packed(layer: torch.nn.Linear) -> torch.Tensor:
    packed: torch.Tensor = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach().contiguous(), _ROWS)
    return packed


def _product(bias: torch.Tensor | None, packed: torch.Tensor, rows: torch.Tensor) -> Any:
    return torch.ops.mkldnn._linear_pointwise(rows, packed, bias, "none", [], "")
