"""`negotiate view` and `negotiate plots`."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from negotiation_env.cli.app import app
from negotiation_env.cli.options import print_table
from negotiation_env.console.terminal import say
from negotiation_env.errors import UserError

__all__ = ["plots", "view"]


@app.command("view")
def view(
    runs: Annotated[
        list[Path],
        typer.Argument(help="A run's folder, of eval, play, train or a benchmark; two; or a folder that holds some."),
    ],
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="The file to write; default: report.html in the folder.")
    ] = None,
    browser: Annotated[bool, typer.Option("--open/--no-open", help="Open it in the browser.")] = True,
) -> None:
    """Show a run, two side by side, or which there are.

    A report is one HTML file with figures and every transcript; it needs neither server nor network. A run that goes
    on can be viewed as far as it is. Of two runs, the negotiations over the same scenarios are compared, with
    intervals. Of a folder that holds runs, they are listed.
    """
    from negotiation_env.report import write_report
    from negotiation_env.report.listing import is_run, runs_table

    if len(runs) > 2:
        raise UserError(f"expected one run, or two to lay beside each other; got {len(runs)}")
    if len(runs) == 1 and not is_run(runs[0]):
        print_table(runs_table(runs[0]))
        say(f"one of them:\n  negotiate view {runs[0]}/RUN")
        say(f"two beside each other:\n  negotiate view {runs[0]}/RUN {runs[0]}/OTHER")
        return
    path = write_report(runs[0], out, beside=runs[1] if runs[1:] else None)
    say(f"written to {path} ({path.stat().st_size / 1e6:.1f} MB)")
    if browser:
        webbrowser.open(path.resolve().as_uri())


@app.command()
def plots(
    run: Annotated[Path, typer.Argument(help="A training run's folder, with its metrics.jsonl.")],
) -> None:
    """Draw a training run's plots again.

    Rewards, dialogues and held-out play, as PNGs in its folder.
    """
    from negotiation_env.loading.heavy import importing

    with importing("a plot", "bench"):
        from negotiation_env.training.plots import draw_plots

        drawn = draw_plots(run)
    for path in drawn:
        say(f"written to {path}")
