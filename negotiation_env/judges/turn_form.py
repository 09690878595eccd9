"""What an LLM judge is asked about a single turn, for guards, and which form asks which question.

As with probes, the prompt is no part of the judge's id; each verdict names it under `details["form"]`.
"""

from dataclasses import dataclass
from typing import Any

from negotiation_env.game.events import Message, Question, QuestionKind
from negotiation_env.interfaces import Reply
from negotiation_env.judges.criteria import Criteria
from negotiation_env.judges.expected import probability_of_true
from negotiation_env.judges.forms import AgreementForm, Form, Reading, ScoreForm, Strict, Unreadable, parse, schema_of
from negotiation_env.judges.material import chat, clean, form_id, instructions, is_quoted, scene, spoken

__all__ = ["TurnForm", "form_of"]


class _TurnReply(Strict):
    quote: str
    reason: str
    answer: bool


@dataclass(frozen=True)
class TurnForm:
    """Asks a question about the last turn of a dialogue; a "yes" counts only with a verbatim quote out of the turn."""

    question: Question

    @property
    def messages(self) -> tuple[Message, ...]:
        """The prompt."""
        *before, turn = spoken(self.question)["dialogue"]
        material = {"dialogue": before, "turn": turn, "question": self.question.asked}
        return chat(instructions("turn"), scene(self.question.scenario) | material)

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of the reply."""
        return schema_of(_TurnReply)

    def read(self, reply: Reply) -> Reading:
        """1.0 for yes, 0.0 for no.

        Raises:
            Unreadable: The reply does not follow the schema, or says yes without words of the turn.
        """
        said = parse(reply, _TurnReply)
        if said["answer"] and not is_quoted(said["quote"], clean(self.question.dialogue[-1].text)):
            raise Unreadable("the answer is yes by words that are not in the turn")
        details = said | {"asked": self.question.asked, "form": form_id("turn")}
        if (chance := probability_of_true(reply, "answer")) is not None:
            details["probability"] = chance
        return Reading(float(said["answer"]), said["reason"], details, graded=chance is not None)


def form_of(question: Question, criteria: Criteria) -> Form:
    """The form that asks a question, whatever its kind."""
    if question.kind is QuestionKind.TURN:
        return TurnForm(question)
    return AgreementForm(question) if question.kind is QuestionKind.AGREEMENT else ScoreForm(question, criteria)
