"""The report of a run: one HTML file with its figures and every transcript, readable without server or network."""

from pathlib import Path
from typing import Final

from negotiation_env.episodes.run_folder import refuse_own
from negotiation_env.files.durable import write_whole
from negotiation_env.files.places import is_there, refuse_other
from negotiation_env.loading.heavy import importing
from negotiation_env.report.folder import read_beside, read_run

__all__ = ["REPORT", "write_report"]

REPORT = "report.html"
_BEGINNING: Final = b"<!doctype html>"


def write_report(folder: str | Path, out: str | Path | None = None, *, beside: str | Path | None = None) -> Path:
    """Write the report of a run, also of one that goes on; or that of two, one beside the other.

    Args:
        folder: Of an evaluation, a game, a training or a benchmark.
        out: The file to write; by default `report.html` in the folder, or `report_beside_` and the other's name.
        beside: The folder of another run over the same scenarios.

    Returns:
        The file.

    Raises:
        UserError: A folder holds no run, a file in it cannot be read, or the two runs share no scenario; or the file
            to write is one that a run wrote, or holds something else than a report.
        MissingExtra: jinja2 or matplotlib is not installed.
    """
    folder, other = Path(folder), Path(beside) if beside else None
    path = Path(out) if out else folder / (f"report_beside_{other.resolve().name}.html" if other else REPORT)
    refuse_own(path)
    if is_there(path):
        refuse_other(path, _BEGINNING)
    run = read_beside(folder, other) if other else read_run(folder)
    with importing("a report", "bench"):
        from negotiation_env.report.page import page
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, page(run))
    return path
