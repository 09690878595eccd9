"""Where `negotiate play` shows its game: a live table in a terminal; a pipe or a file gets nothing that moves."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from negotiation_env.console.terminal import console
from negotiation_env.episodes.runner import play
from negotiation_env.episodes.seating import seat_agents

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from negotiation_env.environment.episode import Episode
    from negotiation_env.episodes.runner import Game
    from negotiation_env.game.scenario import Scenario
    from negotiation_env.interfaces import Judge

__all__ = ["GameTable", "lay_table"]


class GameTable(Protocol):
    """Shows one game."""

    def loading(self) -> "AbstractContextManager[None]":
        """Models are loaded in the block."""

    def play(self, game: "Game", judge: "Judge", **rules: Any) -> "Episode":
        """Play the game; the arguments are those of `negotiation_env.episodes.runner.play`."""

    def close(self, episode: "Episode", kept: Path | None) -> None:
        """The game has ended, and its record is in the folder `kept`, or nowhere."""


class _PlainTable:
    """Prints each turn when it is there, and at last how it ended."""

    @contextmanager
    def loading(self) -> Iterator[None]:
        yield

    def play(self, game: "Game", judge: "Judge", **rules: Any) -> "Episode":
        return play(game, judge, render_mode="human", **rules)

    def close(self, episode: "Episode", kept: Path | None) -> None:
        """All is said."""


def lay_table(scenario: "Scenario", specs: Sequence[str]) -> GameTable:
    """The table for standard output as it is; a live one shows dilemma and personas at once.

    Args:
        scenario: What is negotiated.
        specs: Who plays; the last one takes the seats beyond.
    """
    if not console().is_terminal:
        return _PlainTable()
    from negotiation_env.cli.live import LiveTable

    return LiveTable(scenario, seat_agents(specs, scenario.seats))
