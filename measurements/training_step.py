"""What a training step costs beside its model calls: one short run of the real trainer on the embedded model.

    python -m measurements.training_step [--steps 3] [--out measurements/results/training_step.json]

For a CPU; hide a GPU (CUDA_VISIBLE_DEVICES=""), for its work would run on while the clock is at the next part. The
settings are those of examples/learning_embedded.toml. A step lasts from one line of the training log to the next; the
first one warms up and is not counted. Every second of a step belongs to one part, the innermost that ran:

- the model calls: the network's forward in the rollouts, the network's forward for the loss (TRL's includes the
  tokens' log-probabilities and entropies), the backward pass, and the judge's calls, whole;
- what comes on top: folding the adapter into the weights and out again, key-value cache and tensors between forward
  passes, drawing tokens, ids from texts and back, environment, metrics, the loss beside the network, clipping and
  optimizer, and all that is left, which is TRL's and transformers' own.

The ratio is the whole step over the model calls. `load` is how many processes wanted a core at the end: with more than
there are cores, every part takes longer by the clock. The checkpoint after the last step is listed apart; the example
writes one every 5 steps.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import torch
from accelerate import Accelerator
from peft import PeftModelForCausalLM
from transformers import TrainerCallback

from measurements.harness import machine, options, tell
from negotiation_env.agents.models import in_process
from negotiation_env.agents.models.conversations import Conversations
from negotiation_env.judges.specs import resolve_judge
from negotiation_env.training import grpo, rollout, trl_seam
from negotiation_env.training.config import TrainConfig, load_config
from negotiation_env.training.engines.in_process import InProcess
from negotiation_env.training.engines.snapshots import Snapshots
from negotiation_env.training.learner import load_learner
from negotiation_env.training.players import Players
from negotiation_env.training.rollout import Rollout
from negotiation_env.training.timed_judge import TimedJudge

EXAMPLE = Path(__file__).parents[1] / "examples" / "learning_embedded.toml"

GENERATION, LOSS, REST = "generation", "loss forward", "TRL and the rest"
MODEL_CALLS = (GENERATION, LOSS, "loss backward", "judge")
PARTS: tuple[tuple[Any, str, str], ...] = (
    (PeftModelForCausalLM, "forward", GENERATION),  # or LOSS, where gradients are wanted
    (Accelerator, "backward", "loss backward"),
    (TimedJudge, "judge", "judge"),
    (in_process.InProcessModel, "chat", "adapter"),  # what is left of it beside the parts within
    (in_process.InProcessModel, "_sample", "cache and tensors"),
    (in_process, "uniforms", "drawing"),
    (in_process, "log_distribution", "drawing"),
    (in_process, "draw", "drawing"),
    (Conversations, "draft", "ids and texts"),
    (Conversations, "reply", "ids and texts"),
    (Rollout, "__call__", "environment"),
    (rollout, "step_metrics", "metrics"),
    (trl_seam.NegotiationTrainer, "compute_loss", "loss beside the network"),
    (Accelerator, "clip_grad_norm_", "clipping and optimizer"),
    (torch.optim.AdamW, "step", "clipping and optimizer"),
)
"""Functions by owner and name, and the part that their time belongs to."""


class Clock:
    """Seconds by part; what runs within another part is taken from the outer one."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)
        self._running = [REST]
        self._since = time.perf_counter()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """What runs inside belongs to this part."""
        self._charge()
        self._running.append(name)
        try:
            yield
        finally:
            self._charge()
            self._running.pop()

    def lap(self) -> dict[str, float]:
        """The seconds since the last lap."""
        self._charge()
        lap, self._seconds = dict(self._seconds), defaultdict(float)
        return lap

    def _charge(self) -> None:
        now = time.perf_counter()
        self._seconds[self._running[-1]] += now - self._since
        self._since = now


class Laps(TrainerCallback):  # type: ignore[misc]
    """A lap for each line of the training log, and one for the checkpoint."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.steps: list[dict[str, float]] = []
        self.checkpoint = 0.0

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """A step is over."""
        if logs and "reward" in logs:
            self.steps.append(self.clock.lap())

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """So is its checkpoint."""
        self.checkpoint = sum(self.clock.lap().values())


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the JSON."""
    chosen = options(__doc__, arguments, steps=3)
    changes = {"max_steps": str(chosen.steps + 1), "save_steps": str(chosen.steps + 1)}
    laps = measure(load_config(EXAMPLE, changes))
    found = figures(laps.steps[1:]) | {"checkpoint_s": round(laps.checkpoint, 3)}
    tell(found, chosen.out, table(found))


def measure(config: TrainConfig) -> Laps:
    """Train as `negotiation_env.training.run.train` does, less the held-out games, with every part on the clock."""
    clock = Clock()
    with TemporaryDirectory() as out, on_the_clock(clock):
        model, tokenizer = load_learner(config)
        snapshots = Snapshots(model)
        players = Players(config, InProcess(model, tokenizer, snapshots), snapshots)
        trainer = grpo.build_trainer(config, model, tokenizer, resolve_judge(config.judge), players, Path(out))
        laps = Laps(clock)
        trainer.add_callback(laps)
        trainer.train()
    return laps


@contextmanager
def on_the_clock(clock: Clock) -> Iterator[None]:
    """Time all `PARTS`."""
    with ExitStack() as stack:
        for owner, name, part in PARTS:
            stack.enter_context(patch.object(owner, name, timed(getattr(owner, name), part, clock)))
        yield


def timed(function: Callable[..., Any], part: str, clock: Clock) -> Callable[..., Any]:
    """The function, on the clock."""

    @wraps(function)
    def on_clock(*arguments: Any, **options: Any) -> Any:
        for_loss = part == GENERATION and torch.is_grad_enabled()
        with clock.part(LOSS if for_loss else part):
            return function(*arguments, **options)

    return on_clock


def figures(steps: Sequence[dict[str, float]]) -> dict[str, Any]:
    """The steps' means in seconds, and the ratio of each."""
    parts = (*MODEL_CALLS, *dict.fromkeys(part for *_, part in PARTS if part not in MODEL_CALLS), REST)
    ratios = [sum(step.values()) / sum(step.get(part, 0.0) for part in MODEL_CALLS) for step in steps]
    return {
        **machine(),
        "torch_threads": torch.get_num_threads(),
        "config": EXAMPLE.name,
        "step_s": [round(sum(step.values()), 3) for step in steps],
        "parts_s": {part: round(fmean(step.get(part, 0.0) for step in steps), 3) for part in parts},
        "ratios": [round(ratio, 4) for ratio in ratios],
        "ratio": round(fmean(ratios), 4),
    }


def table(found: dict[str, Any]) -> str:
    """The parts, largest first within the model calls and within the rest."""
    step = fmean(found["step_s"])
    ranked = sorted(found["parts_s"].items(), key=lambda part: (part[0] not in MODEL_CALLS, -part[1]))
    lines = [f"{name:<24}{seconds:8.2f} s{seconds / step:8.1%}" for name, seconds in [*ranked, ("step", step)]]
    ratios = ", ".join(f"{ratio:.3f}" for ratio in found["ratios"])
    checkpoint = f"{'checkpoint, apart':<24}{found['checkpoint_s']:8.2f} s"
    return "\n".join([*lines, checkpoint, f"ratio {found['ratio']:.3f} ({ratios})"])


if __name__ == "__main__":
    main()
