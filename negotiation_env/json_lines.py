"""Append-only files of one value a line."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from negotiation_env.errors import UserError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["append_lines", "read_lines"]

T = TypeVar("T")


def read_lines(path: Path, adapter: "TypeAdapter[T]", told: str) -> Iterator[T]:
    """The values of a file, in order; no file has none.

    A last line without its line end is what a killed process left; it is passed over.

    Args:
        path: The file.
        adapter: Reads a line.
        told: What to say of a line that cannot be read, such as "is no candidate".

    Raises:
        UserError: A line cannot be read; the message names it.
    """
    if not path.is_file():
        return
    with path.open("rb") as lines:  # half a line may end within a character
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                yield adapter.validate_json(line)
            except ValueError as error:
                raise UserError(f"{path}, line {number} {told}: {error}") from error


def append_lines(path: Path, adapter: "TypeAdapter[T]", values: Iterable[T]) -> None:
    """Append a line for each value, in a single write."""
    lines = b"".join(adapter.dump_json(value) + b"\n" for value in values)
    with path.open("ab") as file:
        file.write(lines)
