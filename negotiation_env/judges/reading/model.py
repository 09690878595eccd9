"""The language model that reads: the first 14 of the 24 layers of Qwen2.5-Coder-0.5B-Instruct.

Its makers' 4-bit GGUF file is dequantised once. What stands above the layer that is read is dropped, and the rest is
kept as bfloat16, which is finer than the four bits it came as: 690 MB on disk. In memory the table of words stays so,
and the layers are float32, which every CPU multiplies quickly: 1.1 GB.
"""

from pathlib import Path
from typing import Any, Final

from negotiation_env.console.terminal import say
from negotiation_env.judges.reading.adapter import add_adapter
from negotiation_env.loading.fetch import prepare_once
from negotiation_env.loading.freed_memory import keep_freed_memory
from negotiation_env.loading.gguf import as_plain, opened_once
from negotiation_env.loading.heavy import importing
from negotiation_env.loading.models import QWEN_CODER, QWEN_CODER_FILE, fetched

__all__ = ["LAYERS", "load_network", "reading_model"]

LAYERS: Final = 14
"""The last of them is the highest that is read."""


def reading_model() -> Path:
    """The model's folder; fetched (491 MB) and converted at the first call on a machine.

    Raises:
        UserError: It could not be fetched, or a file was changed since.
        MissingExtra: transformers or gguf is not installed.
    """
    return prepare_once(QWEN_CODER.folder, _build)


def load_network(folder: Path) -> tuple[Any, Any]:
    """Tokenizer and network out of a local folder; never asks the network, and runs no code out of it.

    Raises:
        MissingExtra: torch or transformers is not installed.
    """
    with importing("the reading judge", "local"):
        import torch
        from transformers import AutoModel, AutoTokenizer

        from negotiation_env.loading.packed_weights import keep_packed

        keep_freed_memory()
        local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        network = AutoModel.from_pretrained(folder, dtype=torch.bfloat16, **local).eval()
        network.layers.float()
        network.rotary_emb.float()
        add_adapter(network.layers)
        keep_packed(network.layers)
        network.norm = torch.nn.Identity()  # it belongs behind the layers that were dropped
        return AutoTokenizer.from_pretrained(folder, **local), network


def _build(folder: Path) -> None:
    with fetched(QWEN_CODER) as source:
        _convert(source, folder)


def _convert(source: Path, folder: Path) -> None:
    """Dequantise and cut; transformers shows a progress bar."""
    say(f"converting {QWEN_CODER.name} to a transformers folder (once)", error=True)
    with importing("the reading judge", "local"), opened_once():
        import torch
        from transformers import AutoModel, AutoTokenizer

        local: dict[str, Any] = {
            "gguf_file": QWEN_CODER_FILE.name,
            "local_files_only": True,
            "trust_remote_code": False,
        }
        tokenizer = AutoTokenizer.from_pretrained(source, **local)
        network = as_plain(AutoModel.from_pretrained(source, dtype=torch.float32, **local))
    network.layers = network.layers[:LAYERS]
    network.config.num_hidden_layers = LAYERS
    network.config.layer_types = network.config.layer_types[:LAYERS]
    network.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
