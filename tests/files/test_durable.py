import pytest
from pydantic import TypeAdapter

from negotiation_env.errors import UserError
from negotiation_env.files.durable import append_lines, read_lines, write_whole

NUMBERS = TypeAdapter(int)


def read(path):
    return list(read_lines(path, NUMBERS, "is no number"))


def test_what_is_appended_is_read_in_order(tmp_path):
    path = tmp_path / "numbers.jsonl"
    assert read(path) == []
    append_lines(path, NUMBERS, [3, 1])
    append_lines(path, NUMBERS, [2])
    assert read(path) == [3, 1, 2]


def test_half_a_line_at_the_end_is_passed_over_and_a_broken_line_is_named(tmp_path):
    path = tmp_path / "numbers.jsonl"
    path.write_bytes(b"1\n2")
    assert read(path) == [1]
    path.write_bytes(b"1\nx\n")
    with pytest.raises(UserError, match=r"line 2 is no number"):
        read(path)


@pytest.mark.parametrize("left", ["", "half", "x" * 200_000, '{"a": 1', '{"a": 1}}'])
@pytest.mark.parametrize("before", ["", "1\n2\n"])
def test_half_a_line_of_any_length_is_cut_off_before_a_line_is_appended(tmp_path, before, left):
    path = tmp_path / "numbers.jsonl"
    path.write_text(before + left)
    append_lines(path, NUMBERS, [3])
    assert path.read_text() == f"{before}3\n"


def test_a_whole_last_line_without_its_line_end_counts_and_is_given_one_before_a_line_is_appended(tmp_path):
    path, pairs = tmp_path / "pairs.jsonl", TypeAdapter(dict[str, int])
    path.write_text('{"a": 1}\n{"b": 2}')
    assert list(read_lines(path, pairs, "is no pair")) == [{"a": 1}, {"b": 2}]
    append_lines(path, pairs, [{"c": 3}])
    assert path.read_text() == '{"a": 1}\n{"b": 2}\n{"c":3}\n'


def test_a_file_that_cannot_be_written_as_a_whole_stays_as_it_was(tmp_path):
    path = tmp_path / "report.txt"
    write_whole(path, "before")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "after \udc80")
    assert path.read_text() == "before"
