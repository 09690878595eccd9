"""What a page is shown of a game: a watcher everything, a seat what its player may know."""

from dataclasses import dataclass, replace
from typing import Final

from negotiation_env.browser.table import Snapshot
from negotiation_env.environment.episode import Episode
from negotiation_env.game.events import QuestionKind, Status
from negotiation_env.game.scenario import Persona
from negotiation_env.report.contents import ShownTurn, shown_turns
from negotiation_env.report.verdicts import ShownVerdict, show_verdict

__all__ = ["GameView", "seat_view", "watcher_view"]

_DECIDED: Final = (QuestionKind.AGREEMENT, QuestionKind.SCORE)
"""What a judge is asked of what all have heard; guards may ask it of words that nobody else shall hear."""
_UNTOLD: Final = "no score: a judge or a player could not answer"


@dataclass(frozen=True, slots=True)
class GameView:
    """What one page is shown.

    Attributes:
        move: Changes with each turn; words are sent with that of the turn that they were written for.
        seat: Whose page; None is a watcher's.
        dilemma: What is negotiated.
        names: The personas', by seat.
        personas: The briefs that the page may show, by seat; None is another's.
        agents: Who plays, by seat; empty where that is not told.
        brief: What the seat is told at the beginning, word for word.
        asked: What is asked of the seat now, beyond taking its turn.
        speaker: The seat whose turn it is; None while the judge decides, and when all is over.
        completing: The speaker writes the joint answer.
        over: The game has ended.
        said: The transcript.
        rulings: The verdicts.
        status: How it ended; None while it goes on.
        score: Collective Agency, 0 to 5; None where nothing was scored.
        reason: Why it is unscored, else "".
    """

    move: int
    seat: int | None
    dilemma: str
    names: tuple[str, ...]
    personas: tuple[Persona | None, ...]
    agents: tuple[str, ...]
    brief: str
    asked: str
    speaker: int | None
    completing: bool
    over: bool
    said: tuple[ShownTurn, ...]
    rulings: tuple[ShownVerdict, ...]
    status: Status | None
    score: float | None
    reason: str


def watcher_view(now: Snapshot) -> GameView:
    """All that happened in public, with every brief, every verdict and who plays."""
    episode = now.episode
    return _view(
        now,
        personas=episode.scenario.personas,
        agents=episode.agents,
        rulings=_rulings(episode),
        reason=episode.outcome.reason if now.over else "",
    )


def seat_view(now: Snapshot, seat: int) -> GameView:
    """What the player in a seat may know: its own brief, what was said, and what the judge decided.

    Judges are told every brief, so that their evidence comes once the game is over, and their questions never; nor what
    guards asked them about words before those were delivered.
    """
    episode, messages = now.episode, now.chats[seat]
    told = episode.scenario.personas if episode.rules.personas else ()
    mine = now.speaker == seat
    first = messages[0] if messages else {}
    return _view(
        now,
        seat=seat,
        personas=tuple(persona if place == seat else None for place, persona in enumerate(told)),
        brief=first["content"] if first.get("role") == "system" else "",
        asked=messages[-1]["content"] if mine and (now.completing or now.again) else "",
        rulings=tuple(_public(ruling, over=now.over) for ruling in _rulings(episode) if ruling.kind in _DECIDED),
        reason=_UNTOLD if now.over and episode.outcome.status is Status.UNSCORED else "",
    )


def _view(
    now: Snapshot,
    *,
    personas: tuple[Persona | None, ...],
    rulings: tuple[ShownVerdict, ...],
    reason: str,
    seat: int | None = None,
    agents: tuple[str, ...] = (),
    brief: str = "",
    asked: str = "",
) -> GameView:
    episode = now.episode
    return GameView(
        now.move,
        seat,
        episode.scenario.dilemma,
        episode.scenario.names,
        personas,
        agents,
        brief,
        asked,
        now.speaker,
        now.completing,
        now.over,
        shown_turns(episode),
        rulings,
        episode.outcome.status if now.over else None,
        episode.outcome.score if now.over else None,
        reason,
    )


def _rulings(episode: Episode) -> tuple[ShownVerdict, ...]:
    names = episode.scenario.names
    return tuple(show_verdict(each.kind, each.turn, each.verdict, names) for each in episode.rulings)


def _public(ruling: ShownVerdict, *, over: bool) -> ShownVerdict:
    """A verdict without what a judge was told; without its evidence, too, as long as words can be chosen by it."""
    kept = replace(ruling, facts={}, calls=())
    if over and ruling.value is not None:
        return kept
    bars = kept.bars if over and kept.kind is QuestionKind.SCORE else ()
    return replace(kept, reason="", probability=None, quotes=(), bars=bars)
