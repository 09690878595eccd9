"""The quality gate: a chat model grades what another wrote, with evidence that is looked up in the text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from negotiation_env.game.events import JudgeCall
from negotiation_env.interfaces import ChatModel, ChatRequest, Reply, Sampling, arriving
from negotiation_env.judges.forms import Level, Strict, Unreadable, as_read, parse, schema_of
from negotiation_env.judges.material import chat, is_quoted
from negotiation_env.synthesis.candidates import call_of
from negotiation_env.synthesis.forms import instructions

__all__ = ["ASPECTS", "MAX_TOKENS", "Grading", "grade"]

MAX_TOKENS: Final = 1000
_AGAIN = 0.5
"""Temperature of a second try: a greedy model would say the same again."""


class _Graded(Strict):
    quote: str
    level: Level


class _Grades(Strict):
    genuine: _Graded
    concrete: _Graded
    solvable: _Graded
    harmless: _Graded
    invented: _Graded


ASPECTS: Final = tuple(_Grades.model_fields)


@dataclass(slots=True)
class Grading:
    """One text before the judge.

    Attributes:
        kind: The kind of text; names the judge's instructions.
        material: What the judge is shown; the text is under "text".
        levels: What it gave, by aspect, 0 to 5; None as long as nothing readable came.
        calls: The calls so far.
        given_up: By the endpoint, which has had its own tries.
    """

    kind: str
    material: Mapping[str, Any]
    levels: dict[str, int] | None = None
    calls: list[JudgeCall] = field(default_factory=list)
    given_up: bool = False

    def request(self, attempt: int) -> ChatRequest:
        """Asks for the levels."""
        messages = chat(instructions(f"judge_{self.kind}"), self.material)
        sampling = Sampling(_AGAIN if attempt else 0.0, 1.0, MAX_TOKENS)
        return ChatRequest(messages, sampling, attempt, schema=schema_of(_Grades))

    def note(self, reply: Reply) -> None:
        """Take a reply, if it can be read and every quote stands in the text."""
        error, self.given_up = None, reply.error is not None
        if not self.given_up:
            try:
                self.levels = self._read(reply)
            except Unreadable as unreadable:
                error = str(unreadable)
        self.calls.append(call_of(reply, error))

    def _read(self, reply: Reply) -> dict[str, int]:
        said = parse(as_read(reply), _Grades)
        for aspect, graded in said.items():
            if not is_quoted(graded["quote"], self.material["text"]):
                raise Unreadable(f"{aspect} is graded for words that are not in the text")
        return {aspect: graded["level"] for aspect, graded in said.items()}


def grade(judge: ChatModel, gradings: Sequence[Grading], attempts: int) -> None:
    """Ask the judge about every text, again where its reply cannot be read; what it fails to say stays None."""
    for attempt in range(attempts):
        waiting = [each for each in gradings if each.levels is None and not each.given_up]
        if not waiting:
            return
        for place, reply in arriving(judge, [each.request(attempt) for each in waiting]):
            waiting[place].note(reply)
