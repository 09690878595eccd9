"""The heads that are shipped: small networks, each fit to what the tuned model reads of labelled texts.

One line through all of it, as heads up to v7 were, tells authors' plans apart and not what small models write: what
makes one of their texts better than another is something else, and there are four times as many of the others. So there
is a network for any answer, one for small models' alone, and one that says how surely a small model wrote the text.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss

from measurements.reading_labels import Row
from negotiation_env.judges.reading.heads import Network

__all__ = ["Read", "networks"]

HIDDEN: Final = 20
"""Units of each: as many as keep all of them, with the model's changes, below a megabyte."""
DROPPED: Final = 0.4
"""Of readings and of units, in training: the readings of these texts trained the model too."""
RATE: Final = 1e-3
DECAY: Final = 0.3
EPOCHS: Final = 40
TEXTS: Final = 64
"""A step."""
MISSED: Final = 10.0
"""A model's text taken for another weighs as many times as much as another taken for a model's: rewards are for models,
and the network of any answer gives their nonsense too much."""
SURE: Final = 0.95
"""The probability that an agreement should get."""

Read = tuple[Row, Any]
"""A text and what the heads see of it."""


def networks(found: Sequence[Read]) -> dict[str, Network]:
    """The networks of `Heads` by name, fit to those texts that train."""
    answers, dialogues = (
        [each for each in found if each[0].part == "train" and each[0].item.is_answer == kind] for kind in (True, False)
    )
    by_models = [each for each in answers if each[0].by_model]
    return {
        "by_model": _fit(answers, [[float(row.by_model)] for row, _ in answers], _of_kind),
        "of_any": _fit(answers, [_grades(row) for row, _ in answers], _of_grades),
        "of_models": _fit(by_models, [_grades(row) for row, _ in by_models], _of_grades),
        "agreement": _fit(dialogues, [[row.label] for row, _ in dialogues], _of_agreement),
    }


def _grades(row: Row) -> list[float]:
    """Score and satisfaction of the two parties, not a number where nobody says."""
    return [row.label, *(row.served or (np.nan, np.nan))]


def _of_kind(said: Tensor, labels: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(said, labels, pos_weight=torch.tensor(MISSED))


def _of_agreement(said: Tensor, labels: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(said, SURE * labels + (1 - SURE) * (1 - labels))


def _of_grades(said: Tensor, labels: Tensor) -> Tensor:
    known = ~labels.isnan()
    apart = smooth_l1_loss(said, labels.nan_to_num(), reduction="none") * known
    return (apart[:, 0] + apart[:, 1:].mean(1)).mean()


def _fit(read: Sequence[Read], labels: Sequence[Sequence[float]], loss: Any) -> Network:
    """A network that says labels, of shape [n, values], of what is read."""
    torch.manual_seed(0)
    found, wanted = torch.from_numpy(np.stack([each for _, each in read])).float(), torch.tensor(labels)
    centre, spread = found.mean(0), found.std(0) + 1e-3
    known = (found - centre) / spread
    first, last = nn.Linear(known.shape[1], HIDDEN), nn.Linear(HIDDEN, wanted.shape[1])
    network = nn.Sequential(nn.Dropout(DROPPED), first, nn.ReLU(), nn.Dropout(DROPPED), last)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    steps = EPOCHS * -(-len(known) // TEXTS)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(EPOCHS):
        for places in torch.randperm(len(known)).split(TEXTS):
            optimizer.zero_grad()
            loss(network(known[places]), wanted[places]).backward()
            optimizer.step()
            schedule.step()
    weight = first.weight / spread
    return Network(_line(weight, first.bias - weight @ centre), _line(last.weight, last.bias))


def _line(weight: Tensor, constant: Tensor) -> Any:
    return torch.cat([weight, constant[:, None]], dim=1).detach().double().numpy()
