"""What can be asked about one finished negotiation beyond its score: would each party accept, and was the word kept.

The prompts of the probes are no part of a judge's id, which is that of its agreements and scores; every verdict names
its own prompt under `details["form"]`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any, Protocol, runtime_checkable

from pydantic import Field

from negotiation_env.game.events import Message, Utterance, Verdict
from negotiation_env.game.protocol import agreement_question
from negotiation_env.game.scenario import Scenario
from negotiation_env.interfaces import Reply
from negotiation_env.judges.asking import answers
from negotiation_env.judges.expected import expected_level, probability_of_true
from negotiation_env.judges.forms import Form, Level, Reading, Strict, Unreadable, parse, schema_of
from negotiation_env.judges.material import chat, clean, form_id, instructions, is_quoted, party_key, scene, spoken

__all__ = ["AcceptanceForm", "Examiner", "FaithfulnessForm", "Probe", "ProbeKind", "examined", "probe_form"]


class ProbeKind(StrEnum):
    """What is asked."""

    ACCEPTANCE = "acceptance"
    """Does one party accept the answer? The value is its satisfaction, 0.0 to 5.0; `details["accepts"]` is a bool."""
    FAITHFULNESS = "faithfulness"
    """Does the answer keep what was agreed? The value is the share of the agreed points that it keeps, 0.0 to 1.0.

    Asked only where the parties agreed.
    """


@dataclass(frozen=True, slots=True)
class Probe:
    """One question about a finished negotiation.

    Attributes:
        kind: What is asked.
        scenario: The dilemma and personas.
        completion: The joint answer.
        seat: Acceptance: whose.
        dialogue: Faithfulness: what was said.
    """

    kind: ProbeKind
    scenario: Scenario
    completion: str
    seat: int = 0
    dialogue: tuple[Utterance, ...] = ()

    def __post_init__(self) -> None:
        parties = len(self.scenario.personas)
        if self.kind is ProbeKind.ACCEPTANCE and not 0 <= self.seat < parties:
            raise ValueError(f"probe: expected the seat of one of {parties} parties, got {self.seat}")


@runtime_checkable
class Examiner(Protocol):
    """A judge that can answer probes."""

    name: str

    def examine(self, probes: Sequence[Probe]) -> list[Verdict]:
        """Answer each probe, in order; one that it cannot answer gets a verdict without value."""


def examined(examiner: Examiner, probes: Sequence[Probe]) -> list[Verdict]:
    """An examiner's answers; what it raises or gives amiss leaves its probes without value and ends nothing."""
    found = answers(examiner.name, examiner.examine, probes, Verdict)
    return [_within(probe, verdict) for probe, verdict in zip(probes, found, strict=True)]


def _within(probe: Probe, verdict: Verdict) -> Verdict:
    if probe.kind is ProbeKind.ACCEPTANCE or verdict.value is None or verdict.value <= 1.0:
        return verdict
    return replace(verdict, value=None, reason=f"expected a share from 0 to 1 for faithfulness, got {verdict.value:g}")


def probe_form(probe: Probe) -> Form:
    """The form that asks a language model this."""
    return AcceptanceForm(probe) if probe.kind is ProbeKind.ACCEPTANCE else FaithfulnessForm(probe)


class _AcceptanceReply(Strict):
    quote: str
    reason: str
    accepts: bool
    satisfaction: Level


@dataclass(frozen=True)
class AcceptanceForm:
    """Asks on the side of one party, which alone is shown: other goals would invite to weigh them."""

    probe: Probe

    @property
    def messages(self) -> tuple[Message, ...]:
        """The prompt."""
        shown = scene(self.probe.scenario)
        party = shown["parties"][party_key(self.probe.seat)]
        material = {"dilemma": shown["dilemma"], "party": party, "answer": clean(self.probe.completion)}
        return chat(instructions("acceptance"), material)

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of the reply."""
        return schema_of(_AcceptanceReply)

    def read(self, reply: Reply) -> Reading:
        """The satisfaction, 0.0 to 5.0; the expected value over its token where the reply brings log-probabilities.

        Raises:
            Unreadable: The reply does not follow the schema, or is in favour of the answer without a verbatim quote.
        """
        said = parse(reply, _AcceptanceReply)
        in_favour = said["accepts"] or said["satisfaction"] > 1
        if in_favour and not is_quoted(said["quote"], clean(self.probe.completion)):
            raise Unreadable("the party is said to be served by words that are not in the answer")
        details = said | {"form": form_id("acceptance")}
        if (chance := probability_of_true(reply, "accepts")) is not None:
            details["probability"] = chance
        expected = expected_level(reply, "satisfaction")
        value = float(said["satisfaction"]) if expected is None else expected
        return Reading(value, said["reason"], details, graded=expected is not None)


class _Point(Strict):
    point: str
    said: str
    where: str
    kept: bool


class _FaithfulnessReply(Strict):
    points: Annotated[list[_Point], Field(min_length=1, max_length=5)]
    added: Annotated[list[str], Field(max_length=5)]


@dataclass(frozen=True)
class FaithfulnessForm:
    """Asks which of the agreed points an answer keeps, and what it adds to them."""

    probe: Probe

    @property
    def messages(self) -> tuple[Message, ...]:
        """The prompt."""
        question = agreement_question(self.probe.scenario, self.probe.dialogue)
        material = scene(self.probe.scenario) | spoken(question) | {"answer": clean(self.probe.completion)}
        return chat(instructions("faithfulness"), material)

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of the reply."""
        return schema_of(_FaithfulnessReply)

    def read(self, reply: Reply) -> Reading:
        """The share of the agreed points that are kept, 0.0 to 1.0.

        Raises:
            Unreadable: The reply does not follow the schema, or a point is said to be agreed by words that are not in
                the dialogue, or to be kept by words that are not in the answer.
        """
        said, answer = parse(reply, _FaithfulnessReply), clean(self.probe.completion)
        points = said["points"]
        if not all(self._was_said(point["said"]) for point in points):
            raise Unreadable("a point is said to be agreed by words that are not in the dialogue")
        if any(point["kept"] and not is_quoted(point["where"], answer) for point in points):
            raise Unreadable("a point is said to be kept by words that are not in the answer")
        kept = sum(point["kept"] for point in points)
        details = {"points": points, "kept": kept, "added": said["added"], "form": form_id("faithfulness")}
        return Reading(kept / len(points), f"{kept} of {len(points)} agreed points are kept", details)

    def _was_said(self, quote: str) -> bool:
        return any(is_quoted(quote, clean(turn.text)) for turn in self.probe.dialogue)
