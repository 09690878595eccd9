"""Every game of a benchmark: who plays what against whom, in which seat, with which seed.

Each negotiator meets the same scenarios, opponents, seats and seeds: common random numbers, so that what differs is the
negotiator. A game in which nobody draws at random would be the same in every run, and is played once.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TypeVar

from negotiation_env.benchmark.config import ALONE, ITSELF, BenchmarkConfig, Decoding, Setting
from negotiation_env.environment.episode import Episode
from negotiation_env.episodes.runner import Game, derive_seed
from negotiation_env.game.scenario import Scenario
from negotiation_env.interfaces import Agent
from negotiation_env.specs import parse

__all__ = ["Place", "Planned", "game", "grouped", "negotiated", "pairs", "place_of", "plan", "seed_of"]

T = TypeVar("T")
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a game stands in the benchmark; its episode's tags.

    Attributes:
        setting: Which split.
        negotiator: Who is looked at.
        opponent: Who takes all other seats: a name of the panel, "itself", or "" where there are none.
        seat: The negotiator's; it writes the joint answer.
        decoding: How the negotiator's tokens are drawn; None for one that plays as it is.
        repetition: The evaluation run, from 0; None for a game that is the same in all.
    """

    setting: Setting
    negotiator: str
    opponent: str
    seat: int
    decoding: Decoding | None
    repetition: int | None

    @property
    def alone(self) -> bool:
        """No other negotiator is there: answers are compared."""
        return self.opponent in (ITSELF, "")

    @property
    def single(self) -> bool:
        """Nobody negotiates: a single agent answers."""
        return not self.opponent

    def meets(self, other: "Place") -> bool:
        """Whether another negotiator's game is held against this one: nothing else differs.

        A game without decoding stands for every decoding, one that is the same in all runs for every run.
        """
        where, there = ((each.setting, each.opponent, each.seat) for each in (self, other))
        return self.negotiator != other.negotiator and where == there and self._drawn_like(other)

    def faces(self, other: "Place") -> bool:
        """Whether this one negotiated with itself what the other, maybe the same negotiator, answers alone."""
        negotiated = self.opponent == ITSELF and other.single and self.setting == other.setting
        return negotiated and self._drawn_like(other)

    def _drawn_like(self, other: "Place") -> bool:
        return _alike(self.decoding, other.decoding) and _alike(self.repetition, other.repetition)


def _alike(one: object, other: object) -> bool:
    return one == other or one is None or other is None


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
        parts = [place.setting, place.negotiator, place.opponent or ALONE, f"seat {place.seat}"]
        parts += [] if place.decoding is None else [place.decoding]
        parts += [] if place.repetition is None else [f"run {place.repetition}"]
        return " / ".join((*parts, self.scenario.id))


def plan(config: BenchmarkConfig) -> list[Planned]:
    """All games, those of one setting, negotiator and decoding together.

    Raises:
        UserError: As for `BenchmarkConfig.scenarios`.
    """
    return [
        Planned(Place(setting, negotiator, opponent, seat, decoding, repetition), scenario)
        for setting, scenarios in {setting: config.scenarios(setting) for setting in Setting}.items()
        for negotiator in config.negotiators
        for decoding in config.decodings(negotiator)
        for scenario in scenarios
        for opponent, seat in _tables(config, scenario)
        for repetition in _runs(config, negotiator, decoding, opponent)
    ]


def negotiated(games: Iterable[Planned]) -> list[Planned]:
    """Those in which somebody else speaks, too."""
    return [each for each in games if not each.place.single]


def pairs(games: Iterable[Planned]) -> list[tuple[Planned, Planned]]:
    """Every two games over one scenario whose answers are compared.

    They are two negotiators', each with itself or each alone; or the first was negotiated with itself and the second,
    maybe of the same negotiator, given alone.
    """
    tables = grouped((each for each in games if each.place.alone), lambda each: each.scenario.id)
    return [pair for table in tables.values() for two in combinations(table, 2) for pair in _compared(*two)]


def _compared(one: Planned, other: Planned) -> Iterator[tuple[Planned, Planned]]:
    if one.place.meets(other.place) or one.place.faces(other.place):
        yield one, other
    elif other.place.faces(one.place):
        yield other, one


def grouped(values: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Values by their keys, both in the order of their first."""
    found: dict[K, list[T]] = defaultdict(list)
    for value in values:
        found[key(value)].append(value)
    return dict(found)


def game(
    planned: Planned,
    seed: int,
    negotiators: Mapping[tuple[str, Decoding | None], Agent],
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
    return Game(planned.id, scenario, agents, seed_of(planned, seed), writer=place.seat, tags=asdict(place))


def seed_of(planned: Planned, seed: int) -> int:
    """What seeds a game of a benchmark with that seed: the same for every negotiator."""
    place = planned.place
    return derive_seed(seed, place.setting, planned.scenario.id, place.opponent, place.seat, place.repetition or 0)


def place_of(episode: Episode) -> Place:
    """Where an episode of a benchmark stands."""
    tags = dict(episode.tags)
    decoding = None if tags["decoding"] is None else Decoding(tags["decoding"])
    return Place(**tags | {"setting": Setting(tags["setting"]), "decoding": decoding})


def _tables(config: BenchmarkConfig, scenario: Scenario) -> Iterator[tuple[str, int]]:
    """Opponent and own seat: against itself once, against each of the panel from every seat; alone over a question.

    Over a conflict too, where the settings say so.
    """
    if scenario.personas:
        yield ITSELF, 0
    if config.alone or not scenario.personas:
        yield "", 0
    if not scenario.personas:
        return
    for opponent in config.panel:
        for seat in range(scenario.seats):
            yield opponent, seat


def _runs(config: BenchmarkConfig, negotiator: str, decoding: Decoding | None, opponent: str) -> Sequence[int | None]:
    """The repetitions of a game: one where nobody draws, as greedy models and scripts do not.

    Against the panel that is for all of its opponents or for none, so that each has the same weight.
    """
    own = [] if decoding is Decoding.GREEDY else [config.negotiators[negotiator]]
    others = config.panel.values() if opponent in config.panel else ()
    drawn = any(parse(spec).kind != "scripted" for spec in (*own, *others))
    return range(config.repetitions) if drawn else (None,)
