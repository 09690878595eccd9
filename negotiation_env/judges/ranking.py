"""Ordering several answers to one dilemma in one call, for those that a score cannot tell apart."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Protocol, runtime_checkable

from pydantic import Field

from negotiation_env.game.events import Message, Verdict
from negotiation_env.game.scenario import Scenario
from negotiation_env.interfaces import Reply
from negotiation_env.judges.asking import answers
from negotiation_env.judges.criteria import Criteria
from negotiation_env.judges.forms import Reading, Strict, Unreadable, parse, schema_of
from negotiation_env.judges.material import chat, clean, instructions, scene

__all__ = ["Ranker", "Ranking", "RankingForm", "ranked"]


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

    name: str

    def rank(self, rankings: Sequence[Ranking]) -> list[Verdict]:
        """Order each ranking's answers, in order.

        Returns:
            `details["order"]` has the places of the answers, the best one's first; the value is 0.0 and says no more
            than that there is an order. None where nothing readable came.
        """


def ranked(ranker: Ranker, rankings: Sequence[Ranking]) -> list[Verdict]:
    """A ranker's answers; what it raises or gives amiss leaves rankings without an order and ends nothing."""
    found = answers(ranker.name, ranker.rank, rankings, Verdict)
    return [_ordered(ranking, verdict) for ranking, verdict in zip(rankings, found, strict=True)]


def _ordered(ranking: Ranking, verdict: Verdict) -> Verdict:
    order, places = verdict.details.get("order"), list(range(len(ranking.answers)))
    if verdict.value is None or (isinstance(order, list | tuple) and sorted(order, key=str) == sorted(places, key=str)):
        return verdict
    return replace(verdict, value=None, reason=f"expected an order of the places {places}, got {order!r:.100}")


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
        shown = dict(zip(self._keys, map(clean, self.ranking.answers), strict=True))
        return chat(instructions("ranking", self.criteria), scene(self.ranking.scenario) | {"answers": shown})

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
