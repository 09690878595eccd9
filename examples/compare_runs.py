"""Draw the curves of training runs over one another, such as a run and its control.

Run: python examples/compare_runs.py trained=runs/learning control=runs/control --out curves.png
"""

from pathlib import Path
from typing import Annotated

import typer

from training.report import plot_against_control


def main(runs: Annotated[list[str], typer.Argument(metavar="LABEL=FOLDER...")], out: Path = Path("curves.png")) -> None:
    folders = dict(run.split("=", maxsplit=1) for run in runs)
    plot_against_control({label: Path(folder) for label, folder in folders.items()}, out)
    typer.echo(out)


if __name__ == "__main__":
    typer.run(main)
