"""What it saves to run once what the rows of a group share: the loss of a step and its gradient, both ways.

    python -m measurements.shared_prompt [--groups 3] [--out measurements/results/shared_prompt.json]

Groups of `examples/selfplay_embedded.toml`, played by the embedded model and scored by a script; with its micro-batch
of a whole group, with half of one, and with one row at a time. Seconds by the clock on the wall, in the median; the
gradients' largest difference is told beside their largest value. Gigabytes are the most that the process has held when
all laps of so many rows are over, the sampling before them included: micro-batches come in the order of their size.
"""

import resource
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch

from measurements.harness import grid, machine, options, tell
from negotiation_env import ScriptedJudge
from negotiation_env.training.config import load_config
from negotiation_env.training.engines.in_process import InProcess
from negotiation_env.training.engines.snapshots import Snapshots
from negotiation_env.training.grpo import build_trainer
from negotiation_env.training.learner import load_learner
from negotiation_env.training.players import Players
from negotiation_env.training.trl_seam import cut_to_width

EXAMPLE = Path(__file__).parents[1] / "examples" / "selfplay_embedded.toml"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the JSON."""
    chosen = options(__doc__, arguments, groups=3)
    with TemporaryDirectory() as folder:
        trainer = trainer_of(Path(folder))
        batches = [batch_of(trainer, number) for number in range(chosen.groups)]
    group = len(batches[0]["prompt_ids"])
    ways = {"a row at a time": 1, "half a group": group // 2, "a group at once": group}
    laps, memory = dict[str, list[tuple[float, torch.Tensor]]](), dict[str, float]()
    for name, rows in ways.items():
        laps[name] = [lap(trainer, batch, rows) for batch in batches]
        memory[name] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 1)  # kilobytes, on Linux
    seconds = {name: round(median(lasted for lasted, _ in each), 2) for name, each in laps.items()}
    gradients = [[gradient for _, gradient in each] for each in laps.values()]
    difference = max(
        float((one - other).abs().max()) for each in gradients for one, other in zip(each, gradients[-1], strict=True)
    )
    told: dict[str, Any] = machine() | {"threads": torch.get_num_threads(), "rows": group}
    told |= {"gradient": max(float(each.abs().max()) for each in gradients[-1]), "difference": difference}
    tell(told | {"seconds": seconds, "gigabytes": memory}, chosen.out, grid({"seconds": seconds, "GB": memory}))


def trainer_of(folder: Path) -> Any:
    """A trainer as the example has it, but for its judge."""
    config = load_config(EXAMPLE)
    model, tokenizer = load_learner(config)
    snapshots = Snapshots(model)
    players = Players(config, InProcess(model, tokenizer, snapshots), snapshots)
    judge = ScriptedJudge(score=lambda question: len(question.completion) % 50 / 10, agrees=lambda _: True)
    trainer = build_trainer(config, model, tokenizer, judge, players, folder)
    trainer.current_gradient_accumulation_steps = 1  # set by the training loop, which this stands in for
    return trainer


def batch_of(trainer: Any, number: int) -> dict[str, Any]:
    """A group, played."""
    trainer.model.train()
    task = dict(trainer.train_dataset[number])
    batch: dict[str, Any] = trainer._generate_and_score_completions([task] * trainer.num_generations)
    return batch


def lap(trainer: Any, batch: dict[str, Any], rows: int) -> tuple[float, torch.Tensor]:
    """Seconds of the loss and its gradient, so many rows at a time, and the gradient."""
    trainer.model.zero_grad()
    start = time.perf_counter()
    for first in range(0, len(batch["prompt_ids"]), rows):
        part = {
            name: value[first : first + rows] if getattr(value, "ndim", 0) else value for name, value in batch.items()
        }
        trainer.compute_loss(trainer.model, cut_to_width(part)).backward()
    seconds = time.perf_counter() - start
    return seconds, torch.cat([p.grad.flatten() for p in trainer.model.parameters() if p.grad is not None])


if __name__ == "__main__":
    main()
