"""What an LLM judge is asked, and how its reply is read: prompt, JSON schema, and checks in code.

Every field that decides something comes after the evidence for it, and the evidence is looked up in the material before
anything counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Final, Literal, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from negotiation_env.game.events import Message, Question
from negotiation_env.game.scenario import Scenario
from negotiation_env.interfaces import Reply
from negotiation_env.judges.criteria import Criteria
from negotiation_env.judges.expected import expected_level, probability_of_true
from negotiation_env.judges.material import chat, clean, instructions, is_quoted, party_key, scene, spoken
from negotiation_env.text.strict_json import read_json

__all__ = [
    "READING",
    "AgreementForm",
    "ComparisonForm",
    "Form",
    "Pair",
    "Reading",
    "ScoreForm",
    "Strict",
    "Unreadable",
    "as_read",
    "parse",
    "schema_of",
]

READING: Final = 3
"""How replies are read; raised when one may count otherwise than before, such as by another rule for quotes.

It is part of a judge's id, under which runs keep verdicts. The cache keeps replies, which are read again each time.
"""


def _no_bool(value: Any) -> Any:
    """In Python true is 1; in a reply it is no level."""
    if isinstance(value, bool):
        raise ValueError("expected a level, got a truth value")
    return value


Level = Annotated[Literal[0, 1, 2, 3, 4, 5], BeforeValidator(_no_bool)]


class Unreadable(Exception):
    """A reply that says nothing that counts; it never leaves the judge, which asks again or leaves it unscored."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply says.

    Attributes:
        value: Agreement: 1.0 or 0.0. Score: 0.0 to 5.0. Comparison: 1.0 first, 0.0 second, 0.5 a tie.
        reason: The judge's own words, or what the code found amiss.
        details: The parsed reply and what was made of it, JSON-ready.
        graded: The value comes out of log-probabilities, so that sampling again would add nothing.
    """

    value: float
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    graded: bool = False


class Form(Protocol):
    """One question as it goes to a model."""

    @property
    def messages(self) -> tuple[Message, ...]:
        """The prompt."""

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of the reply."""

    def read(self, reply: Reply) -> Reading:
        """What the reply says.

        Raises:
            Unreadable: It is no such JSON object, or its evidence is not in the material.
        """


class Strict(BaseModel):
    """A reply as it has to come: no other fields, no other types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Served(Strict):
    quote: str
    served: Level


@dataclass(frozen=True)
class AgreementForm:
    """Asks whether the parties agree: step 3 of a negotiation (arXiv 2603.10476).

    An agreement counts only with a verbatim quote of every party's commitment out of its own turns.
    """

    question: Question

    @property
    def messages(self) -> tuple[Message, ...]:
        """The prompt."""
        return chat(instructions("agreement"), scene(self.question.scenario) | spoken(self.question))

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of the reply."""
        return schema_of(_agreement_reply(len(self.question.scenario.personas)))

    def read(self, reply: Reply) -> Reading:
        """1.0 where the judge says that they agree, else 0.0.

        Raises:
            Unreadable: The reply does not follow the schema, or sees an agreement without a quote of every party's own.
        """
        said = parse(reply, _agreement_reply(len(self.question.scenario.personas)))
        quotes = list(said["parties"].values())
        missing = [seat for seat, quote in enumerate(quotes) if not self._is_own(quote, seat)]
        if said["agreed"] and missing:
            parties = ", ".join(map(party_key, missing))
            raise Unreadable(f"an agreement is seen without words of its own of {parties}")
        details = said | {"unquoted": missing}
        if (chance := probability_of_true(reply, "agreed")) is not None:
            details["probability"] = chance
        return Reading(float(said["agreed"]), said["direction"], details, graded=chance is not None)

    def _is_own(self, quote: str, seat: int) -> bool:
        return any(is_quoted(quote, clean(turn.text)) for turn in self.question.dialogue if turn.seat == seat)


@dataclass(frozen=True)
class ScoreForm:
    """Asks for the score of a completion: step 5 of a negotiation (arXiv 2603.10476)."""

    question: Question
    criteria: Criteria

    @property
    def messages(self) -> tuple[Message, ...]:
        """The prompt."""
        material = scene(self.question.scenario)
        if self.question.dialogue:
            material |= spoken(self.question)
        material["answer"] = clean(self.question.completion)
        return chat(instructions("score", self.criteria), material)

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of the reply."""
        return schema_of(self._reply)

    def read(self, reply: Reply) -> Reading:
        """The weighted mean of the levels, capped by the worse-served goal.

        A level is the expected value over its token where the reply brings log-probabilities.

        Raises:
            Unreadable: The reply does not follow the schema, or says that a goal is served without a verbatim quote.
        """
        said = parse(reply, self._reply)
        self._check_quotes(said["parties"])
        expected = {name: expected_level(reply, name) for name in ("score", *said["aspects"])}
        levels = {"score": said["score"], **said["aspects"]} | {k: v for k, v in expected.items() if v is not None}
        plain = self._weighted(levels)
        worst = min((party["served"] for party in said["parties"].values()), default=None)  # an open question has none
        value = plain if worst is None else min(plain, float(worst + self.criteria.cap_above_worst_goal))
        details = said | {"levels": levels, "worst_goal": worst, "capped": value < plain}
        return Reading(value, said["reason"], details, graded=expected["score"] is not None)

    def _check_quotes(self, parties: Mapping[str, Mapping[str, Any]]) -> None:
        answer = clean(self.question.completion)
        for key, party in parties.items():
            if party["served"] > 1 and not is_quoted(party["quote"], answer):
                raise Unreadable(f"{key} is said to be served at {party['served']} by words that are not in the answer")

    def _weighted(self, levels: Mapping[str, float]) -> float:
        weights = {"score": self.criteria.overall_weight} | {each.name: each.weight for each in self.criteria.aspects}
        return sum(weights[name] * level for name, level in levels.items()) / sum(weights.values())

    @property
    def _reply(self) -> type[BaseModel]:
        aspects = tuple(aspect.name for aspect in self.criteria.aspects)
        return _score_reply(len(self.question.scenario.personas), aspects)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to the same dilemma.

    Attributes:
        scenario: The dilemma and personas.
        first: The answer shown first.
        second: The other.
    """

    scenario: Scenario
    first: str
    second: str

    @property
    def swapped(self) -> "Pair":
        """The same in the other order."""
        return Pair(self.scenario, self.second, self.first)


class _ComparisonReply(Strict):
    first: str
    second: str
    reason: str
    better: Literal["first", "second", "tie"]


@dataclass(frozen=True)
class ComparisonForm:
    """Asks which of two answers is better: the paper's pairwise protocol (arXiv 2603.10476, evaluation)."""

    pair: Pair
    criteria: Criteria

    @property
    def messages(self) -> tuple[Message, ...]:
        """The prompt."""
        answers = {"first": clean(self.pair.first), "second": clean(self.pair.second)}
        return chat(instructions("comparison", self.criteria), scene(self.pair.scenario) | answers)

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of the reply."""
        return schema_of(_ComparisonReply)

    def read(self, reply: Reply) -> Reading:
        """1.0 first, 0.0 second, 0.5 a tie.

        Raises:
            Unreadable: The reply does not follow the schema, or nothing of the better answer is quoted verbatim.
        """
        said = parse(reply, _ComparisonReply)
        better = said["better"]
        if better != "tie" and not is_quoted(said[better], clean(getattr(self.pair, better))):
            raise Unreadable(f"the {better} answer is preferred for words that are not in it")
        return Reading({"first": 1.0, "tie": 0.5, "second": 0.0}[better], said["reason"], said)


def as_read(reply: Reply) -> Reply:
    """A reply without what the model only thought; one that begins as its JSON object has to is taken as it came."""
    return reply if reply.text.lstrip().startswith("{") else reply.spoken


def parse(reply: Reply, kind: type[BaseModel]) -> dict[str, Any]:
    """The JSON object of a reply; all of it (see `as_read`) must be that object, and no name may stand in it twice.

    Raises:
        Unreadable: It is not, or was cut off.
    """
    if not reply.text:
        raise Unreadable("the reply is nothing but thoughts; allow more tokens" if reply.thought else "it is empty")
    if reply.truncated:
        ended = reply.usage.get("ended")
        raise Unreadable(f"the endpoint ended the reply for {ended!r}" if ended else "the token limit cut the reply")
    try:
        read_json(reply.text)  # of a name that stands twice each reader would take another value
        return kind.model_validate_json(reply.text).model_dump()
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the reply"
        raise Unreadable(f"{place}: {first['msg']}") from error
    except ValueError as error:
        raise Unreadable(f"the reply is no JSON: {error}") from error


@cache
def schema_of(kind: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a reply."""
    return kind.model_json_schema()


@cache
def _agreement_reply(parties: int) -> type[BaseModel]:
    quotes = create_model("Quotes", __base__=Strict, **_each(parties, str))
    return create_model("Agreement", __base__=Strict, parties=(quotes, ...), direction=(str, ...), agreed=(bool, ...))


@cache
def _score_reply(parties: int, aspects: tuple[str, ...]) -> type[BaseModel]:
    served = create_model("Parties", __base__=Strict, **_each(parties, _Served))
    levels: dict[str, Any] = dict.fromkeys(aspects, (Level, ...))
    return create_model(
        "Score",
        __base__=Strict,
        parties=(served, ...),
        aspects=(create_model("Aspects", __base__=Strict, **levels), ...),
        harms=(Annotated[list[str], Field(max_length=5)], ...),
        reason=(str, ...),
        score=(Level, ...),
    )


def _each(parties: int, kind: Any) -> dict[str, Any]:
    """A required field for each party."""
    return {party_key(seat): (kind, ...) for seat in range(parties)}
