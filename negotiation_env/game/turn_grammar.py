"""Agreement by a handshake in the turns themselves.

A turn is free text, then at most one line `PROPOSE: <one sentence>` or `ACCEPT`. The parties agree when every
seat but the proposer accepts the latest proposal. One party alone can never agree, a new proposal voids the
acceptances of the old one, and tags count only on the last line of the speaker's own turn.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from negotiation_env.game.events import Utterance

__all__ = ["Handshake", "ParsedTurn", "handshake", "parse_turn"]

_TAG = re.compile(r"(?:PROPOSE:[ \t]*(?P<proposal>\S.*)|(?P<accept>ACCEPT)[.!]?)\s*\Z")
_LIKE_A_TAG = re.compile(r"\s*(PROPOSE|ACCEPT)\b")


@dataclass(frozen=True, slots=True)
class ParsedTurn:
    """A turn split by the grammar.

    Attributes:
        words: The free text.
        proposal: The proposed plan, or None.
        accepts: Whether the turn accepts.
        grammatical: The turn bears one well-formed tag, on its last line, or none at all.
    """

    words: str
    proposal: str | None = None
    accepts: bool = False
    grammatical: bool = True


@dataclass(frozen=True, slots=True)
class Handshake:
    """Where the parties stand.

    Attributes:
        agreed: Every other seat accepted the latest proposal.
        proposal: The latest proposal, or None.
        proposer: Its seat, or None.
        accepted: The seats that accepted it since.
    """

    agreed: bool = False
    proposal: str | None = None
    proposer: int | None = None
    accepted: frozenset[int] = frozenset()


def parse_turn(text: str) -> ParsedTurn:
    """Split a turn into words and tag.

    The tag is the last line alone. A turn with a second line that begins like a tag says two things at once
    ("PROPOSE: …", then "ACCEPT"), so neither counts and all of it is plain words.
    """
    lines = text.strip().split("\n")
    tags = [line for line in lines if _LIKE_A_TAG.match(line)]
    found = _TAG.match(lines[-1].strip())
    if not found or len(tags) > 1:
        return ParsedTurn(text.strip(), grammatical=not tags)
    words = "\n".join(lines[:-1]).strip()
    return ParsedTurn(words, found["proposal"], found["accept"] is not None)


def handshake(dialogue: Sequence[Utterance], seats: int) -> Handshake:
    """Where a dialogue of `seats` parties (2 or more) stands: its latest proposal, and who accepted it since."""
    accepted: set[int] = set()
    for utterance in reversed(dialogue):
        turn = parse_turn(utterance.text)
        if turn.proposal is not None:
            others = frozenset(accepted - {utterance.seat})
            return Handshake(len(others) == seats - 1, turn.proposal, utterance.seat, others)
        if turn.accepts:
            accepted.add(utterance.seat)
    return Handshake()
