"""The report of a run: one HTML file with its figures and every transcript, readable without server or network."""

from pathlib import Path
from typing import Final

from negotiation_env.episodes.run_folder import refuse_own
from negotiation_env.files.durable import write_whole
from negotiation_env.files.places import is_there, refuse_other
from negotiation_env.loading.heavy import importing
from negotiation_env.report.folder import read_run

__all__ = ["REPORT", "write_report"]

REPORT = "report.html"
_BEGINNING: Final = b"<!doctype html>"


def write_report(folder: Path, out: Path | None = None) -> Path:
    """Write the report of a run, also of one that goes on.

    Args:
        folder: Of an evaluation, a game, a training or a benchmark.
        out: The file to write; by default `report.html` in the folder.

    Returns:
        The file.

    Raises:
        UserError: The folder holds no run, or a file in it cannot be read; or the file to write is one that a run
            wrote, or holds something else than a report.
        MissingExtra: jinja2 or matplotlib is not installed.
    """
    path = out or folder / REPORT
    refuse_own(path)
    if is_there(path):
        refuse_other(path, _BEGINNING)
    run = read_run(folder)
    with importing("a report", "bench"):
        from negotiation_env.report.page import page
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, page(run))
    return path
