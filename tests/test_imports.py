"""Imports run one way, and the core is light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import negotiation_env

ROOT = Path(__file__).parents[1]
LAYERS = {"negotiation_env": {"agents", "training"}, "agents": {"training"}}
PURE = ("scenario", "events", "rules", "protocol", "prompts", "text", "alike", "strict_json", "rewards")


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("package", LAYERS)
def test_a_package_imports_none_above_it(package):
    for path in (ROOT / package).rglob("*.py"):
        if "cli" in path.parts:
            continue  # the outer shell
        above = {name.partition(".")[0] for name in imported(path)} & LAYERS[package]
        assert not above, f"{path} imports {above}"


@pytest.mark.parametrize("module", PURE)
def test_the_core_needs_the_standard_library_only(module):
    path = ROOT / "negotiation_env" / f"{module}.py"
    path = path if path.exists() else path.with_suffix("") / "__init__.py"
    allowed = sys.stdlib_module_names | {"negotiation_env"}
    assert {name.partition(".")[0] for name in imported(path)} <= allowed


@pytest.mark.parametrize(
    "statement", ["import negotiation_env", "import negotiation_env.cli", "import negotiation_env.agents.specs"]
)
def test_importing_loads_no_heavy_package(statement):
    heavy = {"torch", "transformers", "trl", "peft", "openai", "pydantic", "scipy", "jinja2", "matplotlib", "lm_eval"}
    code = f"{statement}\nimport sys\nprint(*sorted(set(sys.modules) & {heavy!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_every_public_name_exists():
    for name in negotiation_env.__all__:
        assert hasattr(negotiation_env, name), name
