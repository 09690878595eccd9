"""The house: imports run one way, from room to room, and the core is light."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "negotiation_env"
ROOMS = (
    "version",
    "text",
    "errors",
    "game",
    "console",
    "interfaces",
    "files",
    "specs",
    "loading",
    "endpoints",
    "data",
    "statistics",
    "judges",
    "judges/smoke_test",
    "judges/reading",
    "judges/check",
    "guards",
    "environment",
    "episodes",
    "agents/models",
    "agents",
    "benchmark/ability",
    "benchmark",
    "report",
    "browser",
    "synthesis",
    "training/engines",
    "training",
    "interop",
    "__init__",
    "cli",
    "__main__",
)
"""From the ground up: a room imports what stands before it, and itself; within functions and for types too."""


def sources() -> Iterator[Path]:
    for folder, _, names in os.walk(ROOT, followlinks=True):
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(".py"))


def room(path: Path) -> str:
    inside = path.relative_to(ROOT)
    return inside.stem if len(inside.parts) == 1 else inside.parent.as_posix()


def imported(path: Path) -> Iterator[str]:
    """The full names, of modules and of what is taken out of them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module(name: str) -> Path | None:
    """The file behind a name out of this package."""
    package, *inside = name.split(".")
    if package != "negotiation_env":
        return None
    for place in (ROOT.joinpath(*inside), ROOT.joinpath(*inside[:-1])):
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.is_file():
                return path
    raise AssertionError(f"{name} is nowhere")


def test_every_module_stands_in_a_room():
    assert {room(path) for path in sources()} == set(ROOMS)


@pytest.mark.parametrize("place", ROOMS)
def test_imports_of_a_room_run_down(place):
    upstairs = set(ROOMS[ROOMS.index(place) + 1 :])
    for path in (path for path in sources() if room(path) == place):
        found = {name: module(name) for name in imported(path)}
        above = {name for name, file in found.items() if file and room(file) in upstairs}
        assert not above, f"{path.relative_to(ROOT)} imports {above}"


@pytest.mark.parametrize("place", ["text", "errors", "game"])
def test_the_core_needs_the_standard_library_only(place):
    for path in (path for path in sources() if room(path) == place):
        others = {name.partition(".")[0] for name in imported(path)} - sys.stdlib_module_names
        assert others <= {"negotiation_env"}


@pytest.mark.parametrize("name", ["", ".cli", ".agents.specs"])
def test_importing_loads_no_heavy_package(name):
    heavy = {"torch", "transformers", "trl", "peft", "openai", "pydantic", "scipy", "jinja2", "matplotlib", "lm_eval"}
    code = f"import negotiation_env{name}\nimport sys\nprint(*sorted(set(sys.modules) & {heavy!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
