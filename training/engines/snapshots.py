"""Past weights of the learner: what a frozen copy, a pool member or the untrained model plays with.

A snapshot holds the trainable parameters only: a LoRA adapter's few megabytes, or a whole model in full fine-tuning.
"""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

__all__ = ["Snapshots"]

_FILE = "snapshots.safetensors"


class Snapshots:
    """Past weights of a model by version, the number of optimizer steps behind them.

    Args:
        model: The model that trains; its trainable parameters are what is kept.
    """

    def __init__(self, model: Any) -> None:
        self._trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self._weights: dict[int, dict[str, torch.Tensor]] = {}

    @property
    def versions(self) -> list[int]:
        """The versions that are kept, the oldest first."""
        return sorted(self._weights)

    def take(self, version: int) -> None:
        """Keep the weights of now; one that is there stays as it is."""
        if version not in self._weights:
            self._weights[version] = {name: p.detach().clone() for name, p in self._trained.items()}

    def keep(self, versions: Collection[int]) -> None:
        """Forget all others."""
        self._weights = {version: self._weights[version] for version in self.versions if version in versions}

    @contextmanager
    def swapped_in(self, version: int) -> Iterator[None]:
        """Let the model have a version's weights, then its own again, bit by bit."""
        own = {name: p.data for name, p in self._trained.items()}
        try:
            for name, p in self._trained.items():
                p.data = self._weights[version][name]
            yield
        finally:
            for name, p in self._trained.items():
                p.data = own[name]

    def save(self, folder: Path) -> None:
        """Write all versions into a folder."""
        from safetensors.torch import save_file

        flat = {f"{version}/{name}": p for version, weights in self._weights.items() for name, p in weights.items()}
        save_file(flat, folder / _FILE)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote; what is kept now is forgotten."""
        from safetensors.torch import load_file

        device = next(iter(self._trained.values())).device
        self._weights = {}
        for key, tensor in load_file(folder / _FILE, device=str(device)).items():
            version, name = re.split("/", key, maxsplit=1)
            self._weights.setdefault(int(version), {})[name] = tensor
