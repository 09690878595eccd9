import io

import pytest
from rich.console import Console

from negotiation_env.statistics.intervals import Estimate
from negotiation_env.statistics.table import Table, cell_text, read_tables, tables_to_json, to_rich

RATE = Estimate(0.5, 0.25, 0.75, 8)
TABLE = Table(
    "Who wins", ("who", "rate", "games", "p", "over runs", "best"), (("a", RATE, 8, 0.125, "0.50", None),), "n"
)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (RATE, "0.50 [0.25, 0.75]"),
        (Estimate(1.0, None, None, 5), "1.00 (n = 5)"),
        (Estimate(None, None, None, 0), "–"),
        (None, "–"),
        (0, "0"),
        (12, "12"),
        (1200, "1,200"),
        (True, "True"),
        (0.125, "0.12"),
        (0.0, "0.00"),
        (0.0002, "0.0002"),
        (-0.0042, "-0.0042"),
        (0.049, "0.05"),
        (-1e-17, "0.00"),
        (Estimate(0.0004, 0.000312, 0.02, 8), "0.0004 [0.00031, 0.02]"),
        ("0.5 ± 0.1", "0.5 ± 0.1"),
    ],
)
def test_a_cell_has_two_decimals_or_digits_its_interval_or_count_and_a_dash_where_nothing_is_known(cell, text):
    assert cell_text(cell) == text


def test_tables_come_back_out_of_their_json_with_every_kind_of_cell():
    matrix = Table("Who beats whom", ("", "a"), (("a", None), ("b", RATE)), matrix=True)
    (found, other) = read_tables(tables_to_json([TABLE, matrix]))
    assert (found, other) == (TABLE, matrix)
    assert [type(cell) for cell in found.rows[0]] == [type(cell) for cell in TABLE.rows[0]]


@pytest.mark.parametrize("text", ["", "{}", '[{"title": "t"}]', '[{"title": "t", "columns": ["a"], "rows": [[1, 2]]}]'])
def test_what_holds_no_tables_is_told(text):
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        read_tables(text)


def test_a_row_has_a_cell_for_each_column():
    with pytest.raises(ValueError, match=r"table 'T': expected 2 cells a row, got \('a',\)"):
        Table("T", ("who", "rate"), (("a",),))


def test_in_a_terminal_text_is_shown_as_it_is_whatever_markup_it_holds():
    odd = "[bold]a[/bold] [/]"
    shown = io.StringIO()
    Console(file=shown, width=150).print(to_rich(Table(odd, (odd, f"of {odd}"), ((odd, RATE),), f"note {odd}")))
    assert shown.getvalue().count(odd) == 5
    assert "0.50 [0.25, 0.75]" in shown.getvalue()


def test_in_a_terminal_columns_of_words_stand_left_and_those_of_numbers_right():
    shown = io.StringIO()
    words = Table("T", ("who", "said", "often"), (("a", "yes", 1200), ("bob", "not so", None)))
    Console(file=shown, width=80).print(to_rich(words))
    assert " a    yes     1,200 \n bob  not so      – \n" in shown.getvalue()


def test_in_a_terminal_a_table_without_headings_has_no_line_for_them():
    shown = io.StringIO()
    Console(file=shown, width=80).print(to_rich(Table("T", ("",), (("a",),))))
    assert shown.getvalue().split() == ["T", "a"]


def in_a_terminal(table, width=80):
    shown = io.StringIO()
    Console(file=shown, width=width).print(to_rich(table))
    return shown.getvalue()


def test_in_a_terminal_lines_break_between_words_and_never_within_a_name_or_an_interval():
    names = ("scripted:accommodating", "hf:embedded+runs/learning/adapter")
    shown = in_a_terminal(
        Table("T", ("who", "what it is", "rate"), tuple((each, "word " * 30, RATE) for each in names))
    )
    assert [name for name in (*names, "[0.25, 0.75]") if name not in shown] == []
    assert max(map(len, shown.splitlines())) <= 80


def test_in_a_terminal_choices_break_at_their_bars():
    shown = in_a_terminal(Table("T", ("spec",), (("scripted:accommodating|stubborn|compromising|pushy",),)), 30)
    assert [line.strip() for line in shown.splitlines()[-3:-1]] == [
        "scripted:accommodating|",
        "stubborn|compromising|pushy",
    ]


def test_in_a_terminal_without_room_for_its_columns_each_row_of_a_table_is_a_list():
    columns = ("negotiator", *(f"measure number {number}" for number in range(8)))
    shown = in_a_terminal(Table("T", columns, (("a long-winded one", *[RATE] * 8), ("b", *[None] * 8)), "the note"))
    lines = [line.rstrip() for line in shown.splitlines()]
    assert lines[2:4] == ["a long-winded one", "measure number 0  0.50 [0.25, 0.75]"]
    assert lines[-2:] == ["measure number 7  –", "the note"]


def test_in_a_terminal_what_is_shown_as_an_escape_has_room_for_it():
    shown = in_a_terminal(Table("T", ("who", "said"), (("\u202e" * 9, "a"), ("b", "c"))))
    assert "\\u202e" * 9 in shown
