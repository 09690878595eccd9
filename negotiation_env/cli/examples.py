"""`negotiate examples`."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from negotiation_env.cli.app import app
from negotiation_env.cli.options import print_table
from negotiation_env.console.terminal import say
from negotiation_env.errors import UserError

__all__ = ["examples", "shipped_examples"]

_LEFT_OUT = ("results", "__pycache__")
"""What the runs left behind stands in the repository only; it is large."""


@app.command()
def examples(
    copy_to: Annotated[
        Path | None, typer.Argument(file_okay=False, help="A folder; they go into a new folder examples/ in it.")
    ] = None,
) -> None:
    """List the shipped examples, or copy them.

    Configs of trainings, benchmarks and judges, recipes for GPUs, and short scripts. Paths in them, and in all that
    is written about them, hold in the folder that has been named: start commands there.
    """
    if copy_to is None:
        _list(shipped_examples())
        return
    made = copy_to / "examples"
    if made.exists():
        raise UserError(f"{made} is there already, and is not overwritten: move it, or name another folder")
    shutil.copytree(shipped_examples(), made, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    say(f"copied to {made}; in {copy_to}, try:\n  negotiate train examples/selfplay_embedded.toml --dry-run")


def shipped_examples() -> Path:
    """Where they are: an archive holds them within the package, a checkout beside it."""
    package = Path(__file__).resolve().parents[1]
    return next(place for place in (package / "examples", package.parent / "examples") if place.is_dir())


def _list(folder: Path) -> None:
    from negotiation_env.statistics.table import Table

    files = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    told = {str(name): _opening(path) for name, path in files.items() if not set(_LEFT_OUT) & set(name.parts)}
    print_table(Table("negotiate examples", ("file", "what it is"), tuple(told.items())))


def _opening(path: Path) -> str:
    """The first sentence of what a file says about itself, as far as its first line holds it."""
    with path.open(encoding="utf-8") as file:
        return file.readline().strip('"# \n').partition(". ")[0].removesuffix(".")
