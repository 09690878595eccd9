"""Checkpoints that are whole: a process may be killed while it writes one."""

import shutil
from pathlib import Path
from typing import Any

from accelerate import PartialState
from transformers import TrainerCallback

from training.opponents import RATINGS
from training.players import Players

__all__ = ["SavePlayers", "last_checkpoint"]


class SavePlayers(TrainerCallback):  # type: ignore[misc]
    """Adds the past selves to each checkpoint, after all that transformers writes."""

    def __init__(self, players: Players) -> None:
        self.players = players

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Save them beside the weights, once every process has written its part; all of them call this."""
        PartialState().wait_for_everyone()
        if state.is_world_process_zero:
            self.players.save(Path(args.output_dir) / f"checkpoint-{state.global_step}")


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that is whole; newer ones that are not are removed."""
    newest_first = sorted(folder.glob("checkpoint-*"), key=steps_behind, reverse=True)
    for checkpoint in newest_first:
        if (checkpoint / RATINGS).is_file():
            return checkpoint
        shutil.rmtree(checkpoint, ignore_errors=True)  # another process may be removing it too
    return None


def steps_behind(checkpoint: Path | None) -> int:
    """Optimizer steps that a checkpoint has behind it; 0 without one."""
    return int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0
