"""Formulas at random, what they mean by the whole history, and how rtamt, a library of monitors, writes them."""

from collections.abc import Mapping, Sequence
from operator import itemgetter

from hypothesis import strategies as st

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
from negotiation_env.guards.propositions import Heard

NAMES = ("a", "b", "c")
Turn = Mapping[str, bool]
BOUNDS = st.none() | st.integers(0, 4)
FORMULAS: st.SearchStrategy[Formula] = st.recursive(
    st.sampled_from([Constant(True), Constant(False), *map(Atom, NAMES), Number("a", ">=", 1.0)]),
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, inner, inner)
        | st.builds(Or, inner, inner)
        | st.builds(Implies, inner, inner)
        | st.builds(Previously, inner)
        | st.builds(Once, inner, BOUNDS)
        | st.builds(Historically, inner, BOUNDS)
        | st.builds(Since, inner, inner, BOUNDS)
        | st.builds(Answered, inner, inner, st.integers(1, 4))
    ),
    max_leaves=8,
)
LONGEST = 12
TRACES = st.lists(st.fixed_dictionaries({name: st.booleans() for name in NAMES}), min_size=1, max_size=LONGEST)


PROPOSITIONS = {name: itemgetter(name) for name in NAMES}
NUMBERS = {name: lambda turn, name=name: float(turn[name]) for name in NAMES}
"""A proposition counts as 0 or 1 where it is read as a number."""


def meaning(formula: Formula, trace: Sequence[Turn], now: int) -> bool:  # noqa: C901 - one case an operator
    """Whether a formula holds at a turn, by the definition, over the whole history."""

    def at(part: Formula, turn: int) -> bool:
        return meaning(part, trace, turn)

    match formula:
        case Constant(value):
            return value
        case Atom(name) | Number(name, ">=", 1.0):
            return trace[now][name]
        case Not(of):
            return not at(of, now)
        case And(left, right):
            return at(left, now) and at(right, now)
        case Or(left, right):
            return at(left, now) or at(right, now)
        case Implies(left, right):
            return not at(left, now) or at(right, now)
        case Previously(of):
            return now > 0 and at(of, now - 1)
        case Once(of, within):
            return any(at(of, turn) for turn in range(first(now, within), now + 1))
        case Historically(of, within):
            return all(at(of, turn) for turn in range(first(now, within), now + 1))
        case Since(left, right, within):
            began = [turn for turn in range(first(now, within), now + 1) if at(right, turn)]
            return any(all(at(left, later) for later in range(turn + 1, now + 1)) for turn in began)
        case Answered(left, right, within):
            due = [turn for turn in range(now - within + 1) if at(left, turn)]
            return all(any(at(right, later) for later in range(turn + 1, now + 1)) for turn in due)
    raise AssertionError(formula)


def first(now: int, within: int | None) -> int:
    return 0 if within is None else max(0, now - within)


def written(formula: Formula) -> str:
    """A formula as text, with a bracket around every part."""
    match formula:
        case Constant(value):
            return "true" if value else "false"
        case Atom(name):
            return name
        case Number(name, sign, threshold):
            return f"{name} {sign} {threshold:g}"
        case Not(of):
            return f"not ({written(of)})"
        case Previously(of):
            return f"previously ({written(of)})"
        case Once(of, within) | Historically(of, within):
            return f"{type(formula).__name__.lower()}{bound(within)} ({written(of)})"
        case And(left, right) | Or(left, right) | Implies(left, right):
            return f"({written(left)}) {type(formula).__name__.lower()} ({written(right)})"
        case Since(left, right, within):
            return f"({written(left)}) since{bound(within)} ({written(right)})"
        case Answered(left, right, within):
            return f"({written(left)}) answered{bound(within)} by ({written(right)})"
    raise AssertionError(formula)


def bound(within: int | None) -> str:
    return "" if within is None else f" within {within} turns"


def in_rtamt(formula: Formula) -> str:
    """The formula in rtamt's language: propositions are 0 or 1, `[low:high]` bounds how many turns ago."""
    match formula:
        case Constant(value):
            return "(a >= -1)" if value else "(a <= -1)"
        case Atom(name) | Number(name, ">=", 1.0):
            return f"({name} >= 0.5)"
        case Not(of):
            return f"(not ({in_rtamt(of)}))"
        case Previously(of):
            return f"(not (prev (not ({in_rtamt(of)}))))"  # its own holds at the first turn
        case Once(of, within) | Historically(of, within):
            return f"({type(formula).__name__.lower()}{interval(within)} ({in_rtamt(of)}))"
        case And(left, right) | Or(left, right) | Implies(left, right):
            return f"(({in_rtamt(left)}) {type(formula).__name__.lower()} ({in_rtamt(right)}))"
        case Since(left, right, within):
            return f"(({in_rtamt(left)}) since{interval(within)} ({in_rtamt(right)}))"
        case Answered(left, right, within):
            return f"(not ((not ({in_rtamt(right)})) since[{within}:{LONGEST}] ({in_rtamt(left)})))"
    raise AssertionError(formula)


def interval(within: int | None) -> str:
    return "" if within is None else f"[0:{within}]"


def even(heard: Heard) -> bool:
    """Whether the turn has an even number of characters, which nobody aims at."""
    return len(heard.text) % 2 == 0
