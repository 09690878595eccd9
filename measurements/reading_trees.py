"""Texts about one scene as a tree: the scene once, and every text behind it, in one row of tokens.

A text sees the scene and itself, so that what is read of it is what it would be alone; gradients flow through all.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any, Final

import torch

from measurements.reading_labels import Row
from negotiation_env.judges.reading.passages import passage
from negotiation_env.judges.reading.reader import Passage, readings, token_ids

__all__ = ["Tree", "states", "trees"]

_TEXTS: Final = 10
_UNSEEN: Final = -3e4


@dataclass(frozen=True, slots=True)
class Tree:
    """A scene and texts about it.

    Attributes:
        rows: The texts with their labels.
        ids: Tokens of the scene and of each text with its question, shape [tokens].
        places: Where in its own passage each token stands, shape [1, tokens].
        owners: Whose each token is: 0 the scene's, from 1 a text's; shape [tokens].
        spans: Of each text where it begins, where its question does, where that ends, and how many tokens close it.
        layer: Which layer is read, from 1.
    """

    rows: tuple[Row, ...]
    ids: torch.Tensor
    places: torch.Tensor
    owners: torch.Tensor
    spans: tuple[tuple[int, int, int, int], ...]
    layer: int

    @property
    def key(self) -> str:
        """Names its tokens and what they see."""
        return sha256(self.ids.numpy().tobytes() + self.owners.numpy().tobytes()).hexdigest()

    def mask(self) -> torch.Tensor:
        """What sees what, to be added to attention scores: shape [1, 1, tokens, tokens]."""
        token = torch.arange(len(self.ids))
        seen = (self.owners == 0) | (self.owners[:, None] == self.owners)
        seen &= token <= token[:, None]
        return torch.full(seen.shape, _UNSEEN, dtype=torch.bfloat16).masked_fill(seen, 0)[None, None]

    def readings(self, found: torch.Tensor) -> torch.Tensor:
        """Of each text what `negotiation_env.judges.reading.reader.Reading` has: shape [texts, places, width]."""
        own = [
            readings(found[begin:end].float(), question - begin, closing)
            for begin, question, end, closing in self.spans
        ]
        return torch.stack(own)


def trees(rows: Iterable[Row], tokenizer: Any) -> Iterator[Tree]:
    """All texts, by scene: the same trees in whatever order, and texts that come later change no earlier tree."""
    scenes: dict[tuple[str, int], list[tuple[Passage, Row]]] = defaultdict(list)
    for row in rows:
        read = passage(row.item.question)
        scenes[read.scene, row.batch].append((read, row))
    for (scene, _), texts in scenes.items():
        texts.sort(key=lambda each: sha256(each[0].text.encode()).digest())
        parts = -(-len(texts) // _TEXTS)
        for part in range(parts):
            yield _tree(scene, texts[part::parts], tokenizer)


def _tree(scene: str, texts: Sequence[tuple[Passage, Row]], tokenizer: Any) -> Tree:
    ids = partial(token_ids, tokenizer)
    tokens = ids(scene)
    shared = len(tokens)
    places, owners, spans = list(range(shared)), [0] * shared, []
    for owner, (read, _) in enumerate(texts, start=1):
        text, closing, question = ids(read.text), ids(read.closing), ids(read.question)
        begin, said = len(tokens), len(text) + len(closing)
        tokens += text + closing + question
        places += range(shared, shared + said + len(question))
        owners += [owner] * (said + len(question))
        spans.append((begin, begin + said, len(tokens), len(closing) or said))
    rows = tuple(row for _, row in texts)
    whole = torch.tensor(tokens), torch.tensor([places]), torch.tensor(owners)
    return Tree(rows, *whole, tuple(spans), texts[0][0].layer)


def states(network: Any, layers: Iterable[Any], tree: Tree, before: torch.Tensor) -> torch.Tensor:
    """What layers make of the states before them: shape [tokens, width] both."""
    found, mask = before[None], tree.mask()
    turned = network.rotary_emb(found, tree.places)
    for layer in layers:
        out = layer(found, attention_mask=mask, position_ids=tree.places, position_embeddings=turned, use_cache=False)
        found = out[0] if isinstance(out, tuple) else out
    return found[0]
