"""Ordering several answers to one dilemma in one call, for those that a score cannot tell apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, runtime_checkable

from pydantic import Field

from negotiation_env.events import Message
from negotiation_env.interfaces import Reply
from negotiation_env.judges.criteria import Criteria
from negotiation_env.judges.forms import Reading, Strict, Unreadable, parse, schema_of
from negotiation_env.judges.material import chat, clean, instructions, scene
from negotiation_env.scenario import Scenario

__all__ = ["Ranker", "Ranking", "RankingForm"]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Answers to order.

    Attributes:
        scenario: The dilemma and personas.
        answers: Two or more; shown in this order.
    """

    scenario: Scenario
    answers: tuple[str, ...]


@runtime_checkable
class Ranker(Protocol):
    """A judge that can order answers."""

    def rank(self, rankings: Sequence[Ranking]) -> list[tuple[int, ...] | None]:
        """The places of each ranking's answers, the best one's first; None where nothing readable came."""


class _RankingReply(Strict):
    reason: str
    best_first: Annotated[list[str], Field(min_length=2)]


@dataclass(frozen=True)
class RankingForm:
    """Asks for the order of several answers."""

    ranking: Ranking
    criteria: Criteria

    @property
    def messages(self) -> tuple[Message, ...]:
        """The prompt."""
        answers = dict(zip(self._keys, map(clean, self.ranking.answers), strict=True))
        return chat(instructions("ranking", self.criteria), scene(self.ranking.scenario) | {"answers": answers})

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of the reply."""
        return schema_of(_RankingReply)

    def read(self, reply: Reply) -> Reading:
        """The value says nothing; `details["order"]` has the places of the answers, the best one's first.

        Raises:
            Unreadable: The reply does not follow the schema, or does not name every answer once.
        """
        said = parse(reply, _RankingReply)
        if sorted(said["best_first"]) != sorted(self._keys):
            raise Unreadable(f"expected each of {', '.join(self._keys)} once, got {', '.join(said['best_first'])}")
        return Reading(0.0, said["reason"], said | {"order": [self._keys.index(key) for key in said["best_first"]]})

    @property
    def _keys(self) -> list[str]:
        return [f"answer_{number}" for number in range(1, len(self.ranking.answers) + 1)]
