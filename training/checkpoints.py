"""Checkpoints that are whole: a process may be killed while it writes one."""

import shutil
import zipfile
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import Any

from accelerate import PartialState
from safetensors import SafetensorError, safe_open
from transformers import TrainerCallback

from negotiation_env.agents.models.training_card import TrainingCard, write_card
from negotiation_env.errors import UserError
from negotiation_env.training.opponents import RATINGS, load_ratings
from negotiation_env.training.players import Players
from negotiation_env.training.run_folder import numbered

__all__ = ["SavePlayers", "check_checkpoint", "last_checkpoint", "remove_after", "steps_behind"]

_PREFIX = "checkpoint-"


class SavePlayers(TrainerCallback):  # type: ignore[misc]
    """Adds the training's card and the past selves to each checkpoint, after all that transformers writes."""

    def __init__(self, players: Players, card: TrainingCard) -> None:
        self.players = players
        self.card = card

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Save them beside the weights, once every process has written its part; all of them call this."""
        PartialState().wait_for_everyone()
        if state.is_world_process_zero:
            folder = Path(args.output_dir) / f"{_PREFIX}{state.global_step}"
            write_card(folder, self.card)
            self.players.save(folder)


def last_checkpoint(folder: Path, most: float = inf) -> Path | None:
    """The newest checkpoint that is whole and has so many optimizer steps behind it at most; None without one."""
    found = numbered(folder, _PREFIX).items()
    whole = {step: path for step, path in found if step <= most and (path / RATINGS).is_file()}
    return whole[max(whole)] if whole else None


def steps_behind(checkpoint: Path | None) -> int:
    """Optimizer steps that a checkpoint has behind it; 0 without one."""
    return int(checkpoint.name.removeprefix(_PREFIX)) if checkpoint else 0


def remove_after(folder: Path, step: int) -> None:
    """Remove the checkpoints of later steps, which a kill left half: a new one is not to be rotated out before them."""
    for number, path in numbered(folder, _PREFIX).items():
        if number > step:
            shutil.rmtree(path, ignore_errors=True)


def check_checkpoint(checkpoint: Path) -> None:
    """See that a run can go on from a whole checkpoint.

    Raises:
        UserError: A file of it cannot be read, or holds weights that are not finite.
    """
    remedy = "move that checkpoint away, and --resume goes on from the one before it"
    try:
        load_ratings(checkpoint)
        faults = list(_faults(checkpoint))
    except (OSError, ValueError, SafetensorError) as error:
        raise UserError(f"{checkpoint} cannot be read: {str(error).splitlines()[0]}; {remedy}") from error
    if faults:
        raise UserError(f"{checkpoint}: {faults[0]}; {remedy}")


def _faults(checkpoint: Path) -> Iterator[str]:
    for path in sorted(checkpoint.glob("*.safetensors")):
        with safe_open(path, framework="pt") as tensors:
            if not all(bool(tensors.get_tensor(name).isfinite().all()) for name in tensors.keys()):  # noqa: SIM118
                yield f"weights in {path.name} are not finite"
    for path in sorted(checkpoint.glob("*.pt*")):
        if not zipfile.is_zipfile(path):  # torch's format, whose index stands at the end
            yield f"{path.name} is cut short"
