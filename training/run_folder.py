"""The folder of a training run: its settings, and what a new or a resumed run finds there."""

import tomllib
from collections import deque
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import tomli_w

from negotiation_env.environment.prompting import chosen_id, current_ids
from negotiation_env.episodes.run_folder import CONFIG, EPISODES, SUMMARY
from negotiation_env.errors import UserError
from negotiation_env.files.differences import differences
from negotiation_env.files.durable import read_lines, text_lines, write_whole
from negotiation_env.files.places import is_there
from negotiation_env.game.prompts import PromptSet
from negotiation_env.text.secrets import without_secrets
from negotiation_env.training.config import TrainConfig, load_config
from negotiation_env.training.held_out_log import HELD_OUT

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = [
    "CHECKPOINTS",
    "CONFIG",
    "METRICS",
    "check_played",
    "check_records",
    "check_run",
    "numbered",
    "rewind",
    "to_toml",
    "write_config",
]

METRICS: Final = "metrics.jsonl"
CHECKPOINTS: Final = "checkpoints"
_TRAINED: Final = ("adapter", "model")
_MAY_CHANGE: Final = ("max_steps", "unscored_limit", "prompts")
"""What a resumed run may name otherwise; `check_played` looks at what the prompts say."""
_BROKEN: Final = "cannot be read, mend it or take it out by hand"


def to_toml(config: TrainConfig) -> str:
    """The resolved settings as TOML; keys without a value are left out."""
    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))


def check_run(config: TrainConfig, out: Path, *, resume: bool) -> None:
    """See that a run can begin or go on in a folder; nothing is written.

    Raises:
        UserError: A new run's folder is none, holds a run already, or what is left of one; or a run to be resumed is
            not there or had other settings (more steps are allowed).
    """
    saved = out / CONFIG
    if resume:
        if not is_there(saved):
            raise UserError(f"nothing to resume: {saved} is not there; start without --resume")
        then, now = load_config(saved).model_dump(), TrainConfig(**tomllib.loads(_shown(config))).model_dump()
        changed = [name for name in now if now[name] != then[name] and name not in _MAY_CHANGE]
        if changed:
            told = ", ".join(f"{name} was {then[name]!r} and is {now[name]!r}" for name in changed)
            raise UserError(f"the run in {out} had other settings: {told}")
    elif out.exists() and not out.is_dir():
        raise UserError(f"{out} is no folder; give another --out")
    elif saved.exists():
        raise UserError(f"{out} holds a run already; go on with --resume, or give another --out")
    elif left := _left(out):
        raise UserError(
            f"{out} holds {', '.join(left)}, but no {CONFIG} of a run to go on with; give another --out, or move "
            "them away"
        )


def _left(out: Path) -> list[str]:
    """What a run would write over or mix with its own."""
    names = (EPISODES, METRICS, HELD_OUT, "held_out", SUMMARY, *_TRAINED)
    return [name for name in names if (out / name).exists()] + [
        f"{CHECKPOINTS}/{path.name}" for path in sorted((out / CHECKPOINTS).glob("checkpoint-*"))
    ]


def write_config(config: TrainConfig, out: Path) -> None:
    """Make the folder and write the resolved settings into it, without the passwords in URLs."""
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / CONFIG, _shown(config))


def _shown(config: TrainConfig) -> str:
    return without_secrets(to_toml(config))


def check_records(out: Path, checkpoint: Path | None) -> None:
    """See that a resumed run does not begin anew over what an earlier one recorded or trained; nothing is written.

    Args:
        out: The run's folder.
        checkpoint: Its last whole one; None is none.

    Raises:
        UserError: There is no checkpoint, but there are records or what was trained.
    """
    if checkpoint is not None:
        return
    held = [name for name in _STEPS if any(text_lines(out / name))]
    held += [name for name in _TRAINED if (out / name).exists()]
    if held:
        raise UserError(
            f"the run in {out} holds {', '.join(held)}, but no whole checkpoint to go on from, and would begin anew "
            "over them; give another --out without --resume, or move them away"
        )


def check_played(out: Path, judge: str, prompts: PromptSet, guards: str = "") -> None:
    """See that a resumed run goes on with the judge, prompts and guards it had: files can change behind their names.

    Args:
        out: The run's folder.
        judge: The judge's name.
        prompts: The learner's set.
        guards: Their id; "" is none.

    Raises:
        UserError: The folder's last whole episode has another judge, other prompts or guards, or a line cannot be read.
    """
    for last in deque(read_lines(out / EPISODES, _adapter(_Judged), _BROKEN, extra="ignore"), maxlen=1):
        then = {"judge": last.judge, "prompts": last.learners_prompts, "guards": last.guards}
        if changed := differences(then, {"judge": judge, "prompts": prompts.id, "guards": guards}):
            raise UserError(f"the run in {out} had another: {'; '.join(changed)}; --resume needs the same")


def rewind(out: Path, step: int) -> None:
    """Drop what was recorded after a checkpoint: its steps are played again.

    Every line is read before the first file is cut. A cut leaves a file as it was or as it shall be, whatever kills the
    process.

    Args:
        out: The run's folder.
        step: Optimizer steps that the checkpoint has behind it.

    Raises:
        UserError: A line cannot be read or stands out of order, or a file is none; nothing was cut.
    """
    kept = {out / name: _lines_before(out / name, step) for name in _STEPS if is_there(out / name)}
    for path, lines in kept.items():
        _cut(path, lines)


def numbered(folder: Path, prefix: str) -> dict[int, Path]:
    """A folder's entries whose name is a prefix and a number, by the number; a copy "checkpoint-5-old" is none."""
    found = {path.name.removeprefix(prefix): path for path in folder.glob(f"{prefix}*")}
    return {int(number): path for number, path in sorted(found.items()) if number.isdecimal()}


@dataclass(frozen=True, slots=True)
class _Seated:
    learner_seat: int


@dataclass(frozen=True, slots=True)
class _Judged:
    """What is read of an episode to know who judged it, what the learner was told, and under which guards."""

    judge: str
    prompts: str
    tags: _Seated
    guards: str = ""

    @property
    def learners_prompts(self) -> str:
        """The id of the set that the learner was to be shown; one id stands for all seats."""
        ids = current_ids(self.prompts).split("; ")
        return chosen_id(ids[min(self.tags.learner_seat, len(ids) - 1)])


@dataclass(frozen=True, slots=True)
class _Tags:
    step: int


@dataclass(frozen=True, slots=True)
class _Played:
    """What is read of an episode to know its step."""

    tags: _Tags

    @property
    def behind(self) -> int:
        """Optimizer steps behind the policy that played."""
        return self.tags.step


@dataclass(frozen=True, slots=True)
class _Logged:
    """What is read of a line of metrics."""

    step: int

    @property
    def behind(self) -> int:
        """Metrics are logged after the step, so that its number is one higher than its episodes'."""
        return self.step - 1


_STEPS: Final[dict[str, type[_Played] | type[_Logged]]] = {EPISODES: _Played, METRICS: _Logged}


@cache
def _adapter(kind: Any) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _lines_before(path: Path, step: int) -> int:
    """How many lines of a file stand before the first one of a step, blank ones included."""
    kind: Any = _STEPS[path.name]
    read = read_lines(path, _adapter(kind), _BROKEN, extra="ignore", non_finite=True)
    lines = [(number, each.behind) for (number, _), each in zip(text_lines(path), read, strict=True)]
    kept = list(takewhile(lambda line: line[1] < step, lines))
    if any(behind < step for _, behind in lines[len(kept) :]):
        first = lines[len(kept)][0]
        raise UserError(f"{path}: after line {first} there are lines of earlier steps; put it in order by hand")
    return kept[-1][0] if kept else 0


def _cut(path: Path, lines: int) -> None:
    """Keep so many lines of a file, the last one with its line end."""
    with path.open("r+b") as file:
        last = b"\n"
        for _ in range(lines):
            last = file.readline()
        file.truncate(file.tell())
        if not last.endswith(b"\n"):
            file.write(b"\n")
