"""What was learned of the reader's model: a small change of the attention in its upper layers.

To each weight the product of two narrow matrices is added (Hu et al. 2022, "LoRA", arXiv:2106.09685), once, when the
model is loaded, so that reading costs what it would without. `adapter.npz` holds them; `heads.md` is their card too.
"""

from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np

__all__ = ["ADAPTER", "add_adapter"]

ADAPTER: Final = Path(str(files("negotiation_env.judges.reading"))) / "adapter.npz"


def add_adapter(layers: Any, adapter: Path = ADAPTER) -> None:
    """Add the change to a model's layers, whose weights are float32.

    Args:
        layers: The layers, from the first.
        adapter: For layer 8, say, and its matrix `q_proj` the arrays `8.q_proj.up`, shape [out, rank], and
            `8.q_proj.down`, shape [rank, in].
    """
    import torch

    with np.load(adapter, allow_pickle=False) as kept, torch.no_grad():
        for name in (name.removesuffix(".up") for name in kept.files if name.endswith(".up")):
            number, matrix = name.split(".")
            up, down = (torch.from_numpy(kept[f"{name}.{part}"]).float() for part in ("up", "down"))
            getattr(layers[int(number)].self_attn, matrix).weight += up @ down
