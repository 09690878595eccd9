"""A game that people play, or watch, in the browser."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from negotiation_env.browser.server import Page, serve
from negotiation_env.browser.table import LONGEST, PersonAgent, Table
from negotiation_env.browser.views import seat_view, watcher_view
from negotiation_env.console.threads import Crew
from negotiation_env.environment.episode import Episode
from negotiation_env.episodes.runner import Game, play
from negotiation_env.interfaces import Judge

__all__ = ["SeatPage", "finished", "play_in_browser", "seated"]


@dataclass(frozen=True, slots=True)
class SeatPage:
    """A seat's page, or a watcher's.

    Attributes:
        table: The game's.
        seat: Whose page; None only watches.
    """

    table: Table
    seat: int | None

    def state(self) -> object:
        """What the seat may know now; None before the game has begun."""
        if (now := self.table.latest) is None:
            return None
        return watcher_view(now) if self.seat is None else seat_view(now, self.seat)

    def answer(self, said: Mapping[str, Any]) -> bool:
        """Words for the turn in which they were written; whether they are taken."""
        move, words = said.get("move"), said.get("words")
        if self.seat is None or type(move) is not int or not isinstance(words, str) or not words.strip():
            raise ValueError("expected a move's number and some words, from a seat")
        if len(words) > LONGEST:
            raise ValueError(f"expected at most {LONGEST} characters, got {len(words)}")
        return self.table.say(move, self.seat, words)


def seated(game: Game, people: Sequence[int]) -> tuple[Game, Table]:
    """The game with people in some of its seats, and their table."""
    table = Table(game.id, [agent.name for agent in game.agents])
    person = PersonAgent(table)
    agents = tuple(person if seat in people else agent for seat, agent in enumerate(game.agents))
    return replace(game, agents=agents), table


async def play_in_browser(
    game: Game,
    judge: Judge,
    people: Sequence[int],
    *,
    show: Callable[[Mapping[str, str]], None],
    keep: Callable[[Episode], None],
    **rules: Any,
) -> None:
    """Play one game and serve its pages until this is cancelled, as Ctrl-C does; what had ended by then is kept.

    Args:
        game: What to play.
        judge: Decides and scores.
        people: The seats that people take.
        show: Told the pages' addresses: one for each of these seats, and one to watch from.
        keep: Takes the episode when the game has ended.
        **rules: As for `negotiation_env.episodes.runner.play`.
    """
    game, table = seated(game, people)
    pages: dict[str, Page] = {
        **{f"seat {seat}, {game.scenario.names[seat]}": SeatPage(table, seat) for seat in people},
        "to watch": SeatPage(table, None),
    }
    async with serve(pages) as addresses:
        show(addresses)
        episode = await finished(game, judge, table, **rules)
        keep(episode)
        table.close(episode)
        await asyncio.Event().wait()


async def finished(game: Game, judge: Judge, table: Table, **rules: Any) -> Episode:
    """The episode of a game played in a thread, while pages are served.

    Who stops waiting leaves the table; the thread finds nobody there, or ends with what a model takes.
    """
    crew = Crew()
    work = crew.begin(lambda: play(game, judge, wrap=table.watch, **rules))
    try:
        while not work.done():  # asked, not told: a thread left behind has nobody to tell
            await asyncio.sleep(0.05)
    finally:
        table.leave()
        crew.dismiss()
    return work.result()
