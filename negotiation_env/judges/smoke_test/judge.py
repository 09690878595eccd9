"""The smoke-test judge: embedded, free, quick and repeatable, and no judge of Collective Agency.

Agreement is decided by the handshake in the turns, scores by refusals and a transparent rubric with MiniLM
sentence vectors. It shows that a loop learns *something*; what a policy truly gained needs a real judge.
"""

import json
import math
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

from negotiation_env.game.events import Question, QuestionKind, Verdict
from negotiation_env.game.prompts import HANDSHAKE
from negotiation_env.game.turn_grammar import handshake
from negotiation_env.judges.smoke_test.encoder import load_encoder
from negotiation_env.judges.smoke_test.refusals import REASONS, refusal
from negotiation_env.judges.smoke_test.rubric import Vector, measure, texts_to_encode

if TYPE_CHECKING:
    from negotiation_env.judges.probes import Probe

__all__ = ["EmbeddedJudge", "by_handshake", "other_dilemmas"]

_DILEMMAS: Final = ("dilemmas_everyday.jsonl", "dilemmas_interpersonal.jsonl", "dilemmas_professional.jsonl")
_EVERY = 20


class EmbeddedJudge:
    """Judges without a language model, in one batch per call.

    The encoder (84 MB, fetched once) is loaded when a question first needs it.

    Attributes:
        name: The judge's id in records; another turn grammar, rubric or encoder is another id.
        prompts: The prompt set that asks for the tags by which it sees agreement.
    """

    name: str = "smoke-test judge (handshake v2, rubric v1 + MiniLM)"
    prompts: str = HANDSHAKE

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        """Answer each question, in order.

        Returns:
            Agreement: 1.0 or 0.0 by the handshake. Score: 0.0 to 5.0; 0.0 with a code of `REASONS` for a refused
            completion. None where the rubric gave no number.

        Raises:
            JudgeError: The encoder's files are not the expected ones.
            MissingExtra: torch or transformers is not installed.
            UserError: The encoder could not be fetched.
        """
        refused = [_refusal(question) for question in questions]
        wanted = [_texts(question, code) for question, code in zip(questions, refused, strict=True)]
        vectors = _encode([text for texts in wanted for text in texts])
        return [self._answer(question, code, vectors) for question, code in zip(questions, refused, strict=True)]

    def examine(self, probes: "Sequence[Probe]") -> list[Verdict]:
        """Answer each probe, in order; see `negotiation_env.judges.smoke_test.probes` for what that is worth.

        Raises:
            NegotiationError: As for `judge`.
        """
        from negotiation_env.judges.smoke_test.probes import answer_probe, texts_of_probe

        vectors = _encode([text for probe in probes for text in texts_of_probe(probe, other_dilemmas())])
        return [answer_probe(probe, vectors, other_dilemmas(), self.name) for probe in probes]

    def _answer(self, question: Question, code: str | None, vectors: dict[str, Vector]) -> Verdict:
        if question.kind is QuestionKind.AGREEMENT:
            return by_handshake(question, self.name)
        if code:
            return Verdict(0.0, self.name, code, {"refused": REASONS[code]})
        features = measure(question.completion, question.scenario, vectors, other_dilemmas())
        if not math.isfinite(features.score):
            return Verdict(None, self.name, "the rubric gave no finite score")
        return Verdict(features.score, self.name, "", features.to_dict())


def by_handshake(question: Question, judge: str) -> Verdict:
    """Whether the parties agree by the tags of their turns; `judge` is the id of who says so."""
    state = handshake(question.dialogue, len(question.scenario.personas))
    details = {"proposal": state.proposal, "proposer": state.proposer, "accepted": sorted(state.accepted)}
    reason = "accepted by all other parties" if state.agreed else "no proposal stands accepted by all"
    return Verdict(float(state.agreed), judge, reason, details)


def _refusal(question: Question) -> str | None:
    return refusal(question.completion, question.scenario) if question.kind is QuestionKind.SCORE else None


def _texts(question: Question, code: str | None) -> list[str]:
    """What has to be encoded for an answer."""
    if question.kind is QuestionKind.AGREEMENT or code:
        return []
    return texts_to_encode(question.completion, question.scenario, other_dilemmas())


def _encode(texts: list[str]) -> dict[str, Vector]:
    """All vectors of a call in one go; no texts, no encoder."""
    unique = list(dict.fromkeys(texts))
    if not unique:
        return {}
    return dict(zip(unique, load_encoder().encode(unique), strict=True))


@cache
def other_dilemmas() -> tuple[str, ...]:
    """The fixed pool that an answer is compared with: every 20th of the shipped dilemmas, whatever the batch."""
    folder = resources.files("negotiation_env.data")
    texts = [(folder / name).read_text("utf-8") for name in _DILEMMAS]
    return tuple(json.loads(line)["dilemma"] for text in texts for line in text.splitlines()[::_EVERY])
