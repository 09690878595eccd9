"""The folder of a training run: its settings, and what a resumed run finds there."""

import json
from pathlib import Path
from typing import Any

from negotiation_env.episode import write_whole
from negotiation_env.errors import UserError
from training.config import TrainConfig, load_config

__all__ = ["open_run", "rewind", "to_toml"]

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


def open_run(config: TrainConfig, out: Path, *, resume: bool) -> None:
    """Make the folder and write the resolved settings into it.

    Raises:
        UserError: A new run's folder holds one already; or a run to be resumed is not there or had other settings
            (more steps are allowed).
    """
    saved = out / _CONFIG
    if resume:
        if not saved.is_file():
            raise UserError(f"nothing to resume: {saved} is not there; start without --resume")
        then, now = load_config(saved).model_dump(), config.model_dump()
        changed = [name for name in now if now[name] != then[name] and name not in ("max_steps", "unscored_limit")]
        if changed:
            told = ", ".join(f"{name} was {then[name]!r} and is {now[name]!r}" for name in changed)
            raise UserError(f"the run in {out} had other settings: {told}")
    elif saved.exists():
        raise UserError(f"{out} holds a run already; go on with --resume, or give another --out")
    out.mkdir(parents=True, exist_ok=True)
    write_whole(saved, to_toml(config))


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
        lines = path.read_bytes().splitlines(keepends=True)  # as text, half a character or U+2028 would be in the way
        kept = [line for line in lines if line.endswith(b"\n") and number(line) < step]
        fresh = path.with_suffix(".tmp")
        fresh.write_bytes(b"".join(kept))
        fresh.replace(path)


def _episode_step(line: bytes) -> int:
    return int(json.loads(line)["tags"]["step"])


def _metrics_step(line: bytes) -> int:
    """Metrics are logged after the step, so that its number is one higher than its episodes'."""
    return int(json.loads(line)["step"]) - 1
