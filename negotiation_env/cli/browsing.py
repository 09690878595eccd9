"""`negotiate play --browser`."""

import asyncio
import webbrowser
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from negotiation_env.console.terminal import say
from negotiation_env.errors import Interrupted

if TYPE_CHECKING:
    from negotiation_env.environment.episode import Episode
    from negotiation_env.episodes.runner import Game
    from negotiation_env.interfaces import Judge

__all__ = ["play_in_pages"]


def play_in_pages(
    game: "Game", judge: "Judge", keep: "Callable[[Episode], None] | None", *, open_page: bool, **rules: Any
) -> None:
    """Play one game in the browser, until Ctrl-C; a game that has ended is kept before.

    Raises:
        Interrupted: Ctrl-C came before the game had ended.
    """
    from negotiation_env.agents.human import HumanAgent
    from negotiation_env.browser.play import play_in_browser

    people = [seat for seat, agent in enumerate(game.agents) if isinstance(agent, HumanAgent)]
    ended = False

    def show(addresses: Mapping[str, str]) -> None:
        for name, address in addresses.items():
            say(f"{name}: {address}")
        say("Whoever has an address has its seat. Ctrl-C ends the server.")
        if open_page:
            webbrowser.open(next(iter(addresses.values())))

    def end(episode: "Episode") -> None:
        nonlocal ended
        if keep:
            keep(episode)
        ended = True
        say(f"the negotiation ended {episode.outcome.status}".replace("_", " "))

    try:
        asyncio.run(play_in_browser(game, judge, people, show=show, keep=end, **rules))
    except KeyboardInterrupt as error:
        if not ended:
            raise Interrupted("stopped; a negotiation that had not ended is not kept") from error
