"""Agreement by a handshake in the turns themselves.

A turn is free text with at most one tag, a line that proposes or accepts. The parties agree when every seat but the
proposer has accepted the latest proposal. What counts, as models write it:

| a line of the turn | what it is |
|---|---|
| `PROPOSE: plan`, `Propose: plan`, `PROPOSE – plan`, `**PROPOSE:** plan`, `**PROPOSE** plan` | a proposal |
| `ACCEPT`, `Accept.`, `ACCEPT!`, `**ACCEPT**`, `# ACCEPT`, `- ACCEPT` | an acceptance of the proposal that stands |
| `ACCEPT: plan`, `**ACCEPT:** plan`, `ACCEPT - plan` | an acceptance where it restates that proposal, else a proposal |
| `PROPOSE:`, `ACCEPT:`, `ACCEPT your plan` | a stray: it counts nothing |
| `I would never ACCEPT this`, `Accept this`, `accept`, `"ACCEPT"`, `> ACCEPT`, `~~ACCEPT~~`, `Lea: ACCEPT` | words |

A line that the next one goes on from in small letters, be it in brackets, is part of a sentence, and a stray at most.
A turn with a stray, or with tags that say different things, says nothing by tags: all of it is words.

Why it cannot be gamed: a proposer's own acceptance counts nothing, so that one party alone can never agree; a new
proposal voids the acceptances of the old one; who restates another plan than the one that stands has made a proposal
that the others must accept; a plan is restated only in the same words and numbers, whatever their presentation
(`negotiation_env.text.alike.folded`); and a tag is a line's own beginning, never something quoted, told or struck out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from negotiation_env.game.events import Utterance
from negotiation_env.text.alike import RARE_COLONS, folded

__all__ = ["LIKE_A_TAG", "Handshake", "ParsedTurn", "handshake", "parse_dialogue", "parse_turn"]

_BLANK: Final = r" \t\u00a0\u202f\u3000"
_BEFORE: Final = rf"[-•#*_`{_BLANK}]*+"
_MARKS: Final = rf"[#*_`~{_BLANK}]*+"
_AFTER: Final = rf"(?:[*_`~]++(?=[{_BLANK}]))?[{_BLANK}]*+"
_THEN: Final = rf"(?:{_MARKS}[:：–—{RARE_COLONS}]|[*_`~]*+[{_BLANK}]++-+(?=[{_BLANK}])){_AFTER}"
_TAG: Final = re.compile(
    rf"(?P<before>{_BEFORE})(?:(?:PROPOSE|Propose)(?:{_THEN}|[*_`~]++[{_BLANK}]++)(?P<proposal>\S.*)"
    rf"|(?:ACCEPT|Accept)(?:{_THEN}(?:{_MARKS}PROPOSE{_THEN})?(?P<restated>\S.*)|{_MARKS}[.!]?{_MARKS}$))",
    re.MULTILINE,
)
_OPENING: Final = " \t\u00a0\u202f\u3000([…,;."
"""What may stand before the first letter of a line that goes on from the one above."""
LIKE_A_TAG: Final = re.compile(rf"{_TAG.pattern}|{_BEFORE}(?:PROPOSE|ACCEPT)(?![^\W_])", re.MULTILINE)
"""The beginning of a line that is a tag or a stray."""


@dataclass(frozen=True, slots=True)
class ParsedTurn:
    """A turn split by the grammar.

    Attributes:
        words: The free text.
        proposal: The proposed plan, or None.
        accepts: Whether the turn accepts. With a proposal too it does so only if that is the one that stands, which
            the turn alone cannot say; `parse_dialogue` can.
        grammatical: The turn bears one well-formed tag, or none at all.
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
    """Split a turn into words and tag."""
    text = text.strip()
    if not ("PROPOSE" in text or "ACCEPT" in text or "Propose" in text or "Accept" in text):
        return ParsedTurn(text)  # most turns of those who speak freely
    lines = text.split("\n")
    tags = {number: _tag(lines, number) for number, line in enumerate(lines) if LIKE_A_TAG.match(line)}
    said = set(tags.values())
    tag = said.pop() if len(said) == 1 else None
    if tag is None:
        return ParsedTurn(text, grammatical=not tags)
    words = [line for number, line in enumerate(lines) if number not in tags]
    return ParsedTurn("\n".join(words).strip(), *tag)


def _tag(lines: Sequence[str], number: int) -> tuple[str | None, bool] | None:
    """The plan that a line names, if any, and whether it accepts; None for a stray."""
    tag, following = _TAG.match(lines[number]), lines[number + 1 : number + 2]
    if tag is None or (following and following[0].lstrip(_OPENING)[:1].islower()):
        return None
    plan = tag["proposal"] or tag["restated"]
    return plan and plan.rstrip(tag["before"] + " "), tag["proposal"] is None


def parse_dialogue(dialogue: Sequence[Utterance]) -> list[ParsedTurn]:
    """The turns, each of which proposes, accepts or does neither: an acceptance that names a plan is told which."""
    return _resolved([parse_turn(utterance.text) for utterance in dialogue])


def _resolved(turns: Sequence[ParsedTurn]) -> list[ParsedTurn]:
    found, stands = [], ""
    for turn in turns:
        if turn.accepts and turn.proposal is not None:
            same = _plan_key(turn.proposal) == _plan_key(stands)
            turn = replace(turn, proposal=None) if same else replace(turn, accepts=False)
        stands = turn.proposal or stands
        found.append(turn)
    return found


def _plan_key(plan: str) -> str:
    """What two plans have in common that are the same to a reader."""
    return folded(plan).lstrip(" '").rstrip(" .,;:!'")


def handshake(dialogue: Sequence[Utterance], seats: int) -> Handshake:
    """Where a dialogue of `seats` parties (2 or more) stands: its latest proposal, and who accepted it since."""
    recent: list[ParsedTurn] = []
    for utterance in reversed(dialogue):
        recent.append(turn := parse_turn(utterance.text))
        if turn.proposal is not None and not turn.accepts:
            break  # what was said before it counts no more
    proposal, proposer, accepted = None, None, frozenset[int]()
    for utterance, turn in zip(dialogue[-len(recent) :], _resolved(recent[::-1]), strict=True):
        if turn.proposal is not None:
            proposal, proposer, accepted = turn.proposal, utterance.seat, frozenset()
        elif turn.accepts and proposer not in (None, utterance.seat):
            accepted |= {utterance.seat}
    return Handshake(len(accepted) == seats - 1, proposal, proposer, accepted)
