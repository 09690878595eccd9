"""Monitors say what the definition says, which looks at the whole history; and what somebody else's monitors say."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negotiation_env.guards.formulas import Formula, Not, parse
from negotiation_env.guards.monitors import Line, Monitor
from tests.guards.oracles import FORMULAS, NAMES, NUMBERS, PROPOSITIONS, TRACES, Turn, in_rtamt, meaning


def of(*lines: Line) -> Monitor:
    return Monitor(lines, PROPOSITIONS, NUMBERS)


def watched(formula: Formula, trace: list[Turn]) -> list[bool]:
    monitor = of((formula, None))
    memory, values = monitor.start, []
    for turn in trace:
        (value,), memory = monitor.step(memory, turn, 0)
        values.append(value)
    return values


def agree(formula: Formula, trace: list[Turn]) -> None:
    assert watched(formula, trace) == [meaning(formula, trace, turn) for turn in range(len(trace))]


@settings(max_examples=400)
@given(FORMULAS, TRACES)
def test_a_monitor_says_what_the_whole_history_says(formula, trace):
    agree(formula, trace)


@pytest.mark.slow
@settings(max_examples=10_000)
@given(FORMULAS, TRACES)
def test_ten_thousand_monitors_say_what_the_whole_history_says(formula, trace):
    agree(formula, trace)


@settings(max_examples=100)
@given(FORMULAS, TRACES)
def test_a_step_changes_no_memory(formula, trace):
    monitor = of((formula, None))
    memory = monitor.start
    for turn in trace:
        first = monitor.step(memory, turn, 0)
        monitor.step(memory, dict.fromkeys(NAMES, True), 0)  # looked at, and not delivered
        assert monitor.step(memory, turn, 0) == first
        memory = first[1]


def test_a_memory_has_a_number_for_each_part_that_looks_back_however_long_the_game():
    monitor = of((parse("historically (a implies once within 3 turns b) and (not c since a)"), None))
    memory = monitor.start
    for _ in range(500):
        _, memory = monitor.step(memory, {"a": True, "b": False, "c": False}, 0)
    assert len(memory) == len(monitor.start) == 3


@settings(max_examples=200)
@given(st.lists(FORMULAS, min_size=2, max_size=4), TRACES)
def test_formulas_that_are_watched_together_say_what_each_says_alone(formulas, trace):
    together = of(*((each, None) for each in (*formulas, *formulas)))
    memory, values = together.start, []
    for turn in trace:
        kept, memory = together.step(memory, turn, 0)
        values.append(kept)
    assert [list(each) for each in zip(*values, strict=True)] == [watched(each, trace) for each in formulas] * 2


@given(FORMULAS)
def test_a_part_that_stands_in_two_formulas_is_watched_once(formula):
    assert of((formula, None), (Not(formula), None)).start == of((formula, None)).start


def test_a_seats_formula_holds_at_the_turns_of_others_and_knows_its_own():
    monitor = of(*((parse("a and previously mine"), seat) for seat in (0, 1)))
    memory, values = monitor.start, []
    for seat in (0, 0, 1, 0):
        kept, memory = monitor.step(memory, {"a": True}, seat)
        values.append(kept)
    assert values == [(False, True), (True, True), (True, False), (False, True)]


def test_a_proposition_is_asked_once_a_turn_and_only_where_it_matters():
    asked = []
    propositions = {name: lambda turn, name=name: bool(asked.append(name)) or turn[name] for name in NAMES}
    monitor = Monitor([(parse("a implies b"), None), (parse("a implies once c"), None)], propositions, {})
    monitor.step(monitor.start, {"a": False, "b": False, "c": True}, 0)
    assert sorted(asked) == ["a", "c"]


@settings(max_examples=200)
@given(FORMULAS, TRACES)
def test_monitors_of_somebody_else_say_the_same(formula, trace):
    rtamt = pytest.importorskip("rtamt", reason="pip install rtamt: monitors by others, to compare with")
    other = rtamt.StlDiscreteTimeOfflineSpecification()
    for name in NAMES:
        other.declare_var(name, "float")
    other.spec = in_rtamt(formula)
    other.parse()
    longer = [*trace, trace[-1]]  # it takes no trace of one turn
    signals = {name: [float(turn[name]) for turn in longer] for name in NAMES}
    robust = other.evaluate({"time": list(range(len(longer)))} | signals)
    assert watched(formula, longer) == [value > 0 for _, value in robust]
