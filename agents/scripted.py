"""Parties that follow a script: cheap opponents, and a floor for every comparison.

They see what any agent sees, speak the turn grammar, and use no randomness.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from negotiation_env.events import Message, Task
from negotiation_env.interfaces import Reply, Request
from negotiation_env.judges.handshake import parse_turn

__all__ = ["SCRIPTS", "ScriptedAgent"]

_GOAL = re.compile(r"^You are .*?\. (?P<goal>.+?) Values: ", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _View:
    """What a script looks at: its goal, how often it spoke, the other side's latest proposal."""

    goal: str
    spoken: int
    offer: str | None


def _accommodating(view: _View) -> str:
    if view.offer:
        return "That works for me, and I see how it serves what you came for.\nACCEPT"
    return "Tell me what you need most; I would rather find room for it than win.\nPROPOSE: " + _plan(view)


def _stubborn(view: _View) -> str:
    return "I have said what I need, and it has not changed.\nPROPOSE: " + _plan(view)


def _compromising(view: _View) -> str:
    if view.offer and view.spoken:
        return "Half of what I wanted is in there, and half of yours stays. I can sign that.\nACCEPT"
    return "Let each of us give something up and get something back.\nPROPOSE: " + _plan(view)


def _plan(view: _View) -> str:
    shared = f"your plan ({view.offer}) for the first month, then" if view.offer else "for one month"
    return f"We try {shared} the way that serves this: {view.goal} We review it together after that."


SCRIPTS: dict[str, Callable[[_View], str]] = {
    "accommodating": _accommodating,
    "stubborn": _stubborn,
    "compromising": _compromising,
}
"""The scripts by name: accepts any offer; never accepts; accepts an offer after one of its own."""


class ScriptedAgent:
    """A party that follows one of `SCRIPTS`.

    Args:
        script: The script's name.

    Raises:
        KeyError: No script has that name.
    """

    def __init__(self, script: str) -> None:
        self.name = f"scripted:{script}"
        self._script = SCRIPTS[script]

    def act(self, requests: Sequence[Request]) -> list[Reply]:
        """Follow the script in each game."""
        return [Reply(self._speak(request)) for request in requests]

    def _speak(self, request: Request) -> str:
        view = _look(request.messages)
        if request.task is Task.COMPLETION:
            return f"The parties agree on this plan: {view.offer or _plan(view)} It also has to serve this: {view.goal}"
        return self._script(view)


def _look(messages: Sequence[Message]) -> _View:
    goal = _GOAL.match(messages[0]["content"])
    offers = (parse_turn(part).proposal for part in reversed(_heard(messages)))
    return _View(
        goal=goal["goal"] if goal else "what I came for.",
        spoken=sum(message["role"] == "assistant" for message in messages),
        offer=next((offer for offer in offers if offer), None),
    )


def _heard(messages: Sequence[Message]) -> list[str]:
    """What the others said, oldest first; a message holds one part for each of them."""
    return [part for message in messages if message["role"] == "user" for part in message["content"].split("\n\n")]
