"""A training run for the person who waits for it."""

import json
import time
from math import isfinite
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from negotiation_env.files import append_bytes
from negotiation_env.progress import bar
from training.config import TrainConfig

__all__ = ["StepLog"]


class StepLog(TrainerCallback):  # type: ignore[misc]
    """A progress bar with a line of figures a step, and every metric in `metrics.jsonl`.

    A metric that nothing was counted for, such as the mean reward of a step without a score, is null there: JSON has no
    NaN.

    Args:
        config: The run's settings.
        path: The metrics file to append to.
    """

    def __init__(self, config: TrainConfig, path: Path) -> None:
        self.config = config
        self.path = path
        self._bar = bar()
        self._task = self._bar.add_task("training", total=config.max_steps)
        self._start = time.perf_counter()

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Show the bar."""
        self._bar.update(self._task, completed=state.global_step)
        if state.is_world_process_zero:
            self._bar.start()

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Note the time."""
        self._start = time.perf_counter()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """Write the step's metrics and tell the main ones."""
        if not logs or "reward" not in logs or not state.is_world_process_zero:
            return
        figures = {name: None if value is None or not isfinite(value) else value for name, value in logs.items()}
        append_bytes(self.path, (json.dumps({"step": state.global_step} | figures) + "\n").encode())
        line = f"step {state.global_step:>4}  {_told(logs)}, step {time.perf_counter() - self._start:.0f} s"
        self._bar.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=state.global_step)

    def close(self) -> None:
        """Take the bar away, however the training has ended."""
        if self._bar.live.is_started:
            self._bar.stop()


def _told(logs: dict[str, Any]) -> str:
    """A step's main figures; a dash where there was nothing to count."""

    def figure(name: str, form: str) -> str:
        return format(logs[name], form) if name in logs else "–"

    reward = f"{figure('group_mean', '.2f')} [{figure('group_min', '.2f')}, {figure('group_max', '.2f')}]"
    return (
        f"reward {reward}  agreed {figure('agreement_rate', '.0%')}  turns {figure('turns', '.1f')}  "
        f"no signal {figure('no_signal', '.0%')}  "
        f"rollout {figure('seconds/rollout', '.0f')} s, judge {figure('seconds/judge', '.1f')} s"
    )
