import pytest
from pydantic import TypeAdapter

from negotiation_env.errors import UserError
from negotiation_env.files import append_lines, cut_half_line, read_lines, write_whole

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


@pytest.mark.parametrize("left", ["", "half", "x" * 200_000])
def test_half_a_line_of_any_length_is_cut_off(tmp_path, left):
    path = tmp_path / "numbers.jsonl"
    path.write_text(f"one\ntwo\n{left}")
    cut_half_line(path)
    assert path.read_text() == "one\ntwo\n"
    path.write_text(left)
    cut_half_line(path)
    assert path.read_text() == ""


def test_a_file_that_cannot_be_written_as_a_whole_stays_as_it_was(tmp_path):
    path = tmp_path / "report.txt"
    write_whole(path, "before")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "after \udc80")
    assert path.read_text() == "before"
