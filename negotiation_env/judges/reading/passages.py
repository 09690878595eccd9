"""A judge's question as a passage to read: the scene that its texts share, the text, and what is asked of it.

Parties are letters: a name of many words, which is in the scene, would cost as much as a line at every mention.
"""

from string import ascii_uppercase
from typing import Final

from negotiation_env.game.events import Question, QuestionKind, Utterance
from negotiation_env.game.scenario import Scenario
from negotiation_env.game.turn_grammar import parse_turn
from negotiation_env.judges.reading.reader import Passage

__all__ = ["READABLE", "passage"]

READABLE: Final = range(2, len(ascii_uppercase) + 1)
"""How many parties a scenario may have to be read."""

_OF_PLANS: Final = 14
"""The layer in which plans were told apart best before the model was tuned."""
_OF_AGREEMENT: Final = 12
"""The same for agreements."""


def passage(question: Question) -> Passage:
    """What is read to answer a question; the number of its scenario's parties is in `READABLE`."""
    scene = _scene(question.scenario)
    *others, last = [_letter(seat) for seat in range(len(question.scenario.personas))]
    parties, two = f"{', '.join(others)} and {last}", len(others) == 1
    if question.kind is QuestionKind.SCORE:
        asked = f"Is this a concrete, sensible plan that serves {'both ' * two}{parties}?"
        return Passage(f"{scene}Proposed answer: ", question.completion, f"\n\n{asked}", _OF_PLANS)
    asked = f"Have {parties} {'both' if two else 'all'} agreed on the same plan?"
    *before, closing = map(_said, question.dialogue)
    return Passage(
        f"{scene}Dialogue:\n", "".join(f"{turn}\n" for turn in before), f"\n\n{asked}", _OF_AGREEMENT, closing
    )


def _scene(scenario: Scenario) -> str:
    goals = "\n".join(f"{_letter(seat)} is {each.name}. {each.goal}" for seat, each in enumerate(scenario.personas))
    return f"Dilemma: {scenario.dilemma}\n\n{goals}\n\n"


def _letter(seat: int) -> str:
    return ascii_uppercase[seat]


def _said(turn: Utterance) -> str:
    """A turn in free words: of its tag the proposal stays, as a sentence like others."""
    parsed = parse_turn(turn.text)
    return f"{_letter(turn.seat)}: {' '.join(filter(None, (parsed.words, parsed.proposal)))}"
