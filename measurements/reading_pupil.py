"""What is trained of the reading judge: low-rank changes of its model's upper layers, and the heads behind them."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from measurements.reading_trees import Tree, states
from negotiation_env.judges.reading.heads import OF_ANSWERS

__all__ = ["FIRST", "HEADS", "Head", "Pupil"]

FIRST: Final = 8
"""The first layer that is changed, from 0; those below it stay as they are."""
MATRICES: Final = ("q_proj", "k_proj", "v_proj", "o_proj")
HEADS: Final = ("score", "satisfaction", "agreement")
RANK: Final = 8
GAIN: Final = 2.0
DROPPED: Final = 0.05
STRENGTH: Final = 1.0
"""Of the ridge that heads are fit by."""


class Adapted(nn.Module):
    """A linear layer that stays as it is, and a low-rank change beside it that begins as none (Hu et al. 2022)."""

    def __init__(self, plain: nn.Linear) -> None:
        super().__init__()
        self.plain = plain
        self.down = nn.Parameter(torch.randn(RANK, plain.in_features) / math.sqrt(plain.in_features))
        self.up = nn.Parameter(torch.zeros(plain.out_features, RANK))

    def forward(self, found: Tensor) -> Tensor:
        """The layer's product and the change's."""
        kept = dropout(found.float(), DROPPED, self.training)
        plain: Tensor = self.plain(found)
        return plain + (GAIN * kept @ self.down.T @ self.up.T).to(plain.dtype)


class Head(nn.Module):
    """A line through standardised readings: shape [n, features] to [n, values]."""

    centre: Tensor
    spread: Tensor

    def __init__(self, centre: Tensor, spread: Tensor, weight: Tensor, constant: Tensor) -> None:
        super().__init__()
        self.register_buffer("centre", centre)
        self.register_buffer("spread", spread)
        self.weight, self.constant = nn.Parameter(weight), nn.Parameter(constant)

    @classmethod
    def ridge(cls, found: Tensor, labels: Tensor) -> "Head":
        """One that fits labels, shape [n, values], already."""
        centre, spread, middle = found.mean(0), found.std(0) + 1e-3, labels.mean(0)
        known = (found - centre) / spread
        alike = known @ known.T / known.shape[1]
        pull = torch.linalg.solve(alike + STRENGTH * torch.eye(len(known)), labels - middle)
        return cls(centre, spread, (known.T @ pull / known.shape[1]).T.contiguous(), middle)

    def forward(self, found: Tensor) -> Tensor:
        """Values: shape [n, values]."""
        return (found - self.centre) / self.spread @ self.weight.T + self.constant


class Pupil(nn.Module):
    """The upper layers with their changes, and the heads behind them.

    Args:
        network: A transformers model without a head; what it has stays as it is, but is wrapped.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network.requires_grad_(False)
        self.layers = network.layers[FIRST:]
        for layer in self.layers:
            for name in MATRICES:
                setattr(layer.self_attn, name, Adapted(getattr(layer.self_attn, name)))
        self.heads = nn.ModuleDict()

    def read(self, tree: Tree, before: Tensor) -> Tensor:
        """What the heads see of a tree's texts: shape [texts, features]."""
        found = tree.readings(states(self.network, self.layers[: tree.layer - FIRST], tree, before))
        return (found[:, :OF_ANSWERS] if tree.rows[0].item.is_answer else found).flatten(1)

    def changes(self) -> dict[str, Tensor]:
        """The low-rank changes by layer and matrix, with the gain in them."""
        found = {}
        for name, adapted in self._adapted():
            found[f"{name}.down"], found[f"{name}.up"] = adapted.down, GAIN * adapted.up
        return {name: each.detach() for name, each in found.items()}

    def take_up(self, changes: Mapping[str, Any]) -> None:
        """Begin from changes as `changes` has them; layers that they do not have begin with none."""
        for name, adapted in self._adapted():
            if f"{name}.down" in changes:
                adapted.down.data = torch.as_tensor(changes[f"{name}.down"]).float()
                adapted.up.data = torch.as_tensor(changes[f"{name}.up"]).float() / GAIN

    def _adapted(self) -> Iterator[tuple[str, Adapted]]:
        """Each layer that has a change, by the name that the change is kept by."""
        for number, layer in enumerate(self.layers, start=FIRST):
            for name in MATRICES:
                yield f"{number}.{name}", getattr(layer.self_attn, name)

    def learned(self) -> dict[str, Tensor]:
        """All that is trained, and what the heads hold."""
        trained = {name for name, each in self.named_parameters() if each.requires_grad}
        return {name: each for name, each in self.state_dict().items() if name in trained or name.startswith("heads")}

    def recall(self, learned: Mapping[str, Tensor]) -> None:
        """Take up what was learned."""
        parts = ("centre", "spread", "weight", "constant")
        self.heads.update({name: Head(*(learned[f"heads.{name}.{part}"] for part in parts)) for name in HEADS})
        self.load_state_dict(learned, strict=False)
