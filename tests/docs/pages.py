"""The pages of the documentation as values: their fenced blocks, headings, links, and running what stands in them."""

import os
import re
import shutil
import subprocess
import venv
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote

import pytest

ROOT = Path(__file__).parents[2]
PAGES = tuple(sorted((ROOT / "docs").glob("*.md")))
_FENCE = re.compile(
    r"(?:^\*(?P<remark>(?:Not run|Run) by the tests[^\n]*)\*\n\n)?"
    r'^```(?P<kind>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?\n)```$(?:\n\n```text\n(?P<output>.*?\n)```$)?',
    re.MULTILINE | re.DOTALL,
)
LEFT_OUT = (".[!e]*", "__pycache__", "*.egg-info", "runs", "build", "dist", "results", "site")
"""What a copy of this checkout does without; a clone has none of it but the results, which are large."""
_OF_THE_TESTS = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
PATIENCE = 600.0  # seconds that a command may take on a busy machine


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        kind: Its language.
        text: What stands in it.
        title: The file that a reader saves it as.
        remark: What the page says above it of its tests; "" where it is simply run.
        output: What the page shows as its output, in the block right below.
    """

    kind: str
    text: str
    title: str = ""
    remark: str = ""
    output: str = ""

    @property
    def runs(self) -> bool:
        return not self.remark.startswith("Not run")

    @property
    def loads_models(self) -> bool:
        return self.remark.startswith("Run by the tests that load models")


def blocks(page: Path) -> list[Block]:
    found = _FENCE.finditer(page.read_text(encoding="utf-8"))
    return [Block(**{name: value or "" for name, value in each.groupdict().items()}) for each in found]


README = ROOT / "README.md"
GET_STARTED = ROOT / "docs" / "index.md"
BASE, SETUP, *USE, TESTS = [block for block in blocks(README) if block.kind in ("bash", "python")]
_SHORT = " --max-turn-tokens 8 --max-completion-tokens 8"
_SMALLEST = {
    "negotiate train examples/selfplay_embedded.toml": " --max-steps 1 --eval-scenarios 1 --max-turns 2"
    f" --group-size 2 --micro-batch 2{_SHORT}",
    "negotiate play --agents embedded --judge embedded": _SHORT,
    "negotiate play --agents hf:embedded+runs/selfplay/adapter embedded": f" --max-turns 2{_SHORT}",
    "negotiate view runs/train": " --no-open",
}
"""What the tests add to commands that take minutes, or open a browser."""


def use_of_readme() -> list[Block]:
    """What README pastes after its set-up, with what takes long made small."""
    return [_smallest(block) for block in USE]


def get_started() -> list[Block]:
    """The page's blocks, with what takes long made small; also those that are not run by themselves."""
    return [replace(_smallest(block), remark="") for block in blocks(GET_STARTED)]


def _smallest(block: Block) -> Block:
    text = block.text
    for command, more in _SMALLEST.items():
        text = text.replace(command, command + more)
    return replace(block, text=text)


def prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@dataclass(frozen=True)
class Reader:
    """Who has followed a page.

    Attributes:
        checkout: A copy of this one.
        programs: The `bin` of a virtual environment, in which nothing of the tests' own is.
        told: What the commands that set it up printed.
    """

    checkout: Path
    programs: Path
    told: str


def installed(folder: Path, *commands: str) -> Reader:
    """With a new virtual environment, after commands in a copy of this checkout have set it up."""
    venv.create(folder / "venv", with_pip=True)
    copy = shutil.copytree(ROOT, folder / "copy", symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
    programs, told = folder / "venv" / "bin", ""
    for command in commands:
        done = run(command, copy, programs)
        if "No matching distribution" in done.stderr:
            pytest.skip("pip reaches no registry")
        assert done.returncode == 0, done.stderr
        told += done.stdout
    return Reader(copy, programs, told)


def run_in_order(page_blocks: list[Block], folder: Path, programs: Path) -> None:
    """What a reader does: save what has a title, run commands and Python, look at the output."""
    if not (folder / "examples").exists():
        (folder / "examples").symlink_to(ROOT / "examples")
    for block in page_blocks:
        if block.title:
            (folder / block.title).write_text(block.text, encoding="utf-8")
        if block.kind in ("bash", "python") and block.runs:
            done = run(_command(block), folder, programs)
            assert done.returncode == 0, f"{block.text}{done.stderr}"
            assert not block.output or shows(block.output, done.stdout), f"{block.text}{done.stdout}"


def shows(page: str, output: str) -> bool:
    """Whether a page shows the output, white space at the ends of lines aside; its line "⋮" stands for any lines."""
    shown, printed = ("\n".join(line.rstrip() for line in text.rstrip().splitlines()) for text in (page, output))
    return re.fullmatch(re.escape(shown).replace("⋮", "(?s:.*)"), printed) is not None


def run(command: str, folder: Path, programs: Path) -> "subprocess.CompletedProcess[str]":
    """What a shell prints in which a virtual environment is active."""
    own = {name: value for name, value in os.environ.items() if name not in _OF_THE_TESTS}
    own |= {"PATH": f"{programs}:{os.environ['PATH']}", "COLUMNS": "80"}
    shell = ["bash", "-euo", "pipefail", "-c", command]
    return subprocess.run(shell, cwd=folder, env=own, capture_output=True, text=True, timeout=PATIENCE)


def _command(block: Block) -> str:
    if block.kind == "bash":
        return block.text
    return f"python {block.title}" if block.title else f"python -c {quote(block.text)}"
