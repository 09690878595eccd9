"""What a run's folder holds, whichever command made it."""

import hashlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

from negotiation_env.environment.episode import Episode, latest_episodes
from negotiation_env.episodes.pairs import Compared, compare, pairs_by_scenario
from negotiation_env.episodes.provenance import PROVENANCE
from negotiation_env.episodes.rejudge_report import RejudgeReport, read_reports
from negotiation_env.episodes.run_folder import CONFIG, EPISODES, SETTINGS
from negotiation_env.errors import UserError
from negotiation_env.files.durable import read_lines
from negotiation_env.files.places import read_file, refuse_link
from negotiation_env.report.probes_and_challenges import FILES, ProbesAndChallenges, read_probes_and_challenges
from negotiation_env.statistics.table import Table, read_tables

__all__ = ["Part", "Run", "Source", "episode_files", "read_beside", "read_run"]

_TABLES: Final = "tables.json"
_HELD_OUT: Final = "held_out"
_STEP: Final = "step-"


@dataclass(frozen=True, slots=True)
class Source:
    """A file that the report was made of.

    Attributes:
        name: Its path below the run's folder.
        digest: Its SHA-256 as it was read, in hexadecimal.
        text: What it says, where people want to read that: settings.
    """

    name: str
    digest: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """The episodes of one file.

    Attributes:
        name: What was played: "training" or "held out after 50 steps"; "" is all that the run played.
        episodes: In their order, each id once.
        step: For held-out play, the optimizer steps behind the policy.
        place: Stands before its episodes' ids, so that they are unique in the report.
        judged_again: What other judges made of them.
    """

    name: str
    episodes: tuple[Episode, ...]
    step: int | None = None
    place: str = ""
    judged_again: tuple[RejudgeReport, ...] = ()

    def key(self, episode: Episode) -> str:
        """The episode's id, unique in the report."""
        return f"{self.place}{episode.id}"


@dataclass(frozen=True, slots=True)
class Run:
    """A run.

    Attributes:
        name: Its folder's.
        parts: The run itself first, then held-out play by its step.
        tables: The benchmark's.
        sources: All files that were read.
        config: The settings of a training run, else empty.
        probes_and_challenges: What a benchmark asked about its games.
        sittings: What each sitting of the run was made with, as its provenance says.
        compared: Of two runs side by side, the first beside the second.
    """

    name: str
    parts: tuple[Part, ...]
    tables: tuple[Table, ...]
    sources: tuple[Source, ...]
    config: dict[str, Any]
    probes_and_challenges: ProbesAndChallenges
    sittings: tuple[dict[str, Any], ...] = ()
    compared: tuple[Compared, ...] = ()

    @property
    def episodes(self) -> list[Episode]:
        """Those of all parts."""
        return [episode for part in self.parts for episode in part.episodes]


def read_run(folder: Path) -> Run:
    """Read a run that is over or goes on.

    Raises:
        UserError: There is no such folder, it holds no episodes, or a file in it cannot be read.
    """
    if not folder.is_dir():
        raise UserError(f"no folder {folder}; expected a run's, such as --out of negotiate eval")
    files = list(episode_files(folder))
    if not files:
        raise UserError(
            f"{folder} holds no {EPISODES}; expected the folder of an evaluation, a training or a benchmark"
        )
    names = [_name(step) for _, step in files] if len(files) > 1 else [""]
    again = [dict(read_reports(path.parent)) for path, _ in files]
    parts = tuple(
        Part(name, tuple(latest_episodes(path).values()), step, _place(step), tuple(reports.values()))
        for name, (path, step), reports in zip(names, files, again, strict=True)
    )
    sources = [_source(folder, path) for path in (*(path for path, _ in files), *chain.from_iterable(again))]
    others = (*FILES, _TABLES, SETTINGS, CONFIG, PROVENANCE)
    sources += [_source(folder, folder / name) for name in others if (folder / name).exists()]
    tables, config = _tables(folder / _TABLES), _config(folder / CONFIG)
    later, sittings = read_probes_and_challenges(folder), tuple(_sittings(folder / PROVENANCE))
    return Run(folder.resolve().name, parts, tables, tuple(sources), config, later, sittings)


def read_beside(first: Path, second: Path) -> Run:
    """Two runs as one, with their differences over the scenarios that both played; of a training, its last play.

    Raises:
        UserError: As for `read_run`; or they share no scenario.
    """
    runs = read_run(first), read_run(second)
    own, other = (run.parts[-1].episodes for run in runs)
    if not (pairs := pairs_by_scenario(own, other)):
        raise UserError(f"{first} and {second} share no scenario; expected two runs over the same ones")
    names = [run.name for run in runs] if runs[0].name != runs[1].name else [str(first), str(second)]
    parts = tuple(Part(name, run.parts[-1].episodes, place=f"{name}/") for name, run in zip(names, runs, strict=True))
    sources = tuple(
        replace(each, name=f"{name}/{each.name}") for name, run in zip(names, runs, strict=True) for each in run.sources
    )
    sittings = tuple({"run": name, **each} for name, run in zip(names, runs, strict=True) for each in run.sittings)
    return Run(" beside ".join(names), parts, (), sources, {}, ProbesAndChallenges(), sittings, compare(pairs))


def episode_files(folder: Path) -> Iterator[tuple[Path, int | None]]:
    """A run's files of episodes, its own first, then each held-out play's with its step; none where it is no run."""
    if (folder / EPISODES).exists():
        yield folder / EPISODES, None
    held_out = {path.parent.name.removeprefix(_STEP): path for path in folder.glob(f"{_HELD_OUT}/{_STEP}*/{EPISODES}")}
    for step, path in sorted((int(step), path) for step, path in held_out.items() if step.isdecimal()):
        refuse_link(path.parent.parent)
        refuse_link(path.parent)
        yield path, step


def _place(step: int | None) -> str:
    return "" if step is None else f"{_HELD_OUT}/{_STEP}{step}/"


def _name(step: int | None) -> str:
    if step is None:
        return "training"
    return f"held out after {step} step{'' if step == 1 else 's'}"


def _source(folder: Path, path: Path) -> Source:
    content = read_file(path)
    text = content.decode(errors="replace") if path.name in (SETTINGS, CONFIG) else ""
    return Source(path.relative_to(folder).as_posix(), hashlib.sha256(content).hexdigest(), text)


def _sittings(path: Path) -> Iterator[dict[str, Any]]:
    from pydantic import TypeAdapter

    if path.exists():
        yield from read_lines(path, TypeAdapter(dict[str, Any]), "does not say what a run was made with")


def _tables(path: Path) -> tuple[Table, ...]:
    try:
        return read_tables(read_file(path)) if path.exists() else ()
    except ValueError as error:
        raise UserError(f"{path} holds no tables: {error}") from error


def _config(path: Path) -> dict[str, Any]:
    """A training run's settings; what it does not say, or says brokenly, is left at its default."""
    try:
        return tomllib.loads(read_file(path).decode("utf-8-sig")) if path.exists() else {}
    except (ValueError, RecursionError):
        return {}
