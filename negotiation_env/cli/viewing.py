"""`negotiate view`."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from negotiation_env.cli.app import app
from negotiation_env.console.terminal import say

__all__ = ["view"]


@app.command("view")
def view(
    run: Annotated[Path, typer.Argument(help="A run's folder: of eval, play, train or a benchmark.")],
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="The file to write; default: report.html in the folder.")
    ] = None,
    browser: Annotated[bool, typer.Option("--open/--no-open", help="Open it in the browser.")] = True,
) -> None:
    """Write a run's report as one HTML file, and open it.

    Figures and every transcript. The file needs neither server nor network. A run that goes on can be viewed as far
    as it is.
    """
    from negotiation_env.report import write_report

    path = write_report(run, out)
    say(f"written to {path} ({path.stat().st_size / 1e6:.1f} MB)")
    if browser:
        webbrowser.open(path.resolve().as_uri())
