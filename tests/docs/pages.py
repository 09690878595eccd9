"""The pages of the documentation as values: their fenced blocks, headings, links, and running what stands in them."""

import os
import re
import shutil
import subprocess
import venv
from dataclasses import dataclass
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


def prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def installed(folder: Path, command: str) -> Path:
    """Where the programs of a new virtual environment are, after a command in a copy of this checkout has set it up."""
    venv.create(folder / "venv", with_pip=True)
    copy = shutil.copytree(ROOT, folder / "copy", symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
    programs = folder / "venv" / "bin"
    done = run(command, copy, programs)
    if "No matching distribution" in done.stderr:
        pytest.skip("pip reaches no registry")
    assert done.returncode == 0, done.stderr
    return programs


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
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    own |= {"PATH": f"{programs}:{os.environ['PATH']}", "COLUMNS": "80"}
    shell = ["bash", "-euo", "pipefail", "-c", command]
    return subprocess.run(shell, cwd=folder, env=own, capture_output=True, text=True, timeout=PATIENCE)


def _command(block: Block) -> str:
    if block.kind == "bash":
        return block.text
    return f"python {block.title}" if block.title else f"python -c {quote(block.text)}"
