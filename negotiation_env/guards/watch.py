"""A game under watch: which constraints a turn breaks, and what is done about it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from negotiation_env.errors import UserError, why
from negotiation_env.game.events import Utterance
from negotiation_env.game.scenario import Scenario
from negotiation_env.guards.files import Constraint, Guards, Intervention
from negotiation_env.guards.monitors import Memory, Monitor
from negotiation_env.guards.propositions import Heard, Numeric, Proposition

__all__ = ["Finding", "Violation", "Watch"]

_STRICTNESS = {each: place for place, each in enumerate(Intervention)}


@dataclass(frozen=True, slots=True)
class Violation:
    """A constraint that a turn broke.

    Attributes:
        constraint: Its name.
        intervention: What it asked for; where several were broken, the strictest was done.
    """

    constraint: str
    intervention: Intervention


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look at a turn found.

    Attributes:
        violations: What it breaks, in the order of the constraints; the speaker is the one that breaks it.
        memories: What the monitors know once the turn is delivered.
    """

    violations: tuple[Violation, ...]
    memories: tuple[Memory, ...]

    @property
    def intervention(self) -> Intervention | None:
        """The strictest that was asked for; None where nothing is broken."""
        if not self.violations:
            return None
        return max((each.intervention for each in self.violations), key=_STRICTNESS.__getitem__)


class _Facts:
    """A turn, as a seat's formula sees it; each proposition is worked out when it is first asked for, and once."""

    __slots__ = ("_heard", "_known", "_measured", "_numbers", "_propositions")

    def __init__(self, heard: Heard, propositions: Mapping[str, Proposition], numbers: Mapping[str, Numeric]) -> None:
        self._heard, self._propositions, self._numbers = heard, propositions, numbers
        self._known: dict[str, bool] = {}
        self._measured: dict[str, float] = {}

    def seen_by(self, seat: int) -> None:
        """Whose the turn is, for a seat's formula."""
        self._known["mine"] = mine = seat == self._heard.utterance.seat
        self._known["theirs"] = not mine

    def holds(self, name: str) -> bool:
        if (known := self._known.get(name)) is None:
            known = self._known[name] = bool(self._asked(name, self._propositions[name]))
        return known

    def number(self, name: str) -> float:
        if (known := self._measured.get(name)) is None:
            known = self._measured[name] = float(self._asked(name, self._numbers[name]))
        return known

    def _asked(self, name: str, function: Proposition | Numeric) -> float:
        """What a function, which may be anybody's, says of the turn."""
        try:
            return function(self._heard)
        except Exception as error:
            raise UserError(f"the proposition {name} {why(error)}") from error


class Watch:
    """The guards of one game.

    Args:
        guards: What is watched.
        scenario: What is negotiated; its parties are the seats.
    """

    def __init__(self, guards: Guards, scenario: Scenario) -> None:
        self._guards, self._scenario = guards, scenario
        self._lines: list[tuple[Constraint, Monitor, int | None]] = []
        for constraint in guards.constraints:
            seats = range(scenario.seats) if constraint.seats == "each" else [None]
            monitor = _monitor(constraint)
            self._lines += [(constraint, monitor, seat) for seat in seats]
        self._memories = tuple(monitor.start for _, monitor, _ in self._lines)
        self._breaches: Counter[tuple[str, int]] = Counter()

    def look(self, utterance: Utterance, before: Sequence[Utterance]) -> Finding:
        """What a turn would break; nothing is changed by looking.

        Args:
            utterance: The turn.
            before: All turns that were delivered before.
        """
        facts = _Facts(Heard(utterance, self._scenario, before), self._guards.propositions, self._guards.numbers)
        violations, memories = [], []
        for (constraint, monitor, seat), memory in zip(self._lines, self._memories, strict=True):
            if seat is not None:
                facts.seen_by(seat)
            kept, after = monitor.step(memory, facts)
            memories.append(after)
            if not kept and seat in (None, utterance.seat):
                violations.append(self._violation(constraint, utterance.seat))
        return Finding(tuple(violations), tuple(memories))

    def count(self, finding: Finding, seat: int) -> None:
        """Remember a seat's breaches, so that the next ones get the next steps of their ladders."""
        self._breaches.update((each.constraint, seat) for each in finding.violations)

    def deliver(self, finding: Finding) -> None:
        """The turn was delivered: the monitors go on from it."""
        self._memories = finding.memories

    def _violation(self, constraint: Constraint, seat: int) -> Violation:
        step = min(self._breaches[constraint.name, seat], len(constraint.ladder) - 1)
        return Violation(constraint.name, constraint.ladder[step])


@lru_cache(maxsize=1024)
def _monitor(constraint: Constraint) -> Monitor:
    """Monitors keep nothing of a game: one serves all."""
    return Monitor(constraint.parsed)
