"""The pages of the documentation as values: their fenced blocks, headings, links, and running what stands in them."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = tuple(sorted((ROOT / "docs").glob("*.md")))
_FENCE = re.compile(
    r"(?:^\*(?P<remark>(?:Not run|Run) by the tests[^\n]*)\*\n\n)?"
    r'^```(?P<kind>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?\n)```$(?:\n\n```text\n(?P<output>.*?\n)```$)?',
    re.MULTILINE | re.DOTALL,
)
_NEGOTIATE = f"#!{sys.executable}\nfrom negotiation_env.cli import main\n\nmain()\n"
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


def run_in_order(page_blocks: list[Block], folder: Path) -> None:
    """What a reader does: save what has a title, run commands and Python, look at the output."""
    tools = folder / "bin"
    tools.mkdir()
    (tools / "negotiate").write_text(_NEGOTIATE)
    (tools / "negotiate").chmod(0o755)
    (tools / "python").symlink_to(sys.executable)
    place = folder / "place"
    place.mkdir()
    (place / "examples").symlink_to(ROOT / "examples")
    surroundings = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    for block in page_blocks:
        if block.title:
            (place / block.title).write_text(block.text, encoding="utf-8")
        if block.kind in ("bash", "python") and block.runs:
            done = _run(block, place, surroundings)
            assert done.returncode == 0, f"{block.text}{done.stderr}"
            assert not block.output or shows(block.output, done.stdout), f"{block.text}{done.stdout}"


def shows(page: str, output: str) -> bool:
    """Whether a page shows the output, white space at the ends of lines aside; its line "⋮" stands for any lines."""
    shown, printed = ("\n".join(line.rstrip() for line in text.rstrip().splitlines()) for text in (page, output))
    return re.fullmatch(re.escape(shown).replace("⋮", "(?s:.*)"), printed) is not None


def _run(block: Block, place: Path, surroundings: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = ["bash", "-euo", "pipefail", "-c", block.text]
    if block.kind == "python" and block.title:
        command = [sys.executable, block.title]
    elif block.kind == "python":
        command = [sys.executable, "-c", block.text]
    return subprocess.run(command, cwd=place, env=surroundings, capture_output=True, text=True, timeout=PATIENCE)
