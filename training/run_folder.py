"""The folder of a training run: its settings, and what a resumed run finds there."""

import json
import tomllib
from collections import deque
from pathlib import Path
from typing import Any

from negotiation_env.address import without_secrets
from negotiation_env.errors import UserError
from negotiation_env.files import write_whole
from negotiation_env.run_folder import EPISODES
from training.config import TrainConfig, load_config

__all__ = ["check_judge", "check_run", "rewind", "to_toml", "write_config"]

_CONFIG = "config.toml"


def to_toml(config: TrainConfig) -> str:
    """The resolved settings as TOML; keys without a value are left out."""
    values = config.model_dump(mode="json", exclude_none=True)
    return "".join(f"{name} = {_to_toml(value)}\n" for name, value in values.items())


def _to_toml(value: Any) -> str:
    """Of the values that settings have, JSON and TOML write all but a table alike."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_to_toml(name)} = {_to_toml(inner)}' for name, inner in value.items())} }}"
    return json.dumps(value, ensure_ascii=False)


def check_run(config: TrainConfig, out: Path, *, resume: bool) -> None:
    """See that a run can begin or go on in a folder; nothing is written.

    Raises:
        UserError: A new run's folder holds one already; or a run to be resumed is not there or had other settings
            (more steps are allowed).
    """
    saved = out / _CONFIG
    if resume:
        if not saved.is_file():
            raise UserError(f"nothing to resume: {saved} is not there; start without --resume")
        then, now = load_config(saved).model_dump(), TrainConfig(**tomllib.loads(_shown(config))).model_dump()
        changed = [name for name in now if now[name] != then[name] and name not in ("max_steps", "unscored_limit")]
        if changed:
            told = ", ".join(f"{name} was {then[name]!r} and is {now[name]!r}" for name in changed)
            raise UserError(f"the run in {out} had other settings: {told}")
    elif saved.exists():
        raise UserError(f"{out} holds a run already; go on with --resume, or give another --out")


def write_config(config: TrainConfig, out: Path) -> None:
    """Make the folder and write the resolved settings into it, without the passwords in URLs."""
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / _CONFIG, _shown(config))


def _shown(config: TrainConfig) -> str:
    return without_secrets(to_toml(config))


def rewind(out: Path, step: int) -> None:
    """Drop what was recorded after a checkpoint: its steps are played again.

    Args:
        out: The run's folder.
        step: Optimizer steps that the checkpoint has behind it.
    """
    for name, number in (("episodes.jsonl", _episode_step), ("metrics.jsonl", _metrics_step)):
        path = out / name
        if not path.is_file():
            continue
        fresh = path.with_suffix(".tmp")
        with path.open("rb") as lines, fresh.open("wb") as file:  # as text, half a character would be in the way
            file.writelines(line for line in lines if line.endswith(b"\n") and number(line) < step)
        fresh.replace(path)


def check_judge(out: Path, judge: str) -> None:
    """See that a resumed run goes on with the judge that it had: a judge's file can change behind its name.

    Raises:
        UserError: The folder's last episode has another judge.
    """
    if not (out / EPISODES).is_file():
        return
    with (out / EPISODES).open("rb") as lines:
        judges = {json.loads(line)["judge"] for line in deque(lines, maxlen=1)}
    if judges - {judge}:
        raise UserError(
            f"the run in {out} had the judge {judges.pop()!r}, now it is {judge!r}; --resume needs the same"
        )


def _episode_step(line: bytes) -> int:
    return int(json.loads(line)["tags"]["step"])


def _metrics_step(line: bytes) -> int:
    """Metrics are logged after the step, so that its number is one higher than its episodes'."""
    return int(json.loads(line)["step"]) - 1
