"""A space of real text, and that of what an agent observes.

`gymnasium.spaces.Text` admits a listed character set only; what people and models say has quotes, accents, any script.
"""

from typing import Any

from gymnasium.spaces import Dict, Discrete, Space
from gymnasium.spaces import Sequence as SequenceSpace
from numpy.random import Generator

__all__ = ["FreeText", "observation_space"]

_WORDS = ("we", "could", "share", "the", "cost", "and", "review", "it", "in", "spring", "—", "d'accord", "好", "🙂")


class FreeText(Space[str]):
    """Any Python string.

    Args:
        max_words: Most words of a sample; membership has no limit.
        seed: Seeds sampling.
    """

    def __init__(self, max_words: int = 12, seed: int | Generator | None = None) -> None:
        super().__init__(shape=None, dtype=str, seed=seed)
        self.max_words = max_words

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """A string of 1 to `max_words` words; FreeText knows no mask and no probability."""
        count = int(self.np_random.integers(1, self.max_words + 1))
        return " ".join(_WORDS[index] for index in self.np_random.integers(len(_WORDS), size=count))

    def contains(self, x: Any) -> bool:
        """Whether `x` is a string."""
        return isinstance(x, str)

    @property
    def is_np_flattenable(self) -> bool:
        """Text has no flat numeric form."""
        return False

    def __repr__(self) -> str:
        return f"FreeText(max_words={self.max_words})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FreeText) and other.max_words == self.max_words


def observation_space(max_turns: int) -> Dict:
    """The space of one agent's observations."""
    message = Dict({"role": FreeText(max_words=1), "content": FreeText()})
    return Dict({"messages": SequenceSpace(message), "turns_left": Discrete(max_turns + 1), "completing": Discrete(2)})
