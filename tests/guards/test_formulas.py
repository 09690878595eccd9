"""The language of formulas: how they bind, and errors that show the place."""

import pytest
from hypothesis import given

from negotiation_env.errors import UserError
from negotiation_env.guards.formulas import Number, atoms, parse
from negotiation_env.guards.monitors import Monitor
from tests.guards.oracles import FORMULAS, written


@given(FORMULAS)
def test_a_formula_reads_back_as_it_is_written(formula):
    assert parse(written(formula)) == formula


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("not a and b", "(not a) and b"),
        ("a or b and c", "a or (b and c)"),
        ("a implies b implies c", "a implies (b implies c)"),
        ("a or b implies c or d", "(a or b) implies (c or d)"),
        ("not a since b and c", "((not a) since b) and c"),
        ("a since b since c", "(a since b) since c"),
        ("previously once not a", "previously (once (not a))"),
        ("once within 1 turn a or b", "(once within 1 turns a) or b"),
        ("a answered within 2 turns by b and c", "(a answered within 2 turns by b) and c"),
        ("a\n  implies\tb", "a implies b"),
    ],
)
def test_operators_bind_as_the_table_says(short, full):
    assert parse(short) == parse(full)


def test_a_number_has_a_threshold_that_may_be_a_fraction():
    assert parse("overlap <= 0.5") == Number("overlap", "<=", 0.5)
    assert [each.name for each in atoms(parse("a since (words < 8 or not b)"))] == ["a", "words", "b"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "a proposition"),
        ("accepts implies", "at the arrow in: accepts implies →"),
        ("accepts gives_reason", "the end, or one of and, or, .* in: accepts → gives_reason"),
        ("once within turns a", "a whole number of turns at the arrow in: once within → turns a"),
        ("once within 1.5 turns a", "a whole number of turns .* → 1.5 turns a"),
        ("once within 2 a", r"'turns' at the arrow in: once within 2 → a"),
        ("a answered by b", "'within' and a number of turns, at least 1 .* in: a answered → by b"),
        ("a answered within 0 turns by b", "at least 1 .* in: a answered → within 0 turns by b"),
        ("(a and b", r"'\)' at the arrow in: \(a and b →"),
        ("a and 3", "in: a and → 3"),
        ("words < many", "a number at the arrow in: words < → many"),
        ("a && b", "a name, a number, a comparison or a bracket at the arrow in: a → && b"),
        ("not" * 3 + " " + "not " * 60 + "a", "the end"),
        ("not " * 60 + "a", "at most 50 formulas within one another"),
        ("(" * 60 + "a" + ")" * 60, "at most 50 formulas within one another"),
        (" and ".join("a" * 300), "at most 200 words and signs"),
    ],
)
def test_what_is_no_formula_is_shown_with_its_place(text, told):
    with pytest.raises(UserError, match=told):
        parse(text)


@pytest.mark.parametrize("operator", ["and", "or", "implies", "since"])
def test_the_longest_and_the_deepest_formula_can_be_watched(operator):
    for text in (f" {operator} ".join("a" * (48 if operator == "implies" else 100)), "(not " * 24 + "a" + ")" * 24):
        monitor = Monitor([(parse(text), None)], {"a": lambda turn: turn}, {})
        assert len(monitor.step(monitor.start, True, 0)[1]) == len(monitor.start)
