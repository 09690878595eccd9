"""GGUF files: transformers dequantises them, and what it gives is a model like any other once the marks are off."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

__all__ = ["as_plain", "opened_once"]


@contextmanager
def opened_once() -> Iterator[None]:
    """Let a GGUF file be opened once: transformers does so for settings, words and weights, reading all each time."""
    import gguf

    opened = gguf.GGUFReader
    gguf.GGUFReader = cache(opened)
    try:
        yield
    finally:
        gguf.GGUFReader = opened


def as_plain(model: Any) -> Any:
    """The same model without what is left of the quantizer, which would make `save_pretrained` refuse."""
    for owner, name in ((model.config, "quantization_config"), (model, "hf_quantizer")):
        if hasattr(owner, name):
            delattr(owner, name)
    model.is_quantized = False
    return model
