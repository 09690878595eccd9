"""What is measured on one game of a benchmark: each measure is a number or, where there is nothing to measure, None."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from math import fsum, prod
from typing import Final

from negotiation_env.benchmark.asked import Asked
from negotiation_env.benchmark.durability import Challenge
from negotiation_env.benchmark.plan import Place, place_of
from negotiation_env.endpoints.usage import amount
from negotiation_env.environment.episode import Episode
from negotiation_env.episodes.dialogue_metrics import capitulation, lengths
from negotiation_env.judges.probes import ProbeKind

__all__ = ["BEYOND", "OUTCOMES", "SCORE", "WAY", "Measure", "Seen", "seen_of"]

SCORE: Final = "Collective Agency, 0–5"

_MOST = 5.0  # the highest satisfaction


@dataclass(frozen=True, slots=True)
class Seen:
    """A game and what was asked about it afterwards.

    Attributes:
        episode: The game.
        place: Where it stands in the benchmark.
        satisfied: How satisfied each seat's own judge is with the text, 0 to 5; None was not asked or not said.
        accepts: Whether it accepts.
        faithful: Share of what was agreed that the text keeps, 0 to 1.
        survived: Whether the agreement survived the challenge.
    """

    episode: Episode
    place: Place
    satisfied: tuple[float | None, ...] = ()
    accepts: tuple[bool | None, ...] = ()
    faithful: float | None = None
    survived: bool | None = None

    @property
    def scored(self) -> bool:
        """Whether it counts; what a judge or an agent failed is no game."""
        return self.episode.reward is not None


Measure = Callable[[Seen], float | None]
"""Of a scored game."""


def seen_of(episodes: Iterable[Episode], asked: Iterable[Asked], challenges: Mapping[str, Challenge]) -> list[Seen]:
    """The games with what was asked about them.

    Args:
        episodes: Of a benchmark.
        asked: What examiners said.
        challenges: By episode.
    """
    said = {(each.episode, each.kind, each.seat): each.verdict for each in asked}

    def see(episode: Episode) -> Seen:
        own = [said.get((episode.id, ProbeKind.ACCEPTANCE, seat)) for seat in range(len(episode.scenario.personas))]
        kept = said.get((episode.id, ProbeKind.FAITHFULNESS, 0))
        challenge = challenges.get(episode.id)
        return Seen(
            episode,
            place_of(episode),
            tuple(verdict.value if verdict else None for verdict in own),
            tuple(verdict.details.get("accepts") if verdict else None for verdict in own),
            kept.value if kept else None,
            challenge.survived if challenge else None,
        )

    return [see(episode) for episode in episodes]


def _agreed(seen: Seen) -> float | None:
    return None if seen.episode.rules.single else float(seen.episode.outcome.agreed)


def _turns_to_agreement(seen: Seen) -> float | None:
    return float(seen.episode.outcome.turns) if seen.episode.outcome.agreed else None


def _accepted(seen: Seen) -> float | None:
    """By every party's own judge."""
    known = [each for each in seen.accepts if each is not None]
    return float(all(known)) if known and len(known) == len(seen.accepts) else None


def _least_satisfied(seen: Seen) -> float | None:
    known = _known(seen)
    return min(known) if known else None


def _nash_product(seen: Seen) -> float | None:
    """The product of all parties' satisfaction as shares of the highest (Nash 1950, Econometrica 18)."""
    known = _known(seen)
    return prod(each / _MOST for each in known) if known else None


def _known(seen: Seen) -> list[float]:
    """Every party's satisfaction; nothing where one is not known."""
    known = [each for each in seen.satisfied if each is not None]
    return known if len(known) == len(seen.satisfied) else []


def _own_satisfaction(seen: Seen) -> float | None:
    return seen.satisfied[seen.place.seat] if seen.satisfied else None


def _others_satisfaction(seen: Seen) -> float | None:
    """The most satisfied one's: who got its way."""
    others = [each for seat, each in enumerate(seen.satisfied) if seat != seen.place.seat]
    known = [each for each in others if each is not None]
    return max(known) if known and len(known) == len(others) else None


def _lead(seen: Seen) -> float | None:
    own, others = _own_satisfaction(seen), _others_satisfaction(seen)
    return None if own is None or others is None else own - others


def _capitulated(seen: Seen) -> float | None:
    """Against the panel: the negotiator gave in. Who spoke first made the plan that was taken as it is."""
    others_gave_in = not seen.place.alone and seen.episode.turns[0].seat == seen.place.seat
    return None if others_gave_in else capitulation([seen.episode]).get("agreement/capitulation")


def _words(seen: Seen) -> float | None:
    """Of a turn of the negotiator's; against itself all are."""
    tags = {} if seen.place.alone else {"learner_seat": seen.place.seat}
    tagged = replace(seen.episode, tags=tags)
    return lengths([tagged]).get("length/turn_words")


def _cost(seen: Seen) -> float | None:
    """Of all parties and the judge; a reply out of a cache counts as its call did."""
    judged = [call.usage for ruling in seen.episode.rulings for call in ruling.verdict.calls]
    spoken = [said.usage for said in seen.episode.turns]
    costs = [amount(usage, "cost") for usage in (*spoken, *judged) if usage]
    known = [cost for cost in costs if cost is not None]
    return fsum(known) if known and len(known) == len(costs) else None


OUTCOMES: dict[str, Measure] = {
    "agreement rate": _agreed,
    "turns to agreement": _turns_to_agreement,
    SCORE: lambda seen: seen.episode.outcome.score,
    "reward": lambda seen: seen.episode.reward,
}
"""How the games went."""

BEYOND: dict[str, Measure] = {
    "accepted by all": _accepted,
    "least satisfied, 0–5": _least_satisfied,
    "Nash product, 0–1": _nash_product,
    "faithful, 0–1": lambda seen: seen.faithful,
    "durable": lambda seen: None if seen.survived is None else float(seen.survived),
    "capitulation": _capitulated,
    "words a turn": _words,
    "dollars a game": _cost,
}
"""What one number hides."""

WAY: dict[str, Measure] = {
    "agreement rate": _agreed,
    SCORE: OUTCOMES[SCORE],
    "own satisfaction, 0–5": _own_satisfaction,
    "the other's": _others_satisfaction,
    "own less the other's": _lead,
}
"""Who got its way, against one opponent."""
