"""What a benchmark asked about its games once they were over: probes, challenges and comparisons.

Its files are read for what is shown of them, whatever else their lines hold.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, TypeVar

from pydantic import TypeAdapter

from negotiation_env.environment.episode import Episode
from negotiation_env.files.durable import read_lines
from negotiation_env.game.events import QuestionKind, Utterance, Verdict
from negotiation_env.judges.pairwise import Duel, Preference
from negotiation_env.judges.probes import ProbeKind
from negotiation_env.report.verdicts import ShownVerdict, show_verdict

__all__ = [
    "FILES",
    "Afterwards",
    "ShownAfterwards",
    "ShownChallenge",
    "ShownComparison",
    "ShownProbe",
    "read_afterwards",
    "show_afterwards",
]

_PROBES: Final = "probes.jsonl"
_CHALLENGES: Final = "challenges.jsonl"
_COMPARISONS: Final = "comparisons.jsonl"
FILES: Final = (_COMPARISONS, _PROBES, _CHALLENGES)
_BETWEEN: Final = " | "
"""Stands in a comparison's id between the objective and the two games."""


@dataclass(frozen=True, slots=True)
class _Probed:
    id: str
    episode: str
    kind: ProbeKind
    seat: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class _Challenged:
    id: str
    doubt: Utterance
    reply: Utterance | None
    verdict: Verdict | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Compared:
    id: str
    objective: str
    judge: str
    first: str
    second: str
    duel: Duel


class _Line(Protocol):
    @property
    def id(self) -> str:
        """What it answers."""


L = TypeVar("L", bound=_Line)


@dataclass(frozen=True, slots=True)
class Afterwards:
    """The lines of a benchmark's files, each id once; empty for other runs."""

    probes: tuple[_Probed, ...] = ()
    challenges: tuple[_Challenged, ...] = ()
    comparisons: tuple[_Compared, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownProbe:
    """A probe of a game.

    Attributes:
        title: What it says in short.
        measure: What its value is.
        top: The end of the value's scale, which begins at 0.
        verdict: The answer.
    """

    title: str
    measure: str
    top: float
    verdict: ShownVerdict


@dataclass(frozen=True, slots=True)
class ShownChallenge:
    """What became of a challenged agreement.

    Attributes:
        result: Whether it survived, in words.
        said: The doubt and the reply, each with its speaker.
        failure: What the agent failed with, else "".
        verdict: Whether the parties agree after it; None where there was no reply.
    """

    result: str
    said: tuple[tuple[str, str], ...]
    failure: str
    verdict: ShownVerdict | None


@dataclass(frozen=True, slots=True)
class ShownComparison:
    """A comparison as one of its two games sees it.

    Attributes:
        title: By what, against whom, and how it ended.
        judge: Who compared.
        orders: What was preferred in each order that was asked, and why.
    """

    title: str
    judge: str
    orders: dict[str, str]


@dataclass(slots=True)
class ShownAfterwards:
    """What was asked about one game."""

    probes: list[ShownProbe] = field(default_factory=list)
    challenge: ShownChallenge | None = None
    comparisons: list[ShownComparison] = field(default_factory=list)


def read_afterwards(folder: Path) -> Afterwards:
    """The lines of a run's folder; a file may be missing, or end in half a line.

    Raises:
        UserError: A line is not what a benchmark writes; the message names it.
    """
    return Afterwards(
        _lines(folder / _PROBES, _Probed),
        _lines(folder / _CHALLENGES, _Challenged),
        _lines(folder / _COMPARISONS, _Compared),
    )


def _lines(path: Path, kind: type[L]) -> tuple[L, ...]:
    """Each id once; the last line of an id counts."""
    lines = read_lines(path, TypeAdapter(kind), "is not what a benchmark wrote", extra="ignore")
    return tuple({each.id: each for each in lines}.values())


def show_afterwards(lines: Afterwards, episodes: Mapping[str, Episode]) -> dict[str, ShownAfterwards]:
    """What was asked about each game, by its id; what is said of other games is passed over."""
    shown: dict[str, ShownAfterwards] = defaultdict(ShownAfterwards)
    for probed in lines.probes:
        if probed.episode in episodes:
            shown[probed.episode].probes.append(_probe(probed, episodes[probed.episode].scenario.names))
    for challenged in lines.challenges:
        if challenged.id in episodes:
            shown[challenged.id].challenge = _challenge(challenged, episodes[challenged.id])
    for compared in lines.comparisons:
        for side, id in enumerate(_games(compared, episodes)):
            shown[id].comparisons.append(_comparison(compared, side))
    return dict(shown)


def _probe(probed: _Probed, names: tuple[str, ...]) -> ShownProbe:
    verdict = show_verdict(probed.kind, 0, probed.verdict, names)
    unscored = ": unscored" if verdict.value is None else ""
    if probed.kind is ProbeKind.FAITHFULNESS:
        return ShownProbe(f"Faithful to what was agreed{unscored}", "kept", 1.0, verdict)
    accepts = " accepts the answer" if probed.verdict.details.get("accepts") else " does not accept the answer"
    return ShownProbe(f"{_name(names, probed.seat)}{unscored or accepts}", "satisfaction", 5.0, verdict)


def _challenge(challenged: _Challenged, episode: Episode) -> ShownChallenge:
    names, ruled = episode.scenario.names, challenged.verdict
    said = (challenged.doubt, challenged.reply) if challenged.reply else (challenged.doubt,)
    value = ruled.value if ruled else None
    return ShownChallenge(
        "unscored" if value is None else "the agreement survived" if value > 0 else "the agreement did not survive",
        tuple((_name(names, each.seat), each.text) for each in said),
        challenged.error or "",
        show_verdict(QuestionKind.AGREEMENT, episode.outcome.turns + 2, ruled, names) if ruled else None,
    )


def _comparison(compared: _Compared, side: int) -> ShownComparison:
    duel, against = compared.duel, (compared.second, compared.first)[side]
    results = {side: "won", 1 - side: "lost", None: "tie"}
    told = "unscored" if duel.unscored else results[duel.winner] if duel.consistent else "the orders disagree"
    places = ("shown first", "shown second") if side == 0 else ("shown second", "shown first")
    orders = {places[0]: _preferred(duel.forward, side), places[1]: _preferred(duel.backward, 1 - side)}
    if not duel.ordered:
        orders = {"by scores": _preferred(duel.forward, side)}
    return ShownComparison(f"{compared.objective}, against {against}: {told}", compared.judge, orders)


def _preferred(found: Preference, place: int) -> str:
    """Of the answer that stands at a place, and the other."""
    if found.value is None:
        return f"unscored: {found.reason}"
    who = "neither" if found.winner is None else "this answer" if found.winner == place else "the other"
    return f"{who}: {found.reason}" if found.reason else who


def _games(compared: _Compared, episodes: Mapping[str, Episode]) -> tuple[str, ...]:
    """The ids of the two games, out of the comparison's; none where the run does not hold both."""
    pieces = compared.id.removeprefix(f"{compared.objective}{_BETWEEN}").split(_BETWEEN)
    pairs = ((_BETWEEN.join(pieces[:end]), _BETWEEN.join(pieces[end:])) for end in range(1, len(pieces)))
    return next((pair for pair in pairs if episodes.keys() >= set(pair)), ())


def _name(names: tuple[str, ...], seat: int) -> str:
    return names[seat] if seat < len(names) else f"seat {seat}"
