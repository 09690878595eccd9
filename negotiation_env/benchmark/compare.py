"""Which negotiator's answer is better: the paper's pairwise protocol (arXiv 2603.10476, evaluation).

Two negotiators' answers to the same scenario are compared, in both orders, where each negotiated with itself or
answered alone; against the panel a negotiator is judged by its scores.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from negotiation_env.benchmark.config import ITSELF
from negotiation_env.benchmark.plan import Place, place_of
from negotiation_env.episode import Episode
from negotiation_env.events import JudgeCall
from negotiation_env.judges.forms import Pair
from negotiation_env.judges.pairwise import Duel, PairwiseJudge, both_orders

__all__ = ["Compared", "Match", "compare", "matches"]


@dataclass(frozen=True, slots=True)
class Match:
    """Two negotiators' answers to one scenario, by one objective.

    Attributes:
        objective: What they are compared by.
        first: One negotiator's episode.
        second: The other's, of the same scenario, decoding and repetition.
    """

    objective: str
    first: Episode
    second: Episode

    @property
    def id(self) -> str:
        """Unique within the benchmark."""
        return f"{self.objective} | {self.first.id} | {self.second.id}"


@dataclass(frozen=True, slots=True)
class Compared:
    """What a judge said of a match; one line.

    Attributes:
        id: The match's.
        objective: What was compared by.
        judge: The judge's name.
        first: The first negotiator.
        second: The second.
        scenario: The scenario's id.
        place: Where the first one's game stands.
        duel: The preference in both orders.
    """

    id: str
    objective: str
    judge: str
    first: str
    second: str
    scenario: str
    place: Place
    duel: Duel

    @property
    def failure(self) -> str | None:
        """What the judge failed to say; None where it said all."""
        failed = (each for each in (self.duel.forward, self.duel.backward) if each.value is None)
        return next((each.reason or "the judge gave no preference" for each in failed), None)

    @property
    def calls(self) -> tuple[JudgeCall, ...]:
        """Every model call behind it; a judge of scores needs no others for the other order."""
        forward, backward = self.duel.forward.calls, self.duel.backward.calls
        return (*forward, *(call for call in backward if call not in forward))


def matches(episodes: Iterable[Episode], objectives: Iterable[str]) -> dict[str, Match]:
    """All matches by id: of each scenario, decoding and repetition every two negotiators that have an answer."""
    tables: dict[tuple[Place, str], list[Episode]] = defaultdict(list)
    for episode in episodes:
        place = place_of(episode)
        if place.opponent in (ITSELF, "") and episode.reward is not None and episode.outcome.completion:
            tables[replace(place, negotiator=""), episode.scenario.id].append(episode)
    found = [
        Match(objective, *pair)
        for objective in objectives
        for table in tables.values()
        for pair in combinations(table, 2)
    ]
    return {match.id: match for match in found}


def compare(found: Sequence[Match], judges: Mapping[str, PairwiseJudge]) -> list[Compared]:
    """Ask about matches, each objective's judge once.

    Args:
        found: Of any objectives.
        judges: By objective.
    """
    answers: dict[str, Compared] = {}
    for objective, judge in judges.items():
        own = [match for match in found if match.objective == objective]
        pairs = [Pair(match.first.scenario, _answer(match.first), _answer(match.second)) for match in own]
        duels = both_orders(judge, pairs) if pairs else []
        answers |= {match.id: _compared(match, judge, duel) for match, duel in zip(own, duels, strict=True)}
    return [answers[match.id] for match in found]


def _compared(match: Match, judge: PairwiseJudge, duel: Duel) -> Compared:
    place, other = place_of(match.first), place_of(match.second)
    names = (place.negotiator, other.negotiator)
    return Compared(match.id, match.objective, judge.name, *names, match.first.scenario.id, place, duel)


def _answer(episode: Episode) -> str:
    return episode.outcome.completion or ""
