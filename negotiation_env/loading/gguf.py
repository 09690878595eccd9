"""GGUF files: transformers dequantises them, and what it gives is a model like any other once the marks are off."""

from typing import Any

__all__ = ["as_plain"]


def as_plain(model: Any) -> Any:
    """The same model without what is left of the quantizer, which would make `save_pretrained` refuse."""
    for owner, name in ((model.config, "quantization_config"), (model, "hf_quantizer")):
        if hasattr(owner, name):
            delattr(owner, name)
    model.is_quantized = False
    return model
