"""Train a reading judge whose model learns too: small changes of its upper layers, and the heads that judge by them.

    python -m measurements.reading_training FOLDER [--epochs 3] [--out measurements/results/reading_training.json]

The model's first layers stay as they are. To the attention of the upper ones a low-rank change is added (Hu et al.
2022, "LoRA", arXiv:2106.09685), trained together with the heads on `measurements.reading_labels`: of answers the
grade, which of two on one dilemma has the better one, and how far each party is served; of dialogues whether they
agree. These heads are lines, and serve the training alone: what is shipped are small networks
(`measurements.reading_networks`) fit to what the model reads at the end; texts on dilemmas of their own set scale,
interval, threshold and farthest distance. What is to be shipped is copied to `negotiation_env/judges/reading`;
`measurements.reading_check` tries what is there.

FOLDER keeps the first layers' states (3 GB) and what was learned after each epoch, from where it goes on, and gets
`heads.npz` and `adapter.npz`. Changes in FOLDER/begin/adapter.npz, such as those of earlier heads, are what it begins
with; heads v6 and v7 each went on from the ones before for one epoch, and v8's networks read what v7's lines did. The
model computes in bfloat16; what is learned is float32.
"""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np
import torch
from rich.progress import track
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss, softplus
from transformers import AutoModel, AutoTokenizer

from measurements.harness import grid, machine, options, tell
from measurements.reading_labels import Row, labelled_rows
from measurements.reading_networks import Read, networks
from measurements.reading_pupil import FIRST, Head, Pupil
from measurements.reading_scale import scaled, write
from measurements.reading_trees import Tree, states, trees
from negotiation_env.judges.reading.model import reading_model

RATE: Final = 4e-4
RATE_OF_HEADS: Final = 1e-4
WARM: Final = 15
"""Optimizer steps until the rate is reached; then it falls by a cosine to a twentieth."""
TREES: Final = 4
"""Trees an optimizer step."""
TEXTS: Final = 40
"""About as many texts, so that a text weighs the same in every step."""
BETTER: Final = 0.75
"""As many levels between two answers to one dilemma, and their order is trained."""
ORDER: Final = 0.5
SERVED: Final = 0.3
FEW: Final = 4
"""One in so many texts is enough for the heads to begin with."""
SURE: Final = 2.0
"""Log-odds either way that an agreement begins with."""

Text = tuple[Tree, Tensor]
"""A tree and its states below the layers that learn: shape [tokens, width]."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, write heads and changes, and print how they do."""
    chosen = options(__doc__, arguments, "folder", epochs=3)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    model = reading_model()
    network = AutoModel.from_pretrained(model, dtype=torch.bfloat16, local_files_only=True)
    rows = [row for row in labelled_rows() if row.part in ("train", "scale")]
    wood = [*trees(rows, AutoTokenizer.from_pretrained(model, local_files_only=True))]
    texts = [*zip(wood, first_states(network, wood, chosen.folder / "states.pt"), strict=True)]
    pupil = Pupil(network)
    train(pupil, [each for each in texts if _within(each, ("train",))], chosen.folder, chosen.epochs)
    found = readings(pupil, texts, ("train", "scale"))
    write(chosen.folder, scaled(found, networks(found)), pupil.changes())
    told = {"texts": counts(rows)}
    tell(machine() | told, chosen.out, grid(told))


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """Answers, dialogues and dilemmas of those that train, and of those that set the scale."""
    found = {}
    for part in ("train", "scale"):
        own = [row for row in rows if row.part == part]
        answers = sum(row.item.is_answer for row in own)
        found |= {f"{part}, answers": answers, f"{part}, dialogues": len(own) - answers}
        found[f"{part}, dilemmas"] = len({row.dilemma for row in own})
    return found


def first_states(network: Any, wood: Sequence[Tree], kept: Path) -> list[Tensor]:
    """What the layers that do not learn make of each tree."""
    found: dict[str, Tensor] = torch.load(kept) if kept.exists() else {}
    fresh = [tree for tree in wood if tree.key not in found]
    with torch.inference_mode():
        for tree in track(fresh, "first layers"):
            found[tree.key] = states(network, network.layers[:FIRST], tree, network.embed_tokens(tree.ids))
    if fresh:
        torch.save(found, kept)
    return [found[tree.key].clone() for tree in wood]


def _within(text: Text, parts: Sequence[str]) -> bool:
    return any(row.part in parts for row in text[0].rows)


def readings(pupil: Pupil, texts: Iterable[Text], parts: Sequence[str]) -> list[Read]:
    """What the heads see of the texts in some parts."""
    pupil.eval()
    found = []
    with torch.inference_mode():
        for tree, before in track([each for each in texts if _within(each, parts)], "readings"):
            read = pupil.read(tree, before).numpy()
            found += [(row, each) for row, each in zip(tree.rows, read, strict=True) if row.part in parts]
    return found


def fit_heads(pupil: Pupil, found: Sequence[Read]) -> None:
    """Give the pupil heads that fit what it reads now of the texts that train."""
    answers, dialogues = (
        [each for each in found if each[0].part == "train" and each[0].item.is_answer == kind] for kind in (True, False)
    )
    served = [(read, row.served) for row, read in answers if row.served]
    pupil.heads["score"] = _head([(read, [row.label]) for row, read in answers])
    pupil.heads["satisfaction"] = _head(served)
    pupil.heads["agreement"] = _head([(read, [SURE * (2 * row.label - 1)]) for row, read in dialogues])


def _head(pairs: Sequence[tuple[Any, Any]]) -> Head:
    found, labels = zip(*pairs, strict=True)
    return Head.ridge(torch.from_numpy(np.stack(found)), torch.tensor(labels, dtype=torch.float32))


def train(pupil: Pupil, texts: Sequence[Text], folder: Path, epochs: int) -> None:
    """So many epochs, from where it was left, or else from the changes that are there to begin with."""
    kept, begun = folder / "learned.pt", folder / "begin" / "adapter.npz"
    was = torch.load(kept) if kept.exists() else None
    if was:
        pupil.recall(was["pupil"])
    else:
        if begun.exists():
            pupil.take_up(np.load(begun))
        fit_heads(pupil, readings(pupil, texts[::FEW], ("train",)))
    steps = -(-len(texts) // TREES)
    optimizer, schedule = _optimizer(pupil, steps * epochs)
    if was:
        optimizer.load_state_dict(was["optimizer"])
        schedule.load_state_dict(was["schedule"])
    for epoch in range(was["epochs"] if was else 0, epochs):
        pupil.train()
        order = Random(f"0 {epoch}").sample(texts, len(texts))
        for step in track(range(steps), f"epoch {epoch + 1}"):
            for tree, before in order[step * TREES : (step + 1) * TREES]:
                (loss(pupil, tree, before) / TEXTS).backward()
            nn.utils.clip_grad_norm_(pupil.layers.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        learned = {"pupil": pupil.learned(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
        torch.save(learned | {"epochs": epoch + 1}, kept)


def _optimizer(pupil: Pupil, steps: int) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
    changes = [each for each in pupil.layers.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(
        [
            {"params": changes, "lr": RATE, "weight_decay": 0.01},
            {"params": [*pupil.heads.parameters()], "lr": RATE_OF_HEADS, "weight_decay": 0.05},
        ]
    )
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step + 1, steps))


def _rate(step: int, steps: int) -> float:
    """The share of the rate: up in a line, then down by a cosine."""
    return min(1.0, step / WARM) * max(0.05, (1 + math.cos(math.pi * step / steps)) / 2)


def loss(pupil: Pupil, tree: Tree, before: Tensor) -> Tensor:
    """Of a tree's texts that train, summed."""
    places = [place for place, row in enumerate(tree.rows) if row.part == "train"]
    rows, found = [tree.rows[place] for place in places], pupil.read(tree, before)[places]
    labels = torch.tensor([row.label for row in rows])
    if not rows[0].item.is_answer:
        return binary_cross_entropy_with_logits(pupil.heads["agreement"](found)[:, 0], labels, reduction="sum")
    scores = pupil.heads["score"](found)[:, 0]
    whole = smooth_l1_loss(scores, labels, reduction="sum") + ORDER * len(rows) * _of_order(scores, labels)
    known = [place for place, row in enumerate(rows) if row.served]
    if known:
        served = torch.tensor([rows[place].served for place in known])
        whole = whole + SERVED * smooth_l1_loss(pupil.heads["satisfaction"](found[known]), served, reduction="sum")
    return whole


def _of_order(scores: Tensor, labels: Tensor) -> Tensor:
    """How wrong the order of answers to one dilemma is (Burges et al. 2005, RankNet)."""
    better = labels[:, None] - labels >= BETTER
    return softplus(-2 * (scores[:, None] - scores)[better]).mean() if better.any() else scores.sum() * 0


if __name__ == "__main__":
    main()
