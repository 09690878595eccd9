"""Who samples for the policies of a run: this process, or vLLM servers.

A policy is known by its version, the number of optimizer steps behind it: 0 is the model as it was before training.
"""

from collections.abc import Collection
from typing import Protocol

from negotiation_env.interfaces import ChatModel

__all__ = ["Engine"]


class Engine(Protocol):
    """Samples for the learner and for its past selves."""

    def sync(self, version: int, past: Collection[int]) -> None:
        """Take over the learner's weights of now as `version`, and forget all versions but it and the past ones.

        Raises:
            Diverged: A log-probability is not finite.
            EngineError: The engine cannot take them, or its log-probabilities are not the trainer's.
        """

    def policy(self, version: int) -> ChatModel:
        """The model that samples as a version does; one of those of the last `sync`."""
