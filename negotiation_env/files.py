"""Files that a kill cannot spoil: append-only files of one JSON value a line, and files written as a whole."""

from collections.abc import Iterable, Iterator
from os import SEEK_END
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from negotiation_env.errors import UserError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["append_lines", "cut_half_line", "read_lines", "whole_lines", "write_whole"]

T = TypeVar("T")
_BLOCK = 2**16


def read_lines(path: Path, adapter: "TypeAdapter[T]", told: str) -> Iterator[T]:
    """The values of a file, in order; no file has none.

    Half a line at the end is what a killed process left; it is passed over.

    Args:
        path: The file.
        adapter: Reads a line.
        told: What to say of a line that cannot be read, such as "is no candidate".

    Raises:
        UserError: A line cannot be read; the message names it.
    """
    for number, line in enumerate(whole_lines(path), start=1):
        try:
            yield adapter.validate_json(line)
        except ValueError as error:
            raise UserError(f"{path}, line {number} {told}: {error}") from error


def whole_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, each with its line end; no file has none.

    A last line that lacks only its line end is given one; what a killed process left of one is passed over.
    """
    if not path.is_file():
        return
    with path.open("rb") as lines:  # half a line may end within a character
        for line in lines:
            if line.endswith(b"\n"):
                yield line
            elif _is_object(line):
                yield line + b"\n"


def _is_object(line: bytes) -> bool:
    """Whether a line is whole: no object's beginning is an object, as a number's is a number."""
    from pydantic_core import from_json

    try:
        return isinstance(from_json(line), dict)
    except ValueError:
        return False


def append_lines(path: Path, adapter: "TypeAdapter[T]", values: Iterable[T]) -> None:
    """Append a line for each value, in a single write."""
    lines = b"".join(adapter.dump_json(value) + b"\n" for value in values)
    with path.open("ab") as file:
        file.write(lines)


def cut_half_line(path: Path) -> None:
    """Cut off what a killed process left behind the last line end, so that a line can be appended; no file is fine."""
    if not path.is_file():
        return
    with path.open("r+b") as file:
        end = file.seek(0, SEEK_END)
        while end > 0:
            start = max(0, end - _BLOCK)
            file.seek(start)
            if (found := file.read(end - start).rfind(b"\n")) >= 0:
                file.truncate(start + found + 1)
                return
            end = start
        file.truncate(0)


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there as a whole or as it was before, whatever kills the process."""
    fresh = path.with_name(f"{path.name}.tmp")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
