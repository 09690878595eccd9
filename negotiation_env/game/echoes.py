"""Turns that only say again what was said: a model that has lost the thread, or never had it.

Compared are whole turns as a reader takes them (`negotiation_env.text.alike.folded`); what cannot be alike is told by
its length, or by what stands in its middle, so that a record costs hardly more for it.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from negotiation_env.game.events import Utterance
from negotiation_env.game.turn_grammar import parse_turn
from negotiation_env.text.alike import folded
from negotiation_env.text.untrusted import masked

__all__ = ["ECHOES", "echoes"]

ECHOES: Final = ("echo_of_self", "echo_of_other", "echo_of_prompt")
"""The events, in this order: the speaker's own last turn, another's last turn, or a piece of what the prompt says."""
_PIECE: Final = 40
"""Characters; a shorter piece of a prompt is a name or a phrase that anybody may say."""
_ANSWER: Final = 15
"""Likewise; who says a shorter turn after another, such as "Yes, I agree.", answers alike: no echo."""
_DRESS: Final = 8
"""Characters by which texts may differ in length that differ in presentation only."""


def echoes(dialogue: Sequence[Utterance], told: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Which of `ECHOES` each turn is; a turn in which nothing is said is none.

    Args:
        dialogue: All turns.
        told: By seat, for all parties, what the prompt says, in one or more texts.
    """
    found: list[tuple[str, ...]] = []
    for place, said in enumerate(dialogue):
        last = dialogue[max(0, place - len(told)) : place]
        alike = [other for other in last if _is_alike(said.text, other.text)]
        again = [_whose(said, other, len(told), opens=other is dialogue[0]) for other in alike]
        again += ["echo_of_prompt" for text in told[said.seat] if _is_piece(said.text, text)]
        found.append(tuple(event for event in ECHOES if event in again and "empty" not in said.events))
    return found


def _whose(said: Utterance, other: Utterance, parties: int, *, opens: bool) -> str:
    """Who said it before; those who answer alike, or of several parties accept so, have echoed nobody.

    What opens a dialogue is no answer.
    """
    if said.seat == other.seat:
        return "echo_of_self"
    answers = (len(said.text) < _ANSWER and not opens) or (parties > 2 and parse_turn(said.text).accepts)
    return "" if answers else "echo_of_other"


def _is_alike(one: str, other: str) -> bool:
    return one == other or (abs(len(one) - len(other)) <= _DRESS and folded(one) == folded(other))


def _is_piece(text: str, prompt: str) -> bool:
    middle = len(text) // 2
    if len(text) < _PIECE:
        return _is_alike(text, prompt)
    return text[middle : middle + 8] in prompt and folded(text) in _as_it_could_be_said(prompt)


@lru_cache(maxsize=1024)
def _as_it_could_be_said(prompt: str) -> str:
    """The key of a prompt; control tokens and tags in it would have been neutralised."""
    return folded(masked(prompt))
