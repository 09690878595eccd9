"""The model that trains, sampling in this process."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch

from negotiation_env.agents.models.in_process import InProcessModel
from negotiation_env.agents.models.pretrained import half_precision
from negotiation_env.interfaces import ChatModel
from negotiation_env.loading.packed_weights import PackedWeights, can_pack
from negotiation_env.training.engines.adapters import merged, unadapted
from negotiation_env.training.engines.snapshots import Snapshots

__all__ = ["InProcess"]


class InProcess:
    """Samples with the weights that train, or for a while with past ones in their place.

    Args:
        model: The model that trains.
        tokenizer: Its tokenizer.
        snapshots: Has the past weights.
        max_thought_tokens: As for `InProcessModel`.
    """

    def __init__(self, model: Any, tokenizer: Any, snapshots: Snapshots, max_thought_tokens: int = 0) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._snapshots = snapshots
        self._max_thought_tokens = max_thought_tokens
        self._now = 0
        self._policies: dict[int, InProcessModel] = {}
        self._packed: dict[int, PackedWeights] = {}

    def sync(self, version: int, past: Collection[int]) -> None:
        """Drop every conversation: their cached keys and values are of other weights, or of games that are over."""
        self._now = version
        self._packed = {each: weights for each, weights in self._packed.items() if each in past and each != version}
        self._policies = {each: self._chat_model(each) for each in {version, *past}}

    def policy(self, version: int) -> ChatModel:
        """The model that samples as a version does."""
        return self._policies[version]

    def _chat_model(self, version: int) -> InProcessModel:
        return InProcessModel(
            self._model,
            self._tokenizer,
            f"policy-v{version}",
            lambda: self._speaking(version),
            max_thought_tokens=self._max_thought_tokens,
        )

    @contextmanager
    def _speaking(self, version: int) -> Iterator[None]:
        past = nullcontext() if version == self._now else self._snapshots.swapped_in(version)
        # The trainer's own autocast begins with the training; what is measured before and after it has the same.
        as_trained = torch.autocast(self._model.device.type, torch.bfloat16, enabled=half_precision())
        with past, self._folded(version), as_trained:
            yield

    @contextmanager
    def _folded(self, version: int) -> Iterator[None]:
        """The adapter, as it is now, within the weights: packed once for all turns of a version, where that can be."""
        if not can_pack(self._model):
            with merged(self._model):
                yield
            return
        if version not in self._packed:
            with merged(self._model):
                self._packed[version] = PackedWeights(self._model)
        with self._packed[version].multiplying(), unadapted(self._model):
            yield
