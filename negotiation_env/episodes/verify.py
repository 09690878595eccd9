"""Whether a folder's figures are what its records come to: every figure again, out of the lines.

What a line says of itself (a reward that its outcome and rules do not give) is refused when it is read. Here it is held
against the run's settings, against its own verdicts, and the file of figures against all lines.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from math import isclose
from pathlib import Path
from typing import Any, Final

from negotiation_env.environment.episode import Episode, stream_latest
from negotiation_env.episodes.evaluate import fingerprint
from negotiation_env.episodes.run_folder import EPISODES, SETTINGS, SUMMARY
from negotiation_env.episodes.runner import derive_seed
from negotiation_env.episodes.seating import seat_agents
from negotiation_env.episodes.summary import Summary, summarise
from negotiation_env.errors import UserError
from negotiation_env.files.differences import differences, leaves
from negotiation_env.files.durable import read_whole
from negotiation_env.game.events import QuestionKind
from negotiation_env.text.untrusted import one_line

__all__ = [
    "contradictions",
    "differing",
    "missing",
    "read_object",
    "require_ended",
    "summary_again",
    "verify_evaluation",
    "verify_games",
]

_SAME: Final = 1e-9
"""Relative difference of floats that another machine's sums may make."""
_ABSENT: Final = "nothing"


def verify_evaluation(run: Path) -> list[str]:
    """What of an evaluation's folder does not agree with its episodes, a sentence each.

    Raises:
        UserError: A file is missing or cannot be read.
    """
    require_ended(run)
    settings, wrong = read_object(run / SETTINGS), list[str]()
    again = summary_again(run, settings, wrong)
    told = read_object(run / SUMMARY)
    return wrong + differing(SUMMARY, told, json.loads(again.to_json()))


def require_ended(run: Path) -> None:
    """Refuse a run without its summary, which is written last.

    Raises:
        UserError: It is not there.
    """
    if not (run / SUMMARY).exists():
        raise UserError(f"{run} has no {SUMMARY}: the run was stopped before its end; go on with --resume")


def verify_games(run: Path) -> list[str]:
    """Where the outcomes of single games are not what their verdicts say, a sentence each; they have no figures.

    Raises:
        UserError: A line cannot be read.
    """
    return [told for episode in stream_latest(run / EPISODES) for told in contradictions(episode)]


def summary_again(run: Path, settings: Mapping[str, Any], wrong: list[str]) -> Summary:
    """The summary of an evaluation's episodes; what is wrong with one of them is added to `wrong`."""
    wanted = {told.rpartition(" ")[0]: told for told in settings["scenarios"]}
    seen: set[str] = set()

    def checked() -> Iterator[Episode]:
        for episode in stream_latest(run / EPISODES):
            if told := wanted.get(episode.id):
                seen.add(episode.id)
                wrong.extend(_foreign(episode, told, settings))
                wrong.extend(contradictions(episode))
                yield episode
            else:
                wrong.append(f"{EPISODES}: {one_line(episode.id)} is no game of this run's settings")

    again = summarise(checked())
    wrong.extend(missing(EPISODES, wanted, seen))
    return again


def missing(file: str, wanted: Collection[str], seen: Collection[str]) -> list[str]:
    """A sentence for each line that a file should have and has not."""
    return [f"{file}: there is no line of {one_line(id)}" for id in wanted if id not in seen]


def contradictions(episode: Episode) -> list[str]:
    """Where an episode's outcome is not what its verdicts say."""
    outcome, last = episode.outcome, {each.kind: each.verdict.value for each in episode.rulings}
    agreed = (last.get(QuestionKind.AGREEMENT) or 0.0) > 0
    pairs = {"outcome.score": (outcome.score, last.get(QuestionKind.SCORE)), "outcome.agreed": (outcome.agreed, agreed)}
    return [
        f"{EPISODES}: {one_line(episode.id)}: {name} is {old!r}, by its verdicts {new!r}"
        for name, (old, new) in pairs.items()
        if old != new
    ]


def _foreign(episode: Episode, told: str, settings: Mapping[str, Any]) -> list[str]:
    """Where an episode is not what the run's settings say that was played."""
    names = settings["agents"]
    now = {
        "agents": episode.agents,
        "judge": episode.judge,
        "seed": episode.seed,
        "scenario": fingerprint(episode.scenario),
    }
    then = {
        "agents": seat_agents(names, episode.scenario.seats),
        "judge": settings["judge"],
        "seed": derive_seed(settings["seed"], episode.id),
        "scenario": told,
    }
    return [f"{EPISODES}: {one_line(episode.id)}: by the settings {each}" for each in differences(then, now)]


def differing(file: str, told: Any, again: Any) -> list[str]:
    """A sentence for each figure of a file that is not what it comes to again.

    Floats may differ by the last bits, in which machines do. A figure that is nothing again need not be told: older
    versions did not.

    Args:
        file: The file's name.
        told: What it holds, JSON-ready.
        again: The same, derived again.
    """
    then, now = leaves(told), leaves(again)
    return [
        f"{file}: {one_line(name)} is {then.get(name, _ABSENT)!r}; its records come to {now.get(name, _ABSENT)!r}"
        for name in {**then, **now}
        if not _same(then.get(name, _ABSENT), now.get(name, _ABSENT))
    ]


def _same(told: Any, again: Any) -> bool:
    if told == _ABSENT:
        return not again
    if type(told) is type(again) is float:
        return isclose(told, again, rel_tol=_SAME, abs_tol=_SAME)
    return bool(told == again)


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object that a run's file holds.

    Raises:
        UserError: It is missing or holds none.
    """
    from pydantic import TypeAdapter

    return read_whole(path, TypeAdapter(dict[str, Any]), "does not hold what a run writes")
