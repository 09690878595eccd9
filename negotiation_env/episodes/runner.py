"""Games played by agents through the step API.

`play_many` plays many games in lockstep: each agent speaks for all of its games in one batch, and one judge call
serves all games. With `workers` each worker plays one game at a time instead, so that remote models never wait for the
slowest.
"""

import hashlib
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from itertools import islice
from threading import Event
from typing import Any

from negotiation_env.console.interrupts import interruptible
from negotiation_env.console.threads import Crew
from negotiation_env.endpoints.recording import sound
from negotiation_env.environment.aec import NegotiationEnv, step_many
from negotiation_env.episodes.episode import Episode, record
from negotiation_env.game.events import Outcome, Turn
from negotiation_env.game.scenario import Scenario, require_playable
from negotiation_env.interfaces import Agent, Judge, Reply, Request

__all__ = ["Game", "derive_seed", "play", "play_many", "replied"]


@dataclass(frozen=True, slots=True)
class Game:
    """A negotiation to play.

    Attributes:
        id: Unique within a run.
        scenario: What is negotiated.
        agents: One for each seat; the same agent may sit in several.
        seed: Seeds the replies.
        writer: The seat that writes the completion; None is the rules' choice.
        tags: Go into the episode.
    """

    id: str
    scenario: Scenario
    agents: tuple[Agent, ...]
    seed: int = 0
    writer: int | None = None
    tags: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.agents) != (seats := self.scenario.seats):
            raise ValueError(f"game {self.id!r}: {seats} seats need {seats} agents, got {len(self.agents)}")
        require_playable(self.scenario)  # before other games of the run are played and paid for


def derive_seed(*parts: object) -> int:
    """A 63-bit seed out of anything printable; the same on every machine."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def play(game: Game, judge: Judge, *, render_mode: str | None = None, **rules: Any) -> Episode:
    """Play one game; `rules` are the fields of `Rules`."""
    return next(iter(play_many([game], judge, render_mode=render_mode, **rules)))


def play_many(
    games: Iterable[Game],
    judge: Judge,
    *,
    workers: int = 1,
    batch: int = 1024,
    render_mode: str | None = None,
    **rules: Any,
) -> Generator[Episode, None, None]:
    """Play many games.

    Args:
        games: What to play; ids must differ. One is taken when it is its turn, so that there may be any number.
        judge: Decides and scores.
        workers: 1 plays the games in lockstep; more play as many games at a time, each for itself, in threads.
        batch: How many games are in lockstep; the next ones begin when all have ended.
        render_mode: As for `NegotiationEnv`.
        **rules: The fields of `Rules`.

    Yields:
        Episodes as they end.

        Once a game raises, those of its batch that have ended are yielded, then the error is raised. With workers no
        other game begins then, and those under way are still played and yielded before: they are half paid for.

        Ctrl-C, and closing this iterator, abandon what is under way: no game begins, no agent and no judge is called
        any more, nothing is waited for, and the answers of calls under way are thrown away. After Ctrl-C the games that
        had ended are yielded, then KeyboardInterrupt is raised. Whoever takes the episodes gets none lost on the way to
        a file by taking them within `interrupts.put_off`, and calls no more models after an error of its own by closing
        the iterator, as `contextlib.closing` does.
    """
    waiting = iter(games)
    if workers > 1:
        yield from _side_by_side(waiting, judge, workers, render_mode, rules)
        return
    while chosen := list(islice(waiting, batch)):
        yield from _lockstep(chosen, judge, render_mode, rules, Event())


@dataclass(slots=True)
class _Table:
    """A game being played."""

    game: Game
    env: NegotiationEnv
    replies: list[Reply] = field(default_factory=list)

    @property
    def turn(self) -> Turn | None:
        pending = self.env.game.pending
        return pending if isinstance(pending, Turn) else None

    def request(self, turn: Turn) -> Request:
        seed = derive_seed(self.game.seed, turn.seat, turn.task, turn.number)
        return Request(self.game.id, turn.seat, turn.task, turn.messages, seed)

    def episode(self) -> Episode:
        game = self.game
        names = tuple(agent.name for agent in game.agents)
        return record(self.env, self.replies, id=game.id, seed=game.seed, agents=names, tags=game.tags)


def _side_by_side(
    games: Iterator[Game], judge: Judge, workers: int, render_mode: str | None, rules: Mapping[str, Any]
) -> Iterator[Episode]:
    crew, stop, failed = Crew(), Event(), list[Future[list[Episode]]]()
    playing: list[Future[list[Episode]]] = []
    try:
        while True:
            begun = [] if failed else islice(games, workers - len(playing))
            playing += [crew.begin(_play_alone, game, judge, render_mode, rules, stop) for game in begun]
            if not playing:
                break
            with interruptible():
                wait(playing, return_when=FIRST_COMPLETED)
            failed += [each for each in playing if each.done() and each.exception()]
            yield from _ended(playing)
    except KeyboardInterrupt:
        stop.set()
        yield from _ended(playing)
        raise
    finally:
        stop.set()
        crew.dismiss()
    for each in failed[:1]:
        each.result()  # raises


def _ended(playing: list[Future[list[Episode]]]) -> Iterator[Episode]:
    """The episodes of those that have ended, which are taken out."""
    for each in [each for each in playing if each.done()]:
        playing.remove(each)
        if not each.exception():
            yield from each.result()


def _play_alone(
    game: Game, judge: Judge, render_mode: str | None, rules: Mapping[str, Any], stop: Event
) -> list[Episode]:
    return list(_lockstep([game], judge, render_mode, rules, stop))


def _lockstep(
    games: Iterable[Game], judge: Judge, render_mode: str | None, rules: Mapping[str, Any], stop: Event
) -> Iterator[Episode]:
    tables = [_seat(game, judge, render_mode, rules) for game in games]
    while tables and not stop.is_set():
        try:
            with interruptible():
                _round(tables, judge, stop)
        finally:  # also where the round broke off: what has ended is not lost
            finished = [table for table in tables if isinstance(table.env.game.pending, Outcome)]
            tables = [table for table in tables if table.turn is not None]
            yield from (table.episode() for table in finished)


def _seat(game: Game, judge: Judge, render_mode: str | None, rules: Mapping[str, Any]) -> _Table:
    env = NegotiationEnv(scenarios=[game.scenario], judge=judge, render_mode=render_mode, **rules)
    env.reset(options={"scenario": game.scenario} | ({} if game.writer is None else {"writer": game.writer}))
    return _Table(game, env)


def _round(tables: Sequence[_Table], judge: Judge, stop: Event) -> None:
    """Everybody whose turn it is speaks once; nobody is judged any more where the games are to stop."""
    spoken = []
    for table, reply in _replies(tables):
        table.replies.append(reply)
        if reply.error is None:
            spoken.append((table.env, reply.text))
        else:
            table.env.abort(f"the agent failed: {reply.error}")
    if not stop.is_set():
        step_many([env for env, _ in spoken], [text for _, text in spoken], judge)


def _replies(tables: Sequence[_Table]) -> Iterator[tuple[_Table, Reply]]:
    """Each agent answers for all of its games in one call."""
    by_agent: dict[int, list[tuple[_Table, Turn]]] = defaultdict(list)
    for table in tables:
        if turn := table.turn:
            by_agent[id(table.game.agents[turn.seat])].append((table, turn))
    for batch in by_agent.values():
        agent = batch[0][0].game.agents[batch[0][1].seat]
        replies = replied(agent, [table.request(turn) for table, turn in batch])
        yield from zip([table for table, _ in batch], replies, strict=True)


def replied(agent: Agent, requests: Sequence[Request]) -> list[Reply]:
    """What an agent says in each of the games, as a record can hold it.

    Raises:
        ValueError: It gave more or fewer replies than it got requests.
    """
    replies = agent.act(requests)
    if len(replies) != len(requests):
        raise ValueError(
            f"expected {len(requests)} replies from the agent {agent.name}, one a request; got {len(replies)}"
        )
    return [sound(reply) for reply in replies]
