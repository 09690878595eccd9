"""With what a run was made: `provenance.jsonl` in its folder, a line whenever it begins or goes on with something new.

The settings that `--resume` wants unchanged are in run.json or config.toml; a run may go on at another commit, with
other packages or on another device, and then this file tells of each.
"""

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Final

from negotiation_env.files.durable import append_bytes, read_lines
from negotiation_env.game.prompts import PromptSet
from negotiation_env.game.scenario import Scenario
from negotiation_env.loading.models import MODELS
from negotiation_env.text.secrets import without_secrets
from negotiation_env.version import __version__

__all__ = ["PROVENANCE", "Provenance", "digests", "fetched", "last_provenance", "made_with", "note_provenance"]

PROVENANCE: Final = "provenance.jsonl"
_CHECKOUT: Final = Path(__file__).resolve().parents[2]
_SECONDS: Final = 10
_NAME: Final = re.compile(r"[\w.-]+")


@dataclass(frozen=True, slots=True)
class Provenance:
    """What one sitting of a run was made with.

    Attributes:
        version: Of this package.
        commit: Of the checkout that it ran from, with "-dirty" where files were changed; "" outside of one.
        python: The interpreter's version.
        packages: The version of each package that this one can use and that is installed.
        device: The accelerator's name; of a run without one, the machine's kind and number of cores.
        platform: The operating system.
        sha256: Of what it was made from, by its name: scenarios, prompt sets, the models that this version fetches, and
            the files of agents, base models, adapters and judges.
    """

    version: str
    commit: str
    python: str
    packages: Mapping[str, str]
    device: str
    platform: str
    sha256: Mapping[str, str]


def note_provenance(out: Path, sha256: Mapping[str, str], name: str = PROVENANCE) -> None:
    """Append what a run in a claimed folder is made with now, unless the last line says the same.

    Args:
        out: The run's folder.
        sha256: Of what it is made from, by name.
        name: The file's name, where what one folder holds was made with different things.

    Raises:
        UserError: The file cannot be read or written.
    """
    line = without_secrets(json.dumps(asdict(made_with(sha256)), ensure_ascii=False))
    before = last_provenance(out, name)
    if before is None or asdict(before) != json.loads(line):
        append_bytes(out / name, line.encode() + b"\n")


def last_provenance(out: Path, name: str = PROVENANCE) -> Provenance | None:
    """What a run was made with last; None where its folder does not say.

    Raises:
        UserError: The file cannot be read.
    """
    from pydantic import TypeAdapter

    lines = list(read_lines(out / name, TypeAdapter(Provenance), "does not say what a run was made with"))
    return lines[-1] if lines else None


def made_with(sha256: Mapping[str, str]) -> Provenance:
    """What is made now is made with this.

    Args:
        sha256: Of what it is made from, by name.
    """
    return Provenance(__version__, _commit(), platform.python_version(), _packages(), _device(), _system(), sha256)


def digests(scenarios: Iterable[Scenario], prompts: Iterable[PromptSet]) -> dict[str, str]:
    """SHA-256 of the data, line by line as JSON, of each prompt set, and of the models that this version fetches."""
    data = hashlib.sha256("".join(f"{each.to_json()}\n" for each in scenarios).encode()).hexdigest()
    sets = {f"prompts {each.id}": each.sha256 for each in prompts}
    return {"scenarios": data} | sets | fetched()


def fetched() -> dict[str, str]:
    """SHA-256 of the models that this version fetches."""
    return {f"fetched {each.name}": each.source.sha256 for each in MODELS}


@cache
def _commit() -> str:
    """Of this project's own checkout: one that only has an installed copy somewhere in it says nothing."""
    if not (_CHECKOUT / ".git").exists():
        return ""
    command = ["git", "-C", str(_CHECKOUT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):  # no git here, or a checkout that is not ours to read
        return ""
    return found.stdout.strip()


@cache
def _packages() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, requires, version  # slow to import

    try:
        names = {found[0] for each in requires("negotiation-env") or () if (found := _NAME.match(each))}
    except PackageNotFoundError:  # run from a folder without being installed
        return {}
    versions = {}
    for name in sorted(names):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _device() -> str:
    """Agents are loaded before: where nobody loaded torch, nothing runs on an accelerator here."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return ", ".join(torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count()))
    return f"CPU, {platform.machine()}, {os.cpu_count()} cores"


def _system() -> str:
    return f"{platform.system()} {platform.release()}"
