"""The runs below a folder, a line each."""

from collections.abc import Iterator
from pathlib import Path

from negotiation_env.environment.episode import Episode, stream_latest
from negotiation_env.episodes.run_folder import CANDIDATES, CONFIG, SETTINGS
from negotiation_env.episodes.summary import summarise
from negotiation_env.errors import UserError
from negotiation_env.report.folder import episode_files
from negotiation_env.statistics.intervals import BRACKETS
from negotiation_env.statistics.table import Cell, Table

__all__ = ["is_run", "runs_table"]

_FIGURES = {"agreement rate": "agreement_rate", "Collective Agency, 0–5": "score", "reward": "reward"}


def is_run(folder: Path) -> bool:
    """Whether a report can be made of it."""
    return any(episode_files(folder))


def runs_table(folder: Path) -> Table:
    """What the runs in a folder came to.

    Raises:
        UserError: There is no such folder, it holds no run, or a file of one cannot be read.
    """
    found = sorted(each for each in folder.iterdir() if is_run(each)) if folder.is_dir() else []
    if not found:
        if any((folder / name).is_file() for name in (SETTINGS, CONFIG)) and not (folder / CANDIDATES).exists():
            raise UserError(f"{folder} holds a run of which no game has ended yet; go on with --resume")
        raise UserError(
            f"{folder} holds no run and no folder of one; expected the --out of a command, or what holds them"
        )
    columns = ("run", "who played", "negotiations", *_FIGURES, "judge")
    return Table(f"Runs in {folder}", columns, tuple(map(_row, found)), f"{BRACKETS}. Of trainings, the last play.")


def _row(run: Path) -> tuple[Cell, ...]:
    *_, (last, _) = episode_files(run)
    players = dict[str, None]()

    def seen() -> Iterator[Episode]:
        for episode in stream_latest(last):
            players.update(dict.fromkeys(episode.agents))
            yield episode

    summary = summarise(seen())
    figures = (getattr(summary, name) for name in _FIGURES.values())
    return (run.name, ", ".join(players), summary.episodes, *figures, summary.judge)
