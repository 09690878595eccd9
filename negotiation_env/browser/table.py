"""The table of one game: people who sit at it, and what can be seen of it at any time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from threading import Lock
from typing import Final

from pettingzoo import AECEnv
from pettingzoo.utils import BaseWrapper

from negotiation_env.environment.aec import NegotiationEnv
from negotiation_env.environment.episode import Episode
from negotiation_env.environment.stepping import step_together
from negotiation_env.game.events import Message, Question, Verdict
from negotiation_env.game.moves import Phase
from negotiation_env.interfaces import Judge, Reply, Request

__all__ = ["LONGEST", "PersonAgent", "Snapshot", "Table"]

LONGEST: Final = 20_000
"""Most characters that a person can say in one turn."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A game at one moment, all of it; a page is shown a part.

    Attributes:
        move: How many words were spoken before it, refused ones too.
        episode: The record so far.
        chats: What each seat sees.
        speaker: The seat whose turn it is; None while the judge decides, and when all is over.
        completing: The speaker writes the joint answer.
        again: The speaker is asked again, for guards refused the words.
        over: The game has ended, and its record is kept.
    """

    move: int
    episode: Episode
    chats: tuple[tuple[Message, ...], ...]
    speaker: int | None
    completing: bool
    again: bool
    over: bool


class Table:
    """Lets a game in one thread and pages in another know of each other.

    Args:
        id: Names the game.
        agents: The agents' names, by seat.
        tell: Told each new `latest`, in the game's thread.
    """

    def __init__(self, id: str, agents: Sequence[str], tell: Callable[[Snapshot], None] | None = None) -> None:
        self._id, self._agents, self._told = id, tuple(agents), tell
        self._words: SimpleQueue[str | None] = SimpleQueue()
        self._lock = Lock()
        self._answered = -1
        self.latest: Snapshot | None = None

    def watch(self, env: AECEnv) -> AECEnv:
        """Watch a game; for `wrap` of `negotiation_env.episodes.runner.play`."""
        return _Watched(env, self._note)

    def say(self, move: int, seat: int, words: str) -> bool:
        """A person's words; whether they are taken: only once, and only in the turn that they were written for."""
        with self._lock:
            now = self.latest
            if now is None or now.speaker != seat or now.move != move or self._answered == move:
                return False
            self._answered = move
            self._words.put(words)
            return True

    def leave(self) -> None:
        """Nobody will say anything any more: the person who is asked, now or later, has left."""
        self._words.put(None)

    def wait(self) -> str | None:
        """The words of the person whose turn it is, as soon as they are there; None where everybody has left."""
        return self._words.get()

    def close(self, episode: Episode) -> None:
        """The game has ended with this record, which is kept."""
        if (now := self.latest) is not None:
            self.latest = Snapshot(now.move + 1, episode, now.chats, None, False, False, True)

    def _note(self, core: NegotiationEnv) -> None:
        game, (refused, tries) = core.game, core.asked_again
        self.latest = Snapshot(
            game.turns + (game.completion is not None) + refused,
            core.episode(id=self._id, agents=self._agents),
            tuple(tuple(core.observe(agent)["messages"]) for agent in core.agents),
            game.speaker,
            game.phase is Phase.COMPLETING,
            tries > 0,
            False,
        )
        if self._told:
            self._told(self.latest)


class _Watched(BaseWrapper):  # type: ignore[misc]
    """Tells of the game whenever something has changed, also between words and verdict."""

    def __init__(self, env: AECEnv, note: Callable[[NegotiationEnv], None]) -> None:
        super().__init__(env)
        self._tell = note

    def reset(self, seed: int | None = None, options: dict[str, object] | None = None) -> None:
        super().reset(seed=seed, options=options)
        self._tell(self.unwrapped)

    def step(self, action: str) -> None:
        core: NegotiationEnv = self.unwrapped
        step_together([(core, action)], _Announced(core.judge, partial(self._tell, core)))
        self._tell(core)


class _Announced:
    """A judge that tells before it is asked: what it decides of has been said."""

    def __init__(self, judge: Judge, tell: Callable[[], None]) -> None:
        self.name, self._judge, self._tell = judge.name, judge, tell

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        self._tell()
        return self._judge.judge(questions)


class PersonAgent:
    """People at a table, each in a window of their own; one agent for all of them.

    Args:
        table: Where they sit.
    """

    name = "human"

    def __init__(self, table: Table) -> None:
        self._table = table

    def act(self, requests: Sequence[Request]) -> list[Reply]:
        """Wait for the words of whoever is asked; where everybody has left, the game ends unscored."""
        found = [self._table.wait() for _ in requests]
        return [Reply("", error="the person has left") if words is None else Reply(words) for words in found]
