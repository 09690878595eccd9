"""What specs do not say of themselves: the code, weights and settings that a name stands for, told by their digests.

A run goes on only where these are what they were.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import lru_cache
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import Final

from negotiation_env.agents.agent_file import read_agent_file
from negotiation_env.environment.prompting import load_prompts
from negotiation_env.episodes.answer_file import digest
from negotiation_env.specs import FILE, Spec, parse, single_specs, source_and_adapter
from negotiation_env.specs.kinds import AGENTS, JUDGES, Kinds

__all__ = ["contents_of", "sha256_of"]

_OURS: Final = ("negotiation_env",)
"""A checkout of this project is no part of the agent in it."""


def contents_of(agents: Iterable[str], judges: Iterable[str] = ()) -> dict[str, str]:
    """What specs do not say of themselves, by spec.

    Of `function:`, `python:` and kinds of installed packages it is the code of the module and of the modules beside it
    that it imports (not of other installed packages, nor of other files that it reads); of folders of models and
    adapters all files but their notes; of an endpoint's file the model and what it is sent; of an agent's file all of
    it, with its prompt set and what its agent's spec does not say. A spec that says all is left out, and a judge's
    file, which the judge's name tells.

    Args:
        agents: Specs that `negotiation_env.agents.specs` resolves, as agents or models; resolved before, so that
            modules are there.
        judges: Specs that `negotiation_env.judges.specs` resolves.

    Raises:
        UserError: An endpoint's or agent's file cannot be read.
    """
    agents, judges = list(agents), list(judges)
    found = {spec: _of_file(spec) for spec in agents if parse(spec).kind == FILE}
    files = {spec: _files(spec, kinds) for kinds, specs in ((AGENTS, agents), (JUDGES, judges)) for spec in specs}
    return found | {spec: _digest(some) for spec, some in files.items() if some}


def sha256_of(agents: Iterable[str], judges: Iterable[str] = ()) -> dict[str, str]:
    """SHA-256 of every file that decides what specs say, by the spec, the folder's and the file's name.

    Those of `contents_of`, the specs' own files, and shipped adapters. What is on another machine has none.

    Args:
        agents: As for `contents_of`.
        judges: The same.
    """
    kinds_of = [(spec, kinds) for kinds, specs in ((AGENTS, agents), (JUDGES, judges)) for spec in specs]
    found = [(spec, path) for spec, kinds in kinds_of for path in (*_files(spec, kinds), *_own_files(spec, kinds))]
    return {f"{spec}: {path.parent.name}/{path.name}": _sha256(path).hex() for spec, path in found}


def _own_files(spec: str, kinds: Kinds) -> list[Path]:
    """An endpoint's, agent's or judge's file, with that of the agent that it names; a shipped adapter."""
    from negotiation_env.agents.models.embedded import shipped_adapter

    found: list[Path] = []
    for each in single_specs(spec):
        parsed = parse(each)
        if kinds is AGENTS and (shipped := shipped_adapter(parsed)):
            found += [path for path in sorted(shipped.glob("*")) if _decides(path)]
        elif parsed.kind == FILE:
            settings = read_agent_file(each) if kinds is AGENTS else None
            inner = [*_files(settings.agent, kinds), *_own_files(settings.agent, kinds)] if settings else []
            found += [Path(each), *inner]
    return found


def _of_file(spec: str) -> str:
    from negotiation_env.endpoints.endpoint import read_endpoint

    if settings := read_agent_file(spec):
        prompts = settings.prompts and load_prompts(settings.prompts).id
        return digest(asdict(settings), prompts, contents_of([settings.agent]))[:12]
    return read_endpoint(Path(spec)).name


def _files(spec: str, kinds: Kinds) -> list[Path]:
    """The files on this disk that decide what a spec says."""
    return [path for each in single_specs(spec) for path in _files_of(parse(each), kinds)]


def _files_of(spec: Spec, kinds: Kinds) -> list[Path]:
    if spec.kind in ("python", "function"):
        return _code(spec.rest.partition(":")[0])
    if spec.kind in ("hf", "vllm"):
        folders = [Path(part) for part in source_and_adapter(spec.rest) if part]
        return [path for folder in folders for path in sorted(folder.glob("*")) if _decides(path)]
    added = [kind.factory for kind in kinds if kind.added and kind.name == spec.kind]
    return [path for factory in added for path in _code(factory.partition(":")[0])]


def _decides(path: Path) -> bool:
    return path.is_file() and path.suffix != ".md" and not path.name.startswith(".")


def _code(module: str) -> list[Path]:
    """The file of a module, and of what it imports from beside it, anywhere in its code."""
    spec = find_spec(module)
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return []
    own = Path(spec.origin)
    root = own.parents[module.count(".") + (own.stem == "__init__")]
    found, waiting = {own: module}, [own]
    while waiting:
        path = waiting.pop()
        for name in _imported(path, found[path]):
            beside = _source(root, name) if _belongs(name, module, root) else None
            if beside and beside not in found:
                found[beside] = name
                waiting.append(beside)
    return sorted(found)


def _belongs(name: str, module: str, root: Path) -> bool:
    top = name.partition(".")[0]
    return top == module.partition(".")[0] or (root.name != "site-packages" and top not in _OURS)


def _source(root: Path, name: str) -> Path | None:
    path = root.joinpath(*name.split("."))
    return next((each for each in (path.with_name(f"{path.name}.py"), path / "__init__.py") if each.is_file()), None)


def _imported(path: Path, module: str) -> Iterator[str]:
    """The names of modules that a module may import, its packages' too; what is in a module looks like one."""
    package = module if path.stem == "__init__" else module.rpartition(".")[0]
    try:
        code = ast.parse(path.read_bytes() if path.suffix == ".py" else b"")
    except (SyntaxError, ValueError):  # nothing that it says is ever run
        return
    for node in ast.walk(code):
        for name in _named(node, package):
            parts = name.split(".")
            yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))


def _named(node: ast.AST, package: str) -> list[str]:
    if isinstance(node, ast.Call):
        return _called(node)
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom) or node.level > len(package.split(".")) * bool(package):
        return []
    source = resolve_name("." * node.level + (node.module or ""), package)
    return [f"{source}.{alias.name}" for alias in node.names]


def _called(node: ast.Call) -> list[str]:
    """What `import_module("name")` and `__import__("name")` name."""
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    told = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
    return [told] if name in ("import_module", "__import__") and isinstance(told, str) else []


def _digest(files: Iterable[Path]) -> str:
    """The beginning of SHA-256 over the contents."""
    whole = hashlib.sha256()
    for path in files:
        whole.update(_sha256(path))
    return whole.hexdigest()[:12]


def _sha256(path: Path) -> bytes:
    """Of a file, which is read once as long as it is not written to: weights are large."""
    found = path.stat()
    return _sha256_of(path, found.st_mtime_ns, found.st_size, found.st_ino)


@lru_cache(maxsize=1024)
def _sha256_of(path: Path, *_: int) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
