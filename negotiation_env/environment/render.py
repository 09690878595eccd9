"""A negotiation for human eyes: plain text, and a live view in the terminal."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from negotiation_env.console.terminal import console, shown
from negotiation_env.game.events import Outcome, Status, Utterance
from negotiation_env.game.protocol import Negotiation
from negotiation_env.game.rewards import reward
from negotiation_env.game.rules import Rules

if TYPE_CHECKING:
    from rich.panel import Panel

__all__ = ["UNEARNED", "agency", "colour_of", "ending", "outcome_line", "show_news", "spoken", "transcript", "unearned"]

UNEARNED = "reward 0, without agreement"
_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")


def transcript(game: Negotiation, judge: str) -> str:
    """The dilemma, everything said so far and how it ended, as plain text that cannot act on a terminal.

    Only who speaks begins a line with "[".
    """
    names = game.scenario.names
    parts = [game.scenario.dilemma, *(f"[{names[said.seat]}] {_inside(said)}" for said in game.dialogue)]
    if game.completion:
        parts.append(f"[{_answer_title(game)}] {_inside(game.completion)}")
    if isinstance(game.pending, Outcome):
        parts.append(outcome_line(game.pending, judge, game.rules))
    return shown("\n\n".join(parts))


def _inside(said: Utterance) -> str:
    return said.text.replace("\n[", "\n [")


def outcome_line(outcome: Outcome, judge: str, rules: Rules) -> str:
    """How it ended, in one line; a score never stands without its judge's name, nor alone where it earns nothing."""
    score = "" if outcome.score is None else f"; {agency(outcome.score)} by the {judge}"
    reason = f" ({outcome.reason})" if outcome.reason else ""
    earned = f"; {UNEARNED}" if unearned(outcome, rules) else ""
    return f"{ending(outcome)}{score}{reason}{earned}"


def unearned(outcome: Outcome, rules: Rules) -> bool:
    """Whether an answer was scored whose score is not the reward."""
    return outcome.score is not None and reward(outcome, rules) != outcome.score


def ending(outcome: Outcome) -> str:
    """How it ended, and after how many turns."""
    turns = "" if outcome.status is Status.ANSWERED else f" after {outcome.turns} turns"
    return f"{outcome.status.replace('_', ' ')}{turns}"


def agency(score: float) -> str:
    """A score in words."""
    return f"Collective Agency {score:.2f} of 5"


def show_news(game: Negotiation, judge: str) -> None:
    """Print what the last move brought, in colour; what was said is printed as it is, markup has no effect."""
    from rich.panel import Panel
    from rich.text import Text

    out = console()
    if game.turns + bool(game.completion) == 1:
        out.print(Panel(Text(game.scenario.dilemma), title="dilemma"))
    for said, title in _news(game):
        out.print(spoken(said.seat, title, said.text))
    if isinstance(game.pending, Outcome):
        out.print(Text(outcome_line(game.pending, judge, game.rules), style="bold"))


def spoken(seat: int, title: str, text: str) -> "Panel":
    """Words in a frame of the seat's colour, as they are: markup has no effect."""
    from rich.panel import Panel
    from rich.text import Text

    return Panel(Text(text), title=Text(title), title_align="left", border_style=colour_of(seat))


def colour_of(seat: int) -> str:
    """The colour of a seat's frames."""
    return _COLOURS[seat % len(_COLOURS)]


def _news(game: Negotiation) -> Iterator[tuple[Utterance, str]]:
    if game.completion:
        yield game.completion, _answer_title(game)
    elif game.dialogue:
        said = game.dialogue[-1]
        yield said, f"{game.turns}. {game.scenario.personas[said.seat].name}"


def _answer_title(game: Negotiation) -> str:
    return "answer" if game.rules.single else f"joint answer, by {game.scenario.personas[game.rules.writer].name}"
