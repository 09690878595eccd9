"""The folder of a run that plays games: its settings, its episodes, and going on where it was.

`run.json` holds the settings, `episodes.jsonl` the games, append-only, a line as soon as one ends. A run that was
killed goes on with the same settings only, keeps what is scored, and plays the rest.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import takewhile
from pathlib import Path
from typing import Any

from negotiation_env.episode import Episode, append_episode, stream_latest
from negotiation_env.errors import NegotiationError, UserError
from negotiation_env.files import cut_half_line, write_whole
from negotiation_env.interfaces import Judge
from negotiation_env.interrupts import put_off
from negotiation_env.runner import Game, play_many
from negotiation_env.unscored import UnscoredLimit

__all__ = ["EPISODES", "SETTINGS", "SUMMARY", "differences", "open_run", "play_into"]

EPISODES = "episodes.jsonl"
SUMMARY = "summary.json"
SETTINGS = "run.json"


def open_run(out: Path, settings: Mapping[str, Any], *, resume: bool) -> None:
    """Write the settings of a new run, or compare those of one that goes on.

    Args:
        out: The run's folder.
        settings: All that decides what is played, JSON-ready.
        resume: The folder's run goes on.

    Raises:
        UserError: The folder holds episodes already; or, to resume, it holds no run, or one with other settings: the
            message names the keys.
    """
    path = out / SETTINGS
    if resume:
        if not path.is_file():
            raise UserError(f"nothing to resume: {path} is not there; start without --resume")
        if changed := differences(_read_settings(path), settings):
            raise UserError(f"the run in {out} had other settings: {'; '.join(changed[:3])}; --resume needs the same")
    elif (out / EPISODES).exists():
        raise UserError(f"{out} holds episodes already; go on with --resume, or give another --out")
    out.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(settings, indent=1, ensure_ascii=False) + "\n")


def play_into(
    path: Path,
    games: Sequence[Game],
    judge: Judge,
    *,
    batch: int,
    workers: int,
    limit: UnscoredLimit,
    progress: Callable[[Episode], None],
    **rules: Any,
) -> None:
    """Play those of the games that the file does not hold scored, and append them to it.

    Args:
        path: The episode file; it may end in half a line, which is cut off.
        games: What to play.
        judge: Decides and scores.
        batch: Games in lockstep at a time.
        workers: More than 1 plays as many games at a time, each for itself, for remote models.
        limit: Told of each game.
        progress: Told of each episode, those that were kept first.
        **rules: The fields of `Rules`.

    Raises:
        JudgeError: Too many episodes are unscored. Then, as after a `NegotiationError` of `progress`, no other game
            begins, and those under way are played and kept first.
        OSError: An episode could not be written. Then, as after Ctrl-C and any other error, all stops at once; what had
            ended before is kept.
    """
    kept = set()
    for episode in _scored(path, {game.id for game in games}):
        kept.add(episode.id)
        limit.count(None)
        progress(episode)
    errors: list[NegotiationError] = []
    for chosen in _batches(games, kept, batch, workers):
        begun = takewhile(lambda _: not errors, chosen)
        with put_off(), closing(play_many(begun, judge, workers=workers, batch=batch, **rules)) as played:
            for episode in played:
                if episode.id in kept:
                    continue
                append_episode(path, episode)
                try:
                    progress(episode)
                    limit.count(episode.failure)
                except NegotiationError as error:
                    errors.append(error)
    if errors:
        raise errors[0]


def _read_settings(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} does not hold a run's settings: {error}") from error


def differences(before: Any, after: Any) -> list[str]:
    """How settings differ, a sentence for each leaf that does: "rules.max_turns was 7 and is 5"."""
    then, now = _flat(before), _flat(after)
    pairs = {name: (then.get(name), now.get(name)) for name in {**then, **now}}
    return [f"{name} was {old!r} and is {new!r}" for name, (old, new) in pairs.items() if old != new]


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """The leaves of a value by their dotted names, such as "rules.max_turns"."""
    if not isinstance(value, Mapping | list | tuple):
        return {name: value}
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    return {leaf: found for key, inner in items for leaf, found in _flat(inner, f"{name}.{key}".lstrip(".")).items()}


def _scored(path: Path, wanted: Collection[str]) -> Iterator[Episode]:
    """What need not be played again, out of a file that may not be there or may end in half a line."""
    cut_half_line(path)
    episodes = stream_latest(path) if path.is_file() else ()
    return (each for each in episodes if each.reward is not None and each.id in wanted)


def _batches(games: Sequence[Game], done: Collection[str], batch: int, workers: int) -> Iterator[Sequence[Game]]:
    """The games that are not done; with workers each is for itself, and all go to the pool at once.

    In lockstep a batch that is not done is played whole, for in other company an in-process model can differ in the
    last bit; only what is missing is kept of it.
    """
    if workers > 1:
        yield [game for game in games if game.id not in done]
        return
    for start in range(0, len(games), batch):
        chosen = games[start : start + batch]
        if not all(game.id in done for game in chosen):
            yield chosen
