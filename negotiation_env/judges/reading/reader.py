"""What a language model makes of a text: the hidden states in the middle of its layers.

Middle layers of a language model hold more of what a text means than its last ones, which are about the next word
(Skean et al. 2025, "Layer by Layer", arXiv:2502.02013), and a linear probe reads out what the model cannot say of it
(Azaria and Mitchell 2023, "The Internal State of an LLM Knows When It's Lying", arXiv:2304.13734; Burns et al. 2023,
arXiv:2212.03827). So the model reads scene, text and a question, never generates, and small heads judge; its upper
layers were tuned a little for that (`adapter.py`).

The scene (dilemma and parties) is read once for all texts about it: its keys and values are what the texts go on from.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negotiation_env.judges.reading.model import load_network, reading_model
from negotiation_env.loading.heavy import Once

__all__ = ["PLACES", "WIDTH", "Passage", "Reader", "Reading", "load_reader", "readings", "token_ids"]

Reading = npt.NDArray[np.float32]
"""What was read of each text, shape [n, PLACES, WIDTH]: at the question's last token; the mean over the text's tokens;
at the text's last token; the mean over those of its closing."""

WIDTH: Final = 896
"""Of the model that `load_reader` loads."""
PLACES: Final = 4
_SCENES: Final = 64
"""Whose keys and values are kept, some 4 MB each."""
_SUB_BATCH: Final = 1024  # padded tokens a forward pass; a CPU gains nothing by more


@dataclass(frozen=True, slots=True)
class Passage:
    """What is read: scene, text, closing and question, one after the other.

    Attributes:
        scene: The beginning that texts share; not empty.
        text: The text itself; not empty.
        question: The end; what the model makes of it at its last token is the first reading.
        layer: The layer that is read, from 1.
        closing: The end of the text, read apart too, such as a dialogue's last turn; without one, all of it is.
    """

    scene: str
    text: str
    question: str
    layer: int
    closing: str = ""


@dataclass(frozen=True, slots=True)
class _Row:
    """The ids of a text with its closing, how many of them close it, and those of the question."""

    place: int
    layer: int
    text: list[int]
    closing: int
    question: list[int]

    def __len__(self) -> int:
        return len(self.text) + len(self.question)


def token_ids(tokenizer: Any, text: str) -> list[int]:
    """Of a part of a passage; what looks like a control token is read as text."""
    found: list[int] = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return found


def readings(states: Any, said: int, closing: int) -> Any:
    """Out of the states of a text and its question, shape [tokens, width]: shape [PLACES, width].

    Args:
        states: Of the text, then of the question.
        said: How many tokens are the text's.
        closing: How many of them close it.
    """
    import torch

    text = states[:said]
    return torch.stack([states[-1], text.mean(0), text[-1], text[-closing:].mean(0)])


@Once
def load_reader() -> "Reader":
    """The process's one reader, loaded at the first call.

    Raises:
        UserError: The model could not be fetched or loaded.
        MissingExtra: torch or transformers is not installed.
    """
    return Reader(*load_network(reading_model()))


class Reader:
    """Turns passages into hidden states, in batches; the same passage gives the same numbers up to rounding (1e-3)."""

    def __init__(self, tokenizer: Any, network: Any) -> None:
        """Read with a transformers model without a head, and its tokenizer."""
        self._tokenizer, self._network = tokenizer, network
        self._begun = lru_cache(_SCENES)(self._begin)

    def read(self, passages: Sequence[Passage]) -> Reading:
        """Read passages; those that share a scene are read together.

        Returns:
            Their readings, in order: shape [n, PLACES, the model's width].
        """
        found = np.zeros((len(passages), PLACES, self._network.config.hidden_size), np.float32)
        order = sorted(range(len(passages)), key=lambda place: passages[place].scene)
        for scene, places in groupby(order, key=lambda place: passages[place].scene):
            self._read_scene(scene, [(place, passages[place]) for place in places], found)
        return found

    def _read_scene(self, scene: str, asked: list[tuple[int, Passage]], found: Reading) -> None:
        begun, cache = self._begun(scene)
        for batch in _sub_batches([self._row(place, each) for place, each in asked]):
            found[[row.place for row in batch]] = self._go_on(begun, cache, batch)

    def _row(self, place: int, passage: Passage) -> _Row:
        text, closing = self._ids(passage.text), self._ids(passage.closing)
        return _Row(place, passage.layer, text + closing, len(closing), self._ids(passage.question))

    def _begin(self, scene: str) -> tuple[int, Any]:
        """How many tokens a scene has, and their keys and values: its texts come turn by turn."""
        import torch

        ids = self._ids(scene)
        with torch.inference_mode():
            return len(ids), self._forward(torch.tensor([ids]), None, None).past_key_values

    def _go_on(self, begun: int, cache: Any, rows: list[_Row]) -> Reading:
        """The readings of texts that follow one scene: shape [rows, PLACES, width]."""
        import torch

        longest = max(map(len, rows))
        ids = torch.zeros((len(rows), longest), dtype=torch.long)
        mask = torch.ones((len(rows), begun + longest), dtype=torch.long)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = torch.tensor(row.text + row.question)
            mask[number, begun + len(row) :] = 0
        with torch.inference_mode():
            states = self._forward(ids, _for_rows(cache, len(rows)), mask).hidden_states
            own = [
                readings(states[row.layer][number][: len(row)], len(row.text), row.closing)
                for number, row in enumerate(rows)
            ]
            read: Reading = torch.stack(own).numpy()
        return read

    def _forward(self, ids: Any, cache: Any, mask: Any) -> Any:
        words = self._network.embed_tokens(ids).float()
        return self._network(
            inputs_embeds=words, attention_mask=mask, past_key_values=cache, use_cache=True, output_hidden_states=True
        )

    def _ids(self, text: str) -> list[int]:
        return token_ids(self._tokenizer, text)


def _for_rows(cache: Any, count: int) -> Any:
    """A copy of a scene's cache for so many rows; a forward pass writes into what it is given."""
    from copy import deepcopy

    rows = deepcopy(cache)
    rows.batch_repeat_interleave(count)
    return rows


def _sub_batches(rows: list[_Row]) -> Iterator[list[_Row]]:
    """Rows by length, cut so that no batch exceeds the budget of padded tokens."""
    batch: list[_Row] = []
    for row in sorted(rows, key=len):
        if batch and (len(batch) + 1) * len(row) > _SUB_BATCH:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
