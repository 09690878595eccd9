"""The folder of a run that plays games: its settings, its episodes, and going on where it was.

`run.json` holds the settings, `episodes.jsonl` the games, append-only, a line as soon as one ends. A run that was
killed goes on with the same settings only, keeps what is scored, and plays the rest. While it goes on, the folder is
its own: `claim`.
"""

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from itertools import chain, count, takewhile
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from negotiation_env.console.interrupts import put_off
from negotiation_env.environment.episode import Episode, append_episode, read_episodes, stream_latest
from negotiation_env.environment.prompting import Prompts, chosen_prompts, current_ids, ids_of, seat_prompts
from negotiation_env.environment.stepping import Wrap
from negotiation_env.episodes.runner import Game, play_many
from negotiation_env.episodes.unscored_limit import UnscoredLimit
from negotiation_env.errors import NegotiationError, UserError, os_fault
from negotiation_env.files.differences import differences
from negotiation_env.files.durable import append_bytes, read_whole, write_whole
from negotiation_env.files.places import hold, is_there, refuse_link
from negotiation_env.game.prompts import PromptSet
from negotiation_env.interfaces import Judge
from negotiation_env.text.secrets import without_secrets
from negotiation_env.text.untrusted import one_line

__all__ = [
    "CANDIDATES",
    "CONFIG",
    "EPISODES",
    "SETTINGS",
    "SUMMARY",
    "claim",
    "keep_apart",
    "open_games",
    "open_run",
    "play_into",
    "refuse_own",
    "require_startable",
]

EPISODES = "episodes.jsonl"
SUMMARY = "summary.json"
SETTINGS = "run.json"
CONFIG = "config.toml"
"""The settings of a training run."""
CANDIDATES = "candidates.jsonl"
"""What a generation of scenarios has instead of episodes."""
_HELD: Final = {EPISODES: "episodes", CANDIDATES: "candidates", CONFIG: "a training"}
"""By its file what a folder can hold, to which no other run may add."""
_LOCK: Final = ".lock"
_OWN: Final = (
    *(_LOCK, SETTINGS, CONFIG, EPISODES, SUMMARY, "provenance.jsonl", "held_out", "rejudged"),
    *("tables.json", "comparisons.jsonl", "probes.jsonl", "challenges.jsonl", "without_guards.jsonl", "ability.json"),
    *("metrics.jsonl", "held_out.jsonl", "contents.json", "checkpoints", "adapter", "adapters", "model"),
    *("reward.png", "dialogue.png", "held_out.png"),
    *(CANDIDATES, "scenarios.jsonl", "personas.jsonl", "README.md"),
)
"""What runs call what they write: all, evaluations and benchmarks, training, generation."""
_MARKS: Final = (_LOCK, SETTINGS, EPISODES, CANDIDATES)
"""By any of these a folder is known as a run's; a config.toml may be anybody's."""
_NOTHING: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType({})
_IDENTITY: Final = ("agents", "judge", "seed", "prompts")
"""What of an episode says whose game it is."""


@contextmanager
def claim(out: Path) -> Iterator[None]:
    """Keep a folder for one run, which is refused where another one has it; make it where it is missing.

    The claim ends with the block, and with the process, however that ends: what stays behind, an empty `.lock`, claims
    nothing. The thread that has the claim may claim the folder again. A folder that was made for nothing is removed.

    Raises:
        UserError: Another run has the folder, or it cannot be made.
    """
    made = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{os_fault(error)}; mend that or name another place") from error
    lock = hold(out / _LOCK, f"another run has {out}; wait until it has ended, or give another folder")
    try:
        yield
    finally:
        if made:
            _remove_unused(out)
        lock.release()


@contextmanager
def open_games(out: Path) -> Iterator[Callable[[Episode], None]]:
    """Claim a folder of single games; what this yields appends one, under an id that the folder does not have yet.

    Raises:
        UserError: Another run has the folder, or it is an evaluation's, a benchmark's or a training's.
    """
    with claim(out):
        if (out / SETTINGS).exists() or (out / CONFIG).exists():
            raise UserError(f"{out} is the folder of a run, whose figures a single game would change; give another")
        path = out / EPISODES
        known = set()
        if is_there(path):  # what cannot be read or written is told before the game
            known = {episode.id for episode in read_episodes(path)}
            append_bytes(path, b"")

        def keep(episode: Episode) -> None:
            names = chain([episode.id], (f"{episode.id}/{number}" for number in count(2)))
            own = replace(episode, id=next(name for name in names if name not in known))
            append_episode(path, own)
            known.add(own.id)

        yield keep


def refuse_own(path: Path) -> None:
    """See that what a command is told to write is nothing that a run has, or may still write, in its folder.

    Raises:
        UserError: It is, or lies in a folder that is.
    """
    real = Path(os.path.realpath(path))
    for each in (real, *real.parents):
        if each.name in _OWN and any((each.parent / mark).exists() for mark in _MARKS):
            raise UserError(f"{path}: {each.name} belongs to the run in {each.parent}; give another place")


def keep_apart(out: Path, path: Path) -> None:
    """See that a recording and what a command writes are not the same, however their paths are spelt.

    Args:
        out: The folder or file that the command writes; it need not be there.
        path: The recording.

    Raises:
        UserError: One is the other, or in it.
    """
    refuse_own(path)
    real, folder = Path(os.path.realpath(path)), Path(os.path.realpath(out))
    if real.is_relative_to(folder) or folder.is_relative_to(real) or _has(out, path):
        raise UserError(f"the recording {path} and {out} are in one place; give the recording one of its own")


def _has(out: Path, path: Path) -> bool:
    """Whether a file is in a folder by another name; a case that does not matter, a mount, a hard link."""
    with suppress(OSError):
        if any(each.samefile(out) for each in path.absolute().parents):
            return True
    with suppress(OSError):
        found = path.stat()
        inside = (out, *out.rglob("*")) if found.st_nlink > 1 else (out,)
        return any(os.path.samestat(each.lstat(), found) for each in inside)
    return False


def _remove_unused(out: Path) -> None:
    with suppress(OSError):
        if [each.name for each in out.iterdir()] == [_LOCK]:
            (out / _LOCK).unlink()
            out.rmdir()


def require_startable(out: Path, *, resume: bool) -> None:
    """See that a run can begin in a folder, or go on, as far as can be known before its models are loaded.

    Raises:
        UserError: The folder holds a run already; or, to resume, none; or a file is a link.
    """
    for name in _HELD:
        refuse_link(out / name)
    if resume and not is_there(out / SETTINGS):
        raise UserError(f"nothing to resume: {out / SETTINGS} is not there; start without --resume")
    if not resume and (held := [told for name, told in _HELD.items() if (out / name).exists()]):
        raise UserError(f"{out} holds {held[0]} already; go on with --resume, or give another --out")


def open_run(
    out: Path,
    settings: Mapping[str, Any],
    *,
    resume: bool,
    formerly: Mapping[str, Mapping[str, str]] = _NOTHING,
    grows: str = "",
) -> None:
    """Write the settings of a new run, or compare those of one that goes on.

    Args:
        out: The run's folder, claimed.
        settings: All that decides what is played, JSON-ready.
        resume: The folder's run goes on.
        formerly: By key, what stands for values that older versions wrote.
        grows: The key of a list to which a run that goes on may add.

    Raises:
        UserError: As for `require_startable`; or the run to resume had other settings: the message names the keys, or
            what of the growing list is missing.
    """
    require_startable(out, resume=resume)
    path = out / SETTINGS
    text = without_secrets(json.dumps(settings, indent=1, ensure_ascii=False))  # specs hold URLs, and these passwords
    if resume:
        from pydantic import TypeAdapter

        before = read_whole(path, TypeAdapter(dict[str, Any]), "does not hold a run's settings")
        before |= {key: now for key, then in formerly.items() if (now := then.get(str(before.get(key))))}
        now, old = json.loads(text), before.get(grows)
        if isinstance(old, list):
            before[grows] = now[grows]
        if changed := differences(before, now):
            raise UserError(f"the run in {out} had other settings: {'; '.join(changed[:3])}; --resume needs the same")
        if isinstance(old, list) and (gone := [each for each in old if each not in now[grows]]):
            told = f"the run in {out} has {len(old)} {grows}, of which {len(gone)} are not asked for now"
            raise UserError(f"{told}, such as {gone[0]}; a run that goes on may have more, not fewer")
    write_whole(path, text + "\n")


def play_into(
    path: Path,
    games: Sequence[Game],
    judge: Judge,
    *,
    batch: int,
    workers: int,
    limit: UnscoredLimit,
    progress: Callable[[Episode], None],
    kept: Callable[[int], None] = lambda _: None,
    wrap: Wrap | None = None,
    prompts: Prompts = None,
    **rules: Any,
) -> None:
    """Play those of the games that the file does not hold scored, and append them to it.

    Args:
        path: The episode file of a claimed folder; it may end in half a line.
        games: What to play.
        judge: Decides and scores.
        batch: Games in lockstep at a time.
        workers: More than 1 plays as many games at a time, each for itself, for remote models.
        limit: Told of each game.
        progress: Told of each episode, those that were kept first.
        kept: Told how many of the games the file holds scored, before the others are played.
        wrap: As for `play_many`.
        prompts: As for `play_many`.
        **rules: The fields of `Rules`, and `guards` as for `play_many`.

    Raises:
        UserError: The file holds one of the games as somebody else played it.
        JudgeError: Too many episodes are unscored. Then, as after a `NegotiationError` of `progress`, no other game
            begins, and those under way are played and kept first.
        OSError: An episode could not be written. Then, as after Ctrl-C and any other error, all stops at once; what had
            ended before is kept.
    """
    done, chosen_sets = set(), chosen_prompts(prompts, judge)
    for episode in _scored(path, games, judge, chosen_sets):
        done.add(episode.id)
        limit.count(None)
        progress(episode)
    kept(len(done))
    errors: list[NegotiationError] = []
    for chosen in _batches(games, done, batch, workers):
        begun = takewhile(lambda _: not errors, chosen)
        settings = {"workers": workers, "batch": batch, "wrap": wrap, "prompts": chosen_sets, **rules}
        with put_off(), closing(play_many(begun, judge, **settings)) as played:
            for episode in played:
                if episode.id in done:
                    continue
                append_episode(path, episode)
                try:
                    progress(episode)
                    limit.count(episode.failure)
                except NegotiationError as error:
                    errors.append(error)
    if errors:
        raise errors[0]


def _scored(path: Path, games: Sequence[Game], judge: Judge, prompts: Sequence[PromptSet]) -> Iterator[Episode]:
    """What need not be played again, out of a file that may not be there."""
    wanted = {game.id: game for game in games}
    for episode in stream_latest(path) if path.exists() else ():
        if episode.reward is not None and (game := wanted.get(episode.id)):
            _expect_own(path, episode, game, judge, prompts)
            yield episode


def _expect_own(path: Path, episode: Episode, game: Game, judge: Judge, prompts: Sequence[PromptSet]) -> None:
    """A figure over the games of two runs would be neither's."""
    names = tuple(agent.name for agent in game.agents)
    shown = ids_of(seat_prompts(prompts, game.scenario.seats, game.agents, game.scenario))
    then = (episode.agents, episode.judge, episode.seed, current_ids(episode.prompts))
    now = (names, judge.name, game.seed, shown)
    if changed := differences(dict(zip(_IDENTITY, then, strict=True)), dict(zip(_IDENTITY, now, strict=True))):
        raise UserError(
            f"{path} holds another run's game {one_line(game.id)}: {'; '.join(changed)}; give another folder"
        )


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
