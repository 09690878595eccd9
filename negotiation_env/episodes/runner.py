"""Games played by agents through the step API.

`play_many` plays many games in lockstep: each agent speaks for all of its games in one batch, and one judge call
serves all games. With `workers` each worker plays one game at a time instead, so that remote models never wait for the
slowest.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from threading import Event
from typing import Any, Unpack

from pettingzoo import AECEnv

from negotiation_env.console.interrupts import interruptible
from negotiation_env.console.threads import Crew
from negotiation_env.endpoints.recording import sound
from negotiation_env.environment.aec import GameSettings, NegotiationEnv
from negotiation_env.environment.episode import Episode
from negotiation_env.environment.prompting import Prompts, chosen_prompts, seat_prompts
from negotiation_env.environment.stepping import Wrap, step_many
from negotiation_env.episodes.seating import require_agents
from negotiation_env.errors import UserError
from negotiation_env.game.events import Task
from negotiation_env.game.moves import Phase
from negotiation_env.game.prompts import PromptSet
from negotiation_env.game.protocol import Negotiation
from negotiation_env.game.rules import RuleSettings
from negotiation_env.game.scenario import Scenario, require_playable
from negotiation_env.guards.files import Given, load_guards
from negotiation_env.interfaces import Agent, Judge, Reply, Request
from negotiation_env.judges.asking import each_answered
from negotiation_env.judges.specs import resolve_judge
from negotiation_env.text.untrusted import one_line

__all__ = ["Game", "derive_seed", "play", "play_many", "replied", "request", "require_lanes"]


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
        if not isinstance(self.scenario, Scenario):
            raise UserError(
                f"game {self.id!r}: expected a Scenario, got {self.scenario!r:.80}; load_scenarios has some"
            )
        require_agents(self.agents)
        if len(self.agents) != (seats := self.scenario.seats):
            raise ValueError(f"game {self.id!r}: {seats} seats need {seats} agents, got {len(self.agents)}")
        require_playable(self.scenario)  # before other games of the run are played and paid for


def derive_seed(*parts: object) -> int:
    """A 63-bit seed out of anything printable; the same on every machine."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def play(
    game: Game,
    judge: str | Judge,
    *,
    render_mode: str | None = None,
    wrap: Wrap | None = None,
    **settings: Unpack[GameSettings],
) -> Episode:
    """Play one game; the arguments are those of `play_many`.

    Raises:
        UserError: It is no `Game`.
    """
    return next(iter(play_many([game], judge, render_mode=render_mode, wrap=wrap, **settings)))


def play_many(
    games: Iterable[Game],
    judge: str | Judge,
    *,
    workers: int = 1,
    batch: int = 1024,
    render_mode: str | None = None,
    wrap: Wrap | None = None,
    prompts: Prompts = None,
    guards: Given | None = None,
    **rules: Unpack[RuleSettings],
) -> Generator[Episode, None, None]:
    """Play many games.

    Args:
        games: What to play; ids must differ. One is taken when it is its turn, so that there may be any number.
        judge: Decides and scores; a judge, or the spec of one.
        workers: 1 plays the games in lockstep; more play as many games at a time, each for itself, in threads.
        batch: How many games are in lockstep; the next ones begin when all have ended.
        render_mode: As for `NegotiationEnv`.
        wrap: Puts PettingZoo wrappers around the environment of each game. They change what the agents see and say;
            the reward on record is the game's. One with a `step` of its own has its game judged alone.
        prompts: As for `NegotiationEnv`; an agent with a set of its own, `agent.prompts`, is shown that.
        guards: As for `NegotiationEnv`.
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
    if isinstance(games, Game):
        raise UserError("expected games, such as a list of them, got one; `play` plays it")
    judge = resolve_judge(judge)
    require_lanes(batch, workers)
    waiting, chosen = iter(games), chosen_prompts(prompts, judge)
    settings = {"guards": None if guards is None else load_guards(guards), **rules}
    seat = partial(_seat, judge=judge, render_mode=render_mode, wrap=wrap, prompts=chosen, rules=settings)
    if workers > 1:
        yield from _side_by_side(waiting, judge, workers, seat)
        return
    while some := list(islice(waiting, batch)):
        yield from _lockstep(map(seat, some), judge, Event())


def require_lanes(batch: int, workers: int) -> None:
    """Refuse to play no games at a time.

    Raises:
        ValueError: One of the two is no int, or less than 1.
    """
    if not isinstance(batch, int) or not isinstance(workers, int) or min(batch, workers) < 1:
        raise ValueError(f"expected at least 1 game at a time; got batch={batch!r}, workers={workers!r}")


@dataclass(slots=True)
class _Seating:
    """A game being played, and what its agents said."""

    game: Game
    env: AECEnv
    core: NegotiationEnv
    replies: list[Reply] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return self.core.game.phase is Phase.OVER

    @property
    def agent(self) -> Agent | None:
        """Whose turn it is."""
        seat = self.core.game.speaker
        return None if seat is None else self.game.agents[seat]

    @property
    def in_step(self) -> bool:
        """Whether each reply but a failed one, the last, was one turn, or refused by guards.

        A wrapper may have made no turn of it, or more.
        """
        game, failed = self.core.game, bool(self.replies) and self.replies[-1].error is not None
        refused, _ = self.core.asked_again
        return game.turns + (game.completion is not None) + refused == len(self.replies) - failed

    def episode(self) -> Episode:
        game = self.game
        names = tuple(agent.name for agent in game.agents)
        return self.core.episode(id=game.id, seed=game.seed, agents=names, replies=self.replies, tags=game.tags)


def _side_by_side(
    games: Iterator[Game], judge: Judge, workers: int, seat: Callable[[Game], _Seating]
) -> Iterator[Episode]:
    crew, stop, failed = Crew(), Event(), list[Future[list[Episode]]]()
    playing: list[Future[list[Episode]]] = []
    try:
        while True:
            begun = [] if failed else islice(games, workers - len(playing))
            playing += [crew.begin(_play_alone, game, judge, seat, stop) for game in begun]
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


def _play_alone(game: Game, judge: Judge, seat: Callable[[Game], _Seating], stop: Event) -> list[Episode]:
    return list(_lockstep([seat(game)], judge, stop))


def _lockstep(seated: Iterable[_Seating], judge: Judge, stop: Event) -> Iterator[Episode]:
    tables = list(seated)
    while tables and not stop.is_set():
        try:
            with interruptible():
                _round(tables, judge, stop)
        finally:  # also where the round broke off: what has ended is not lost
            finished = [table for table in tables if table.over and table.in_step]
            tables = [table for table in tables if table.agent is not None]
            yield from (table.episode() for table in finished)


def _seat(
    game: Game,
    judge: Judge,
    render_mode: str | None,
    wrap: Wrap | None,
    prompts: Sequence[PromptSet],
    rules: Mapping[str, Any],
) -> _Seating:
    if not isinstance(game, Game):
        raise UserError(f"expected a Game (id, scenario, agents), got {game!r:.80}")
    own = seat_prompts(prompts, game.scenario.seats, game.agents, game.scenario)
    core = NegotiationEnv(scenarios=[game.scenario], judge=judge, render_mode=render_mode, prompts=own, **rules)
    env = wrap(core) if wrap else core
    if getattr(env, "unwrapped", None) is not core:
        raise TypeError(f"wrap: expected PettingZoo wrappers around the environment it was given, got {env!r:.80}")
    env.reset(options={"scenario": game.scenario} | ({} if game.writer is None else {"writer": game.writer}))
    return _Seating(game, env, core)


def _round(tables: Sequence[_Seating], judge: Judge, stop: Event) -> None:
    """Everybody whose turn it is speaks once; nobody is judged any more where the games are to stop."""
    spoken = []
    for table, reply in _replies(tables):
        table.replies.append(reply)
        if reply.error is None:
            spoken.append((table, reply.text))
        else:
            table.core.abort(f"the agent failed: {reply.error}")
    if not stop.is_set():
        step_many([table.env for table, _ in spoken], [text for _, text in spoken], judge)
        for table, _ in spoken:
            if not table.in_step:
                raise ValueError(f"game {table.game.id!r}: expected one turn a step; a wrapper takes none, or more")


def _replies(tables: Sequence[_Seating]) -> Iterator[tuple[_Seating, Reply]]:
    """Each agent answers for all of its games in one call."""
    by_agent: dict[int, list[_Seating]] = defaultdict(list)
    for table in tables:
        if table.agent is not None:
            by_agent[id(table.agent)].append(table)
    for batch in by_agent.values():
        agent = batch[0].agent
        assert agent is not None
        replies = replied(agent, [request(table.env, table.game.id, table.game.seed) for table in batch])
        yield from zip(batch, replies, strict=True)


def request(env: AECEnv, game: str, seed: int) -> Request:
    """What the agent whose turn it is is asked, with the chat as its environment shows it.

    Args:
        env: The environment, wrapped or not, which waits for an agent.
        game: Names the game.
        seed: The game's; each turn, and each try that guards refused, has one of its own out of it.
    """
    core: Negotiation = env.unwrapped.game
    _, tries = env.unwrapped.asked_again
    seat, number = core.speaker, core.turns + 1
    assert seat is not None
    task = Task.COMPLETION if core.phase is Phase.COMPLETING else Task.UTTERANCE
    messages = tuple(env.observe(env.agent_selection)["messages"])
    return Request(game, seat, task, messages, derive_seed(seed, seat, task, number, *([tries] if tries else [])))


def replied(agent: Agent, requests: Sequence[Request]) -> list[Reply]:
    """What an agent says in each of the games, as a record can hold it; a slip of its costs no other game.

    Returns:
        A reply for each request; one with an error where the agent raised, or gave what is none.

    Raises:
        NegotiationError: What is no slip of the agent, such as weights that could not be fetched.
    """
    found = each_answered(agent.name, agent.act, requests, lambda reason: Reply("", error=reason))
    return [_usable(agent.name, reply) for reply in found]


def _usable(name: str, reply: object) -> Reply:
    if not isinstance(reply, Reply):
        return Reply("", error=f"{name} gave a {type(reply).__name__}; expected a Reply")
    if not isinstance(reply.text, str):
        return Reply("", error=f"{name} gave a Reply with a {type(reply.text).__name__} as its text; expected a str")
    try:
        return sound(reply)
    except Exception as error:  # its other fields may hold anything
        return Reply("", error=f"{name} gave a Reply that no record can hold: {one_line(str(error))}")
