"""Every game of a benchmark: who plays what against whom, in which seat, with which seed.

Each negotiator meets the same scenarios, opponents, seats and seeds: common random numbers, so that what differs is the
negotiator.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from negotiation_env.benchmark.config import ITSELF, BenchmarkConfig, Decoding, Setting
from negotiation_env.episode import Episode
from negotiation_env.interfaces import Agent
from negotiation_env.runner import Game, derive_seed
from negotiation_env.scenario import Scenario

__all__ = ["Place", "Planned", "game", "place_of", "plan"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a game stands in the benchmark; its episode's tags.

    Attributes:
        setting: Which split.
        negotiator: Who is looked at.
        opponent: Who takes all other seats: a name of the panel, "itself", or "" where there are none.
        seat: The negotiator's; it writes the joint answer.
        decoding: How the negotiator's tokens are drawn.
        repetition: The evaluation run, from 0.
    """

    setting: Setting
    negotiator: str
    opponent: str
    seat: int
    decoding: Decoding
    repetition: int


@dataclass(frozen=True, slots=True)
class Planned:
    """A game to be played.

    Attributes:
        place: Where it stands.
        scenario: What is negotiated, or answered.
    """

    place: Place
    scenario: Scenario

    @property
    def id(self) -> str:
        """Unique within the benchmark."""
        place = self.place
        parts = (place.setting, place.negotiator, place.opponent or "alone", f"seat {place.seat}", place.decoding)
        return " / ".join((*parts, f"run {place.repetition}", self.scenario.id))


def plan(config: BenchmarkConfig) -> list[Planned]:
    """All games, those of one setting, negotiator and decoding together."""
    return [
        Planned(Place(setting, negotiator, opponent, seat, decoding, repetition), scenario)
        for setting, scenarios in {setting: config.scenarios(setting) for setting in Setting}.items()
        for negotiator in config.negotiators
        for decoding in config.decoding
        for repetition in range(config.repetitions)
        for scenario in scenarios
        for opponent, seat in _tables(config, scenario)
    ]


def game(
    planned: Planned,
    seed: int,
    negotiators: Mapping[tuple[str, Decoding], Agent],
    panel: Mapping[str, Agent],
) -> Game:
    """The game with its agents in their seats.

    Args:
        planned: The game.
        seed: The benchmark's.
        negotiators: By name and decoding.
        panel: The opponents by name.
    """
    place, scenario = planned.place, planned.scenario
    own = negotiators[place.negotiator, place.decoding]
    other = panel.get(place.opponent, own)
    agents = tuple(own if seat == place.seat else other for seat in range(scenario.seats))
    shared = derive_seed(seed, place.setting, scenario.id, place.opponent, place.seat, place.repetition)
    return Game(planned.id, scenario, agents, shared, writer=place.seat, tags=asdict(place))


def place_of(episode: Episode) -> Place:
    """Where an episode of a benchmark stands."""
    tags = dict(episode.tags)
    return Place(**tags | {"setting": Setting(tags["setting"]), "decoding": Decoding(tags["decoding"])})


def _tables(config: BenchmarkConfig, scenario: Scenario) -> Iterator[tuple[str, int]]:
    """Opponent and own seat: against itself once, against each of the panel from every seat; alone over a question."""
    if not scenario.personas:
        yield "", 0
        return
    yield ITSELF, 0
    for opponent in config.panel:
        for seat in range(scenario.seats):
            yield opponent, seat
