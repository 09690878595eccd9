"""What specs do not say of themselves: the code and weights that a name stands for, told by their digests.

A run goes on only where these are what they were.
"""

import hashlib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from negotiation_env.endpoint import read_endpoint

__all__ = ["contents_of"]


def contents_of(agents: Iterable[str], judges: Iterable[str] = ()) -> dict[str, str]:
    """What specs do not say of themselves, by spec.

    A spec that says all is left out, and a judge's file, which the judge's name tells.

    Args:
        agents: Specs that `agents.specs` resolves, as agents or models; resolved before, so that modules are there.
        judges: Specs that `negotiation_env.judges` resolves.

    Raises:
        UserError: An endpoint's file cannot be read.
    """
    agents, judges = list(agents), list(judges)
    found = {spec: read_endpoint(Path(spec)).name for spec in agents if spec.endswith(".toml")}
    files = {spec: _files(spec) for spec in (*agents, *judges)}
    return found | {spec: _digest(some) for spec, some in files.items() if some}


def _files(spec: str) -> list[Path]:
    """The files on this disk that decide what a spec says."""
    kind, _, rest = spec.partition(":")
    if kind in ("python", "function"):
        found = find_spec(rest.partition(":")[0])
        return [Path(found.origin)] if found and found.origin else []
    if kind in ("hf", "vllm"):
        folders = [Path(part) for part in rest.split("+", 1)]
        return [path for folder in folders for path in sorted(folder.glob("*.safetensors"))]
    if kind == "panel":
        return [path for member in rest.partition(":")[2].split(",") for path in _files(member)]
    return []


def _digest(files: Iterable[Path]) -> str:
    """The beginning of SHA-256 over the contents."""
    whole = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:12]
