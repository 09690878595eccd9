"""A game under watch: which constraints a turn breaks, and what is done about it."""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeVar
from warnings import warn

from negotiation_env.errors import UserError, why
from negotiation_env.game.events import Utterance
from negotiation_env.game.scenario import Scenario
from negotiation_env.guards.asked import Asked
from negotiation_env.guards.files import Constraint, Guards, Intervention
from negotiation_env.guards.monitors import Memory, Monitor
from negotiation_env.guards.propositions import NUMBERS, PROPOSITIONS, Heard, is_foreign

__all__ = ["Finding", "Violation", "Watch"]

_UNREAD: Final = (
    "the guards {guards} look for English words ({names}) in a dilemma of another language: there they find none; "
    "ask the judge instead, in a table [asked]"
)
_STRICTNESS: Final = {each: place for place, each in enumerate(Intervention)}
_SHIPPED: Final = (*PROPOSITIONS.values(), *NUMBERS.values())


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
        memory: What the monitor knows once the turn is delivered.
    """

    violations: tuple[Violation, ...]
    memory: Memory

    @property
    def intervention(self) -> Intervention | None:
        """The strictest that was asked for; None where nothing is broken."""
        if not self.violations:
            return None
        return max((each.intervention for each in self.violations), key=_STRICTNESS.__getitem__)


class Watch:
    """The guards of one game.

    Args:
        guards: What is watched.
        scenario: What is negotiated; its parties are the seats.
    """

    def __init__(self, guards: Guards, scenario: Scenario) -> None:
        self._scenario = scenario
        self._constraints, self._monitor = _watched(guards, scenario.seats)
        self._memory = self._monitor.start
        if guards.english and is_foreign(scenario.dilemma):
            warn(_UNREAD.format(guards=guards.name, names=", ".join(guards.english)), stacklevel=2)
        self._breaches: Counter[tuple[str, int]] = Counter()
        self._kept: dict[str, tuple[int, set[Hashable]]] = {}

    def look(
        self, utterance: Utterance, before: Sequence[Utterance], answers: Mapping[str, bool] | None = None
    ) -> Finding:
        """What a turn would break; nothing is changed by looking.

        Args:
            utterance: The turn.
            before: All turns that were delivered before, one more after each delivery.
            answers: What a judge said of the turn, by question.

        Raises:
            Unanswered: A formula needs an answer that is not there.
            UserError: A function of somebody's own raises.
        """
        heard = Heard(utterance, self._scenario, before, {} if answers is None else answers, self._kept)
        kept, memory = self._monitor.step(self._memory, heard, utterance.seat)
        if all(kept):
            return Finding((), memory)
        broken = [constraint for constraint, holds in zip(self._constraints, kept, strict=True) if not holds]
        return Finding(tuple(self._violation(each, utterance.seat) for each in broken), memory)

    def count(self, finding: Finding, seat: int) -> None:
        """Remember a seat's breaches, so that the next ones get the next steps of their ladders."""
        self._breaches.update((each.constraint, seat) for each in finding.violations)

    def deliver(self, finding: Finding) -> None:
        """The turn was delivered: the monitor goes on from it."""
        self._memory = finding.memory

    def _violation(self, constraint: Constraint, seat: int) -> Violation:
        step = min(self._breaches[constraint.name, seat], len(constraint.ladder) - 1)
        return Violation(constraint.name, constraint.ladder[step])


@lru_cache(maxsize=64)
def _watched(guards: Guards, seats: int) -> tuple[tuple[Constraint, ...], Monitor]:
    """The constraint of each line, those of "each" once for each seat, and their monitor, which serves all games."""
    lines = [(each, seat) for each in guards.constraints for seat in (range(seats) if each.seats == "each" else [None])]
    propositions = {name: _safe(name, each, bool) for name, each in guards.propositions.items()}
    numbers = {name: _safe(name, each, float) for name, each in guards.numbers.items()}
    monitor = Monitor([(constraint.parsed, seat) for constraint, seat in lines], propositions, numbers)
    return tuple(constraint for constraint, _ in lines), monitor


_Value = TypeVar("_Value", bool, float)


def _safe(name: str, function: Callable[[Heard], Any], kind: Callable[[Any], _Value]) -> Callable[[Heard], _Value]:
    """A function that may be anybody's, and say or raise anything; what is shipped need not be looked at."""
    if function in _SHIPPED or isinstance(function, Asked):
        return function

    def asked(heard: Heard) -> _Value:
        try:
            return kind(function(heard))
        except Exception as error:
            raise UserError(f"the proposition {name} {why(error)}") from error

    return asked
