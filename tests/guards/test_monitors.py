"""Monitors say what the definition says, which looks at the whole history; and what somebody else's monitors say."""

import pytest
from hypothesis import given, settings

from negotiation_env.guards.formulas import Formula, parse
from negotiation_env.guards.monitors import Monitor
from tests.guards.oracles import FORMULAS, NAMES, TRACES, Case, Turn, in_rtamt, meaning


def watched(formula: Formula, trace: list[Turn]) -> list[bool]:
    monitor = Monitor(formula)
    memory, values = monitor.start, []
    for turn in trace:
        value, memory = monitor.step(memory, Case(turn))
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
    monitor = Monitor(formula)
    memory = monitor.start
    for turn in trace:
        first = monitor.step(memory, Case(turn))
        monitor.step(memory, Case(dict.fromkeys(NAMES, True)))  # looked at, and not delivered
        assert monitor.step(memory, Case(turn)) == first
        memory = first[1]


def test_a_memory_has_a_number_for_each_part_that_looks_back_however_long_the_game():
    monitor = Monitor(parse("historically (a implies once within 3 turns b) and (not c since a)"))
    memory = monitor.start
    for _ in range(500):
        _, memory = monitor.step(memory, Case(a=True, b=False, c=False))
    assert len(memory) == len(monitor.start) == 3


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
