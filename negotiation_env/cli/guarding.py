"""`negotiate guard`."""

from pathlib import Path
from typing import Annotated

import typer

from negotiation_env.cli.app import app
from negotiation_env.cli.options import GUARDS_HELP, print_table
from negotiation_env.console.terminal import say, say_json

__all__ = ["guard_command"]


@app.command("guard")
def guard_command(
    run: Annotated[Path, typer.Argument(help="A run's folder, with its episodes.jsonl.")],
    guards: Annotated[
        list[str],
        typer.Option("--guards", help=GUARDS_HELP),
    ],
    without: Annotated[
        Path | None,
        typer.Option("--without", help="The folder of the same run without guards: compare how they ended."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON only, with every breach.")] = False,
) -> None:
    """Say which constraints a run's negotiations broke.

    They stay as they were played; no model is asked.
    """
    from negotiation_env.episodes.guarding import guard_run
    from negotiation_env.guards.files import load_guards

    report = guard_run(run, load_guards(guards), without)
    if as_json:
        say_json(report.to_json())
        return
    for table in report.tables():
        print_table(table)
    caught = f"; of them at a turn that breaks a constraint: {report.caught}" if report.instant else ""
    say(f"agreements at the first possible turn: {report.instant}{caught}")
