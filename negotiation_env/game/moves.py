"""The legal moves of a negotiation: what it waits for, what can happen then, and what it waits for next."""

from collections.abc import Sequence
from enum import StrEnum

__all__ = ["MOVES", "Move", "Phase", "moves_table"]


class Phase(StrEnum):
    """What the negotiation waits for."""

    SPEAKING = "speaking"
    AGREEING = "agreeing"
    COMPLETING = "completing"
    SCORING = "scoring"
    OVER = "over"


class Move(StrEnum):
    """What happened; `say` and `rule` work out which one applies."""

    SAID_EARLY = "said, and not every seat has spoken yet"
    SAID = "said, and every seat has spoken"
    OPEN = "ruled: no agreement, turns are left"
    AGREED = "ruled: agreement"
    EXHAUSTED = "ruled: no agreement, no turn is left"
    EXHAUSTED_BUT_COMPLETE = "ruled: no agreement, no turn is left, a completion is wanted anyway"
    COMPLETED = "said the completion"
    SCORED = "ruled: a score"
    STOPPED = "a guard ended it"
    UNSCORED = "a judge or an agent failed, or a guard left it unscored"


MOVES: dict[tuple[Phase, Move], Phase] = {
    (Phase.SPEAKING, Move.SAID_EARLY): Phase.SPEAKING,
    (Phase.SPEAKING, Move.SAID): Phase.AGREEING,
    (Phase.SPEAKING, Move.STOPPED): Phase.OVER,
    (Phase.SPEAKING, Move.UNSCORED): Phase.OVER,
    (Phase.AGREEING, Move.OPEN): Phase.SPEAKING,
    (Phase.AGREEING, Move.AGREED): Phase.COMPLETING,
    (Phase.AGREEING, Move.EXHAUSTED): Phase.OVER,
    (Phase.AGREEING, Move.EXHAUSTED_BUT_COMPLETE): Phase.COMPLETING,
    (Phase.AGREEING, Move.STOPPED): Phase.OVER,
    (Phase.AGREEING, Move.UNSCORED): Phase.OVER,
    (Phase.COMPLETING, Move.COMPLETED): Phase.SCORING,
    (Phase.COMPLETING, Move.UNSCORED): Phase.OVER,
    (Phase.SCORING, Move.SCORED): Phase.OVER,
    (Phase.SCORING, Move.UNSCORED): Phase.OVER,
}
"""Every legal move: what is waited for, what happened, what is waited for next."""


def moves_table(moves: Sequence[tuple[tuple[Phase, Move], Phase]] = tuple(MOVES.items())) -> str:
    """The legal moves as a Markdown table; the documentation's copy is drawn from it."""
    rows = [f"| {phase} | {move} | {after} |" for (phase, move), after in moves]
    return "\n".join(["| waits for | what happened | then waits for |", "|---|---|---|", *rows])
