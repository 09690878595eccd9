"""Whether a benchmark's tables are what its games and answers come to."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final

from negotiation_env.benchmark.asked import Asked, askings
from negotiation_env.benchmark.compare import Compared, all_compared, matches
from negotiation_env.benchmark.config import BenchmarkConfig
from negotiation_env.benchmark.durability import Challenge, subject_of
from negotiation_env.benchmark.plan import Planned, negotiated, plan, seed_of
from negotiation_env.benchmark.run import FREE, TABLES, challengeable, need_packages, tables_of
from negotiation_env.benchmark.tables import guard_tables
from negotiation_env.environment.episode import Episode, latest_episodes
from negotiation_env.episodes.answer_file import AnswerFile
from negotiation_env.episodes.evaluate import fingerprint
from negotiation_env.episodes.run_folder import EPISODES, SETTINGS
from negotiation_env.episodes.verify import contradictions, differing, missing, read_object
from negotiation_env.errors import UserError
from negotiation_env.files.differences import differences
from negotiation_env.files.places import read_file
from negotiation_env.files.settings_file import check_settings
from negotiation_env.statistics.intervals import Estimate
from negotiation_env.statistics.table import Table, read_tables
from negotiation_env.text.untrusted import one_line

__all__ = ["config_of", "verify_benchmark"]

_ID: Final = "prompts"
"""A key that a run's settings hold as an id, not as the name of a file; no figure depends on it."""


def verify_benchmark(run: Path) -> list[str]:
    """What of a benchmark's folder does not agree with its games and answers, a sentence each.

    Raises:
        UserError: A file is missing or cannot be read, or the settings are not those of a benchmark.
        MissingExtra: A package that the tables need is not installed.
    """
    need_packages()
    settings = read_object(run / SETTINGS)
    config = config_of(settings, run / SETTINGS)
    games = plan(config)
    now = sorted({fingerprint(each.scenario) for each in games})
    if changed := differences(settings["scenarios"], now):
        return [f"the scenarios are not those of the run any more: {one_line(each)}" for each in changed]
    played = {EPISODES: games} | ({FREE: negotiated(games)} if config.guards_paired else {})
    found = {file: latest_episodes(run / file) for file in played}
    if lost := [
        told for file, some in played.items() for told in missing(file, [each.id for each in some], found[file])
    ]:
        return [*lost, f"{TABLES} cannot be derived without them"]
    there = {file: {each.id: found[file][each.id] for each in some} for file, some in played.items()}
    wrong = [
        told for file, some in played.items() for each in some for told in _foreign(file, each, there[file], settings)
    ]
    wrong += [told for episodes in there.values() for each in episodes.values() for told in contradictions(each)]
    again = _tables_again(run, settings, config, games, there[EPISODES], wrong)
    again += guard_tables(there[EPISODES].values(), there.get(FREE, {}))
    return wrong + _differing_tables(_read(run / TABLES), again)


def config_of(settings: Mapping[str, Any], path: Path) -> BenchmarkConfig:
    """The settings of a benchmark out of its run.json.

    Args:
        settings: What the file holds.
        path: The file, for messages.

    Raises:
        UserError: They are not those of a benchmark.
    """
    kept = {each.name for each in fields(BenchmarkConfig)} - {_ID}
    return check_settings(BenchmarkConfig, {key: value for key, value in settings.items() if key in kept}, path)


def _foreign(file: str, planned: Planned, episodes: Mapping[str, Episode], settings: Mapping[str, Any]) -> list[str]:
    """Where a game of a file is not what the run's settings say that was played."""
    episode = episodes[planned.id]
    then = {"judge": settings["judges"]["games"], "seed": seed_of(planned, settings["seed"])}
    then |= {"scenario": fingerprint(planned.scenario), "tags": asdict(planned.place)}
    now = {"judge": episode.judge, "seed": episode.seed}
    now |= {"scenario": fingerprint(episode.scenario), "tags": dict(episode.tags)}
    return [f"{file}: {one_line(episode.id)}: by the settings {each}" for each in differences(then, now)]


def _tables_again(
    run: Path,
    settings: Mapping[str, Any],
    config: BenchmarkConfig,
    games: list[Planned],
    episodes: Mapping[str, Episode],
    wrong: list[str],
) -> list[Table]:
    """The tables out of the games and of what judges said of them; answers that are not there are added to `wrong`."""
    judge = settings["judges"]["games"]
    found = matches(games, episodes, config.objectives, settings["judges"]["comparisons"])
    asked = {id: each for id, each in found.items() if each.played}
    told = AnswerFile(run / "comparisons.jsonl", Compared).latest(asked, lambda each: each.subject_digest)
    wrong += missing("comparisons.jsonl", asked, told.keys())
    probes = askings(episodes.values(), judge)
    answers = AnswerFile(run / "probes.jsonl", Asked).latest(probes, lambda each: each.subject_digest)
    wrong += missing("probes.jsonl", probes, answers.keys()) if (run / "probes.jsonl").exists() else []
    agreements = challengeable(episodes.values()) if config.probes else {}
    challenged = AnswerFile(run / "challenges.jsonl", Challenge).latest(
        agreements, lambda each: subject_of(each, judge)
    )
    wrong += missing("challenges.jsonl", agreements, challenged.keys())
    compared = all_compared(found, told)
    return tables_of(config, list(episodes.values()), compared, answers, challenged, settings.get("trainees", {}))


def _read(path: Path) -> tuple[Table, ...]:
    try:
        return read_tables(read_file(path))
    except ValueError as error:
        raise UserError(f"{path} holds no tables: {error}") from error


def _differing_tables(told: tuple[Table, ...], again: list[Table]) -> list[str]:
    """A sentence for each cell, named by its table, row and column."""
    return differing(TABLES, *(_named(tables) for tables in (told, again)))


def _named(tables: tuple[Table, ...] | list[Table]) -> dict[str, Any]:
    """By their titles, what tables hold: the note, and by row and column each figure."""
    return {
        table.title: {
            "note": table.note,
            **{
                f"row {number} ({row[0]})": {
                    column: asdict(cell) if isinstance(cell, Estimate) else cell
                    for column, cell in zip(table.columns, row, strict=True)
                }
                for number, row in enumerate(table.rows, start=1)
            },
        }
        for table in tables
    }
