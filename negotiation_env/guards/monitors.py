"""Monitors: formulas watched turn by turn, with a small number a subformula and no history.

What a formula with a memory needs of all earlier turns fits one whole number: a bit, or how many turns ago something
was. So a turn costs time in the length of the formulas, whatever came before, as in Havelund and Roşu, *Synthesizing
Monitors for Safety Properties* (TACAS 2002), and as there the monitor is a program that is written for its formulas:
here one function of Python for all of them. A part that looks back and stands in several formulas is watched once. All
such parts are watched at each turn; what is left of the formulas then has no memory, so that `and`, `or` and `implies`
ask no more than they need, and each proposition once at most.

The numbers are a value outside of the monitor: to look at words before they are delivered is to step, and to throw the
new numbers away.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

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

__all__ = ["Line", "Memory", "Monitor"]

Memory: TypeAlias = tuple[int, ...]
"""What a monitor has to know of the turns before: a number for each part of a formula that looks back."""
Line: TypeAlias = tuple[Formula, int | None]
"""A formula, and whose: at the turns of that seat it has to hold, and `mine` is true; None is all seats'."""


class Monitor:
    """Formulas, ready to be watched together.

    Args:
        lines: What is watched.
        propositions: By name, what each says of a turn, as a bool.
        numbers: The same of numbers, as a float.
    """

    def __init__(
        self,
        lines: Sequence[Line],
        propositions: Mapping[str, Callable[[Any], bool]],
        numbers: Mapping[str, Callable[[Any], float]],
    ) -> None:
        program = _Program()
        held = [program.held(formula, seat) for formula, seat in lines]
        asked: dict[str, Callable[[Any], float]]
        asked = {f"ask_{variable}": propositions[name] for name, variable in program.propositions.items()}
        asked |= {f"ask_{variable}": numbers[name] for name, variable in program.numbers.items()}
        self._step = _compiled(program.source(held), asked)
        self.start: Memory = tuple(program.start)
        """The memory before the first turn."""

    def step(self, memory: Memory, turn: Any, seat: int) -> tuple[tuple[bool, ...], Memory]:
        """Which lines hold at a turn, and the memory after it; a seat's line holds at the turns of others.

        Args:
            memory: That after the turn before, or `start`.
            turn: What the propositions are asked about.
            seat: Whose turn it is.
        """
        return self._step(memory, turn, seat)  # type: ignore[no-any-return]


class _Program:
    """The text of a monitor's function, as it grows.

    Its variables are `now0`, `now1`, … of the parts that look back, `before0`, `before1`, … of the same at the turn
    before, and one for each proposition and number, None until it is asked.

    Attributes:
        start: The first number of each part that looks back.
        propositions: Their variables, by their names.
        numbers: The same of numbers.
    """

    def __init__(self) -> None:
        self.start: list[int] = []
        self.propositions: dict[str, str] = {}
        self.numbers: dict[str, str] = {}
        self._parts: dict[str, int] = {}
        self._lines: list[str] = []

    def held(self, formula: Formula, seat: int | None) -> str:
        """The expression that says whether a line holds."""
        value = self._value(formula, seat)
        return value if seat is None else f"(seat != {seat} or {value})"

    def source(self, held: Sequence[str]) -> str:
        """The whole function."""
        places = range(len(self.start))
        first = [f"({''.join(f'before{place}, ' for place in places)}) = memory"] if places else []
        unknown = [f"{variable} = None" for variable in (*self.propositions.values(), *self.numbers.values())]
        values, after = ("".join(f"{each}, " for each in some) for some in (held, [f"now{place}" for place in places]))
        body = [*first, *unknown, *self._lines, f"return ({values}), ({after})"]
        return "\n    ".join(("def step(memory, turn, seat):", *body))

    def _value(self, formula: Formula, seat: int | None) -> str:  # noqa: C901 - one case an operator
        """The expression of a formula; the parts of it that look back are watched in lines before it."""
        match formula:
            case Constant(value):
                return str(value)
            case Atom("mine" | "theirs" as name) if seat is not None:
                return f"(seat {'==' if name == 'mine' else '!='} {seat})"
            case Atom(name):
                return _ask(self.propositions.setdefault(name, f"fact{len(self.propositions)}"))
            case Number(name, sign, threshold):
                number = _ask(self.numbers.setdefault(name, f"number{len(self.numbers)}"))
                return f"({number} {sign} {threshold!r})"
            case Not(of):
                return f"(not {self._value(of, seat)})"
            case And(left, right):
                return f"({self._value(left, seat)} and {self._value(right, seat)})"
            case Or(left, right):
                return f"({self._value(left, seat)} or {self._value(right, seat)})"
            case Implies(left, right):
                return f"(not {self._value(left, seat)} or {self._value(right, seat)})"
            case Historically(of, within):
                return self._value(Not(Once(Not(of), within)), seat)
            case Once(of, within):
                return self._value(Since(Constant(True), of, within), seat)
        return self._looking_back(formula, seat)

    def _looking_back(self, formula: Previously | Since | Answered, seat: int | None) -> str:
        match formula:
            case Previously(of):
                return self._watched("before{}", self._value(of, seat), 0)
            case Since(left, right, None):
                value = f"({self._value(right, seat)} or (before{{0}} and {self._value(left, seat)}))"
                return self._watched("now{}", value, 0)
            case Since(left, right, within):  # how many turns ago the latest G was that F has held since; -1 is never
                kept = f"before{{0}} >= 0 and {self._value(left, seat)}"
                ago = f"0 if {self._value(right, seat)} else before{{0}} + 1 if {kept} else -1"
                return self._watched(f"(0 <= now{{}} <= {within})", ago, -1)
            case Answered(left, right, within):  # how many turns ago the oldest F was that waits for its G
                waits = f"before{{0}} >= 0 and not {self._value(right, seat)}"
                ago = f"before{{0}} + 1 if {waits} else 0 if {self._value(left, seat)} else -1"
                return self._watched(f"(now{{}} < {within})", ago, -1)

    def _watched(self, value: str, number: str, start: int) -> str:
        """The value of a part that looks back, by its number of now or before; equal parts are one."""
        if (place := self._parts.get(number)) is None:
            place = self._parts[number] = len(self.start)
            self.start.append(start)
            self._lines.append(f"now{place} = {number.format(place)}")
        return value.format(place)


def _ask(variable: str) -> str:
    """What a function says of the turn; it is asked where that is first needed."""
    return f"({variable} if {variable} is not None else ({variable} := ask_{variable}(turn)))"


def _compiled(source: str, functions: dict[str, Callable[[Any], float]]) -> Callable[..., Any]:
    """The function of that text, in which no word of a guard file stands, but whole numbers and thresholds."""
    made: dict[str, Callable[..., Any]] = {**functions}
    exec(compile(source, "<monitor>", "exec"), made)
    return made["step"]
