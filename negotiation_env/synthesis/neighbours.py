"""Near-duplicates: the nearest texts by shared words and by meaning.

Word 3-grams rather than an edit distance: they find a text whose sentences were moved, and an inverted index makes
them cheap. The limits are set on the shipped texts: `measurements/shipped_duplicates.py`.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["RUN", "Encode", "NearLimits", "Nearest", "Neighbours", "find_encoder", "jaccard"]

Encode: TypeAlias = Callable[[Sequence[str]], npt.NDArray[np.float32]]
"""Texts to rows of unit length."""
RUN: Final = 8
"""Words in a row that no two texts may share."""
_GRAM = 3
_WORD = re.compile(r"\w+")
_Gram: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Nearest:
    """What stands nearest to a text, by each measure.

    Attributes:
        run: The id of a text that shares 8 words in a row; "" is none.
        lexical: The id of the nearest one by words.
        jaccard: Its share of common word 3-grams, 0 to 1.
        semantic: The id of the nearest one by meaning.
        cosine: Its cosine, about -0.1 to 1; None where no encoder was asked.
    """

    run: str = ""
    lexical: str = ""
    jaccard: float = 0.0
    semantic: str = ""
    cosine: float | None = None


@dataclass(frozen=True, slots=True)
class NearLimits:
    """From where on two texts are too near.

    Attributes:
        jaccard: Common word 3-grams, 0 to 1; no two of the shipped dilemmas and questions reach 0.05.
        cosine: Cosine of the MiniLM vectors; no two of them reach 0.7.
    """

    jaccard: float = 0.1
    cosine: float = 0.75

    def exceeded(self, nearest: Nearest) -> tuple[str, ...]:
        """The measures by which a text has too near a neighbour."""
        cosine = nearest.cosine is not None and nearest.cosine >= self.cosine
        found = {"words in a row": bool(nearest.run), "jaccard": nearest.jaccard >= self.jaccard, "cosine": cosine}
        return tuple(name for name, near in found.items() if near)


class Neighbours:
    """Texts by their ids, to look for near ones among.

    Args:
        encode: Gives vectors; None compares words alone. Texts are encoded one at a time, so that no vector depends on
            the company of others.
    """

    def __init__(self, encode: Encode | None = None) -> None:
        self._encode = encode
        self._ids: list[str] = []
        self._sizes: list[int] = []
        self._with_gram: dict[_Gram, list[int]] = defaultdict(list)
        self._with_run: dict[_Gram, int] = {}
        self._vectors: list[npt.NDArray[np.float32]] = []

    def __contains__(self, id: str) -> bool:
        return id in self._ids

    def add(self, id: str, text: str) -> None:
        """One more text."""
        index, grams = len(self._ids), _grams(text, _GRAM)
        self._ids.append(id)
        self._sizes.append(len(grams))
        for gram in grams:
            self._with_gram[gram].append(index)
        for run in _grams(text, RUN):
            self._with_run.setdefault(run, index)
        if self._encode:
            self._vectors.append(self._encode([text])[0])

    def nearest(self, text: str) -> Nearest:
        """The nearest of the texts; the first of those equally near."""
        runs = [self._with_run[run] for run in _grams(text, RUN) if run in self._with_run]
        lexical, jaccard = self._by_words(_grams(text, _GRAM))
        semantic, cosine = self._by_meaning(text)
        return Nearest(self._ids[min(runs)] if runs else "", lexical, round(jaccard, 4), semantic, cosine)

    def _by_words(self, grams: set[_Gram]) -> tuple[str, float]:
        common = Counter(index for gram in grams for index in self._with_gram.get(gram, ()))
        shares = {index: count / (len(grams) + self._sizes[index] - count) for index, count in common.items()}
        if not shares:
            return "", 0.0
        best = min(shares, key=lambda index: (-shares[index], index))
        return self._ids[best], shares[best]

    def _by_meaning(self, text: str) -> tuple[str, float | None]:
        if not self._encode or not self._vectors:
            return "", None
        cosines = np.stack(self._vectors) @ self._encode([text])[0]
        best = int(cosines.argmax())
        return self._ids[best], round(float(cosines[best]), 4)


def jaccard(first: str, second: str) -> float:
    """The share of common word 3-grams of two texts, 0 to 1."""
    one, other = _grams(first, _GRAM), _grams(second, _GRAM)
    return len(one & other) / max(len(one | other), 1)


def find_encoder() -> Encode | None:
    """MiniLM, fetched at first use, where the packages that it needs are installed; else None.

    Raises:
        UserError: The download failed.
    """
    if not (find_spec("torch") and find_spec("transformers")):
        return None
    from negotiation_env.judges.smoke_test.encoder import load_encoder

    return load_encoder().encode


def _grams(text: str, length: int) -> set[_Gram]:
    words = _WORD.findall(text.casefold())
    return {tuple(words[start : start + length]) for start in range(len(words) - length + 1)}
