"""How long sampling takes: decoding steps, one after the other, times the time of one."""

from dataclasses import dataclass
from typing import Final

__all__ = ["EMBEDDED", "StepTime", "step_time"]

_LAYER: Final = 1.0
"""Milliseconds that a layer of a decoding step takes where Python starts a GPU's kernels one by one, assumed."""


@dataclass(frozen=True, slots=True)
class StepTime:
    """What one decoding step of a batch takes.

    Attributes:
        milliseconds: By the clock on the wall.
        source: Where it was measured, or what is assumed.
    """

    milliseconds: float
    source: str


EMBEDDED: Final = StepTime(
    110.0, "measured with 16 rows of the embedded model on one x86-64 core (measurements/decoding_steps.py)"
)


def step_time(model: str, layers: int) -> StepTime:
    """That of the embedded model on a CPU was measured, that of others on a GPU is assumed.

    Args:
        model: As in the config.
        layers: Its decoder layers.
    """
    assumed = f"assumed, {_LAYER:g} ms for each of {layers} layers on a GPU; metrics.jsonl of a first step says better"
    return EMBEDDED if model == "embedded" else StepTime(layers * _LAYER, assumed)
