"""Monitors: formulas watched turn by turn, with a small number a subformula and no history.

What a formula with a memory needs of all earlier turns fits one whole number: a bit, or how many turns ago something
was. So a turn costs time in the length of the formula, whatever came before, as in Havelund and Roşu, *Synthesizing
Monitors for Safety Properties* (TACAS 2002). The numbers are a value outside of the monitor: to look at words before
they are delivered is to step, and to throw the new numbers away.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeAlias

from negotiation_env.guards.formulas import (
    And,
    Answered,
    Atom,
    Constant,
    Formula,
    Historically,
    Implies,
    Not,
    Number,
    Once,
    Or,
    Previously,
    Since,
)

__all__ = ["Facts", "Memory", "Monitor"]

Memory: TypeAlias = tuple[int, ...]
"""What a monitor has to know of the turns before: a number for each subformula that looks back."""
_Watch: TypeAlias = "Callable[[Facts, Memory, list[int]], bool]"
"""The value of a subformula at a turn; its number goes to the end of the list."""
_NEVER: Final = -1
_COMPARE: Final = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class Facts(Protocol):
    """What is the case at one turn."""

    def holds(self, name: str) -> bool:
        """Whether the proposition of that name does."""

    def number(self, name: str) -> float:
        """The number of that name."""


class Monitor:
    """A formula, ready to be watched.

    Args:
        formula: What is watched.
    """

    def __init__(self, formula: Formula) -> None:
        self._start: list[int] = []
        self._watch = _compiled(formula, self._start)

    @property
    def start(self) -> Memory:
        """The memory before the first turn."""
        return tuple(self._start)

    def step(self, memory: Memory, facts: Facts) -> tuple[bool, Memory]:
        """Whether the formula holds at a turn, and the memory after it.

        Args:
            memory: That after the turn before, or `start`.
            facts: The turn's.
        """
        after: list[int] = []
        value = self._watch(facts, memory, after)
        return value, tuple(after)


def _compiled(formula: Formula, start: list[int]) -> _Watch:
    """What watches a formula; each part that looks back adds its first number to `start`."""
    plain = _in_few_words(formula)
    return _COMPILE[type(plain)](plain, start)


def _in_few_words(formula: Formula) -> Formula:
    """The formula by the operators that have a function below; its parts stay as they are."""
    match formula:
        case Or(left, right):
            return Not(And(Not(left), Not(right)))
        case Implies(left, right):
            return Not(And(left, Not(right)))
        case Historically(of, within):
            return Not(Once(Not(of), within))
        case Once(of, int(within)):
            return Since(Constant(True), of, within)
    return formula


def _constant(formula: Constant, _start: list[int]) -> _Watch:
    return lambda _facts, _memory, _after: formula.value


def _atom(formula: Atom, _start: list[int]) -> _Watch:
    name = formula.name
    return lambda facts, _memory, _after: facts.holds(name)


def _number(formula: Number, _start: list[int]) -> _Watch:
    compare = _COMPARE[formula.sign]
    return lambda facts, _memory, _after: bool(compare(facts.number(formula.name), formula.threshold))


def _not(formula: Not, start: list[int]) -> _Watch:
    inner = _compiled(formula.of, start)
    return lambda facts, memory, after: not inner(facts, memory, after)


def _and(formula: And, start: list[int]) -> _Watch:
    """Both; one without a memory need not be asked where the other is false, so it is asked last."""
    before = len(start)
    left = _compiled(formula.left, start)
    middle = len(start)
    right = _compiled(formula.right, start)
    if len(start) == middle:
        return lambda facts, memory, after: left(facts, memory, after) and right(facts, memory, after)
    if middle == before:
        return lambda facts, memory, after: right(facts, memory, after) and left(facts, memory, after)

    def watch(facts: Facts, memory: Memory, after: list[int]) -> bool:
        one, other = left(facts, memory, after), right(facts, memory, after)
        return one and other

    return watch


def _previously(formula: Previously, start: list[int]) -> _Watch:
    inner = _compiled(formula.of, start)
    place = len(start)
    start.append(0)

    def watch(facts: Facts, memory: Memory, after: list[int]) -> bool:
        after.append(int(inner(facts, memory, after)))
        return bool(memory[place])

    return watch


def _once(formula: Once, start: list[int]) -> _Watch:
    """Without a bound: what held once need not be asked again, unless a part of it has to go on looking."""
    before = len(start)
    inner = _compiled(formula.of, start)
    place = len(start)
    start.append(0)
    settles = place == before

    def watch(facts: Facts, memory: Memory, after: list[int]) -> bool:
        known = bool(memory[place])
        value = (known and settles) or inner(facts, memory, after) or known
        after.append(int(value))
        return value

    return watch


def _since(formula: Since, start: list[int]) -> _Watch:
    """How many turns ago the latest G was that F has held since."""
    one, other, within = _compiled(formula.left, start), _compiled(formula.right, start), formula.within
    place = len(start)
    start.append(_NEVER)

    def watch(facts: Facts, memory: Memory, after: list[int]) -> bool:
        kept, began = one(facts, memory, after), other(facts, memory, after)
        ago = 0 if began else memory[place] + 1 if kept and memory[place] != _NEVER else _NEVER
        after.append(ago)
        return ago != _NEVER and (within is None or ago <= within)

    return watch


def _answered(formula: Answered, start: list[int]) -> _Watch:
    """How many turns ago the oldest F was that waits for its G; a G without a memory is asked only where one waits."""
    one = _compiled(formula.left, start)
    middle = len(start)
    other = _compiled(formula.right, start)
    place = len(start)
    start.append(_NEVER)
    forgets = place == middle

    def watch(facts: Facts, memory: Memory, after: list[int]) -> bool:
        asked, waits = one(facts, memory, after), memory[place] != _NEVER
        answered = (waits or not forgets) and other(facts, memory, after)
        waiting = memory[place] + 1 if waits and not answered else _NEVER
        waiting = 0 if asked and waiting == _NEVER else waiting
        after.append(waiting)
        return waiting < formula.within

    return watch


_COMPILE: Final[Mapping[type, Callable[[Any, list[int]], _Watch]]] = {
    Constant: _constant,
    Atom: _atom,
    Number: _number,
    Not: _not,
    And: _and,
    Previously: _previously,
    Once: _once,
    Since: _since,
    Answered: _answered,
}
