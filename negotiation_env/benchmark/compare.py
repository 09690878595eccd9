"""Which negotiator's answer is better: the paper's pairwise protocol (arXiv 2603.10476, evaluation).

Two negotiators' answers to the same scenario are compared, in both orders, where each negotiated with itself or
answered alone, and where one negotiated and one, maybe the same, answered alone; against the panel a negotiator is
judged by its scores.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from negotiation_env.benchmark.config import AGAINST_ALONE, Comparison
from negotiation_env.benchmark.plan import Place, Planned, pairs, place_of
from negotiation_env.environment.episode import Episode
from negotiation_env.episodes.answer_file import digest
from negotiation_env.episodes.evaluate import fingerprint
from negotiation_env.files.durable import written
from negotiation_env.game.events import JudgeCall
from negotiation_env.judges.forms import Pair
from negotiation_env.judges.pairwise import Duel, PairwiseJudge, both_orders

__all__ = ["Compared", "Match", "all_compared", "compare", "matches", "not_played"]


@dataclass(frozen=True, slots=True)
class Match:
    """Two negotiators' answers to one scenario, by one objective.

    Attributes:
        objective: What they are compared by.
        judge: The name of who compares.
        first: One negotiator's episode.
        second: The other's, of the same scenario, decoding and repetition.
    """

    objective: str
    judge: str
    first: Episode
    second: Episode

    @property
    def id(self) -> str:
        """Unique within the benchmark."""
        return f"{self.objective} | {self.first.id} | {self.second.id}"

    @property
    def subject_digest(self) -> str:
        """A digest of the judge and of the texts that are compared."""
        return digest(self.judge, fingerprint(self.first.scenario), _answer(self.first), _answer(self.second))

    @property
    def played(self) -> bool:
        """Both games are scored and have an answer."""
        return all(each.reward is not None and _answer(each) for each in (self.first, self.second))

    @property
    def place(self) -> Place:
        """Where the first one's game stands, with the decoding and the repetition of the one that has them.

        The opponent is `AGAINST_ALONE` where the first one negotiated and the second did not.
        """
        place, other = place_of(self.first), place_of(self.second)
        opponent = place.opponent if place.opponent == other.opponent else AGAINST_ALONE
        repetition = other.repetition if place.repetition is None else place.repetition
        return replace(place, opponent=opponent, decoding=place.decoding or other.decoding, repetition=repetition)


@dataclass(frozen=True, slots=True)
class Compared:
    """What a judge said of a match; one line.

    Attributes:
        id: The match's.
        subject_digest: The match's: what it is about.
        objective: What was compared by.
        judge: The judge's name.
        first: The first negotiator.
        second: The second.
        scenario: The scenario's id.
        category: The scenario's.
        tension: The scenario's.
        place: The match's.
        duel: The preference in both orders; None, and never on file: a game of the two failed.
    """

    __pydantic_config__ = written(subject_digest="said")

    id: str
    subject_digest: str
    objective: str
    judge: str
    first: str
    second: str
    scenario: str
    category: str
    tension: str
    place: Place
    duel: Duel | None

    @property
    def failure(self) -> str | None:
        """What the judge failed to say; None where it said all."""
        if self.duel is None:
            return "not played"
        failed = (each for each in (self.duel.forward, self.duel.backward) if each.value is None)
        return next((each.reason or "the judge gave no preference" for each in failed), None)

    @property
    def calls(self) -> tuple[JudgeCall, ...]:
        """Every model call behind it."""
        return (*self.duel.forward.calls, *self.duel.backward.calls) if self.duel else ()


def matches(
    games: Iterable[Planned],
    episodes: Mapping[str, Episode],
    objectives: Mapping[str, Comparison],
    judges: Mapping[str, str],
) -> dict[str, Match]:
    """All matches by id, of failed games too.

    Args:
        games: The plan.
        episodes: Each game's, by id.
        objectives: Where each is compared.
        judges: The names of those who compare, by objective.
    """
    met = pairs(games)
    found = [
        Match(name, judges[name], episodes[first.id], episodes[second.id])
        for name, objective in objectives.items()
        for first, second in met
        if first.place.setting in objective.settings
    ]
    return {match.id: match for match in found}


def compare(found: Sequence[Match], judges: Mapping[str, PairwiseJudge]) -> list[Compared]:
    """Ask about matches, each objective's judge once.

    Args:
        found: Of any objectives, all played.
        judges: By objective.
    """
    answers: dict[str, Compared] = {}
    for objective, judge in judges.items():
        own = [match for match in found if match.objective == objective]
        asked = [Pair(match.first.scenario, _answer(match.first), _answer(match.second)) for match in own]
        duels = both_orders(judge, asked) if asked else []
        answers |= {match.id: _compared(match, duel) for match, duel in zip(own, duels, strict=True)}
    return [answers[match.id] for match in found]


def not_played(match: Match) -> Compared:
    """A match that nobody could be asked about."""
    return _compared(match, None)


def all_compared(found: Mapping[str, Match], told: Mapping[str, Compared]) -> list[Compared]:
    """What was said of each match, and of those that nobody could be asked about that they were not played."""
    return [told[id] if id in told else not_played(match) for id, match in found.items()]


def _compared(match: Match, duel: Duel | None) -> Compared:
    scenario, place = match.first.scenario, match.place
    return Compared(
        match.id,
        match.subject_digest,
        match.objective,
        match.judge,
        place.negotiator,
        place_of(match.second).negotiator,
        scenario.id,
        scenario.category,
        scenario.tension,
        place,
        duel,
    )


def _answer(episode: Episode) -> str:
    return episode.outcome.completion or ""
