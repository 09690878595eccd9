"""What a run's settings name and do not hold: code, weights and judges that can change behind their names."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from negotiation_env.agents.contents import contents_of, sha256_of
from negotiation_env.errors import UserError
from negotiation_env.files.differences import differences
from negotiation_env.files.durable import read_whole, write_whole
from negotiation_env.files.places import is_there
from negotiation_env.interfaces import Judge
from negotiation_env.training.config import TrainConfig
from negotiation_env.training.learner import sources
from negotiation_env.training.opponents import parse_opponents

__all__ = ["check_contents", "run_contents", "run_sha256", "write_contents"]

_FILE: Final = "contents.json"


def run_contents(config: TrainConfig, held_out_judge: Judge | None) -> dict[str, str]:
    """By name, what stands behind it: digests of code and weights in folders, the model of an endpoint's file.

    The training judge is left to `check_played`, for every episode names it.

    Args:
        config: Its opponents and judges were resolved before.
        held_out_judge: The second judge, whose name tells what is in its file.
    """
    learner, agents, judges = _specs(config)
    found = contents_of([learner, *agents], judges)
    weights = {"the learner's weights": found.pop(learner)} if learner in found else {}  # their folder may move
    return weights | found | ({"held_out_judge": held_out_judge.name} if held_out_judge else {})


def run_sha256(config: TrainConfig) -> dict[str, str]:
    """SHA-256 of every file of the learner's weights, its opponents and the judges, by name; see `sha256_of`."""
    learner, agents, judges = _specs(config)
    found = sha256_of([learner, *agents], judges)
    return {name.replace(learner, "the learner"): value for name, value in found.items()}


def _specs(config: TrainConfig) -> tuple[str, tuple[str, ...], list[str]]:
    """The learner, its opponents, and the judges but for the learner itself."""
    source, adapter = (name.replace('"', '""') for name in sources(config))
    judges = [spec for spec in (config.judge, config.held_out_judge) if spec not in ("self", "none")]
    # a folder's name may hold the mark between them
    return f'hf:"{source}"+"{adapter}"', tuple(parse_opponents(config.opponent).agents), judges


def check_contents(out: Path, now: Mapping[str, str]) -> None:
    """See that a resumed run goes on with what it had; one of before contents were kept is taken as it is.

    Raises:
        UserError: Something has changed, or the file of contents cannot be read.
    """
    path = out / _FILE
    if not is_there(path):
        return
    before = read_whole(path, TypeAdapter(dict[str, Any]), "cannot be read, start anew with another --out")
    if changed := differences(before, now):
        told = " ".join("; ".join(changed).split())  # names in the file may be any text
        raise UserError(
            f"what the run in {out} trains with has changed behind its name: {told}; --resume needs the same"
        )


def write_contents(out: Path, now: Mapping[str, str]) -> None:
    """Keep them for a resumed run."""
    write_whole(out / _FILE, json.dumps(now, indent=1, ensure_ascii=False) + "\n")
