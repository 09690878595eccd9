"""Files that people write: UTF-8 with or without a byte order mark, lines with any ends; errors tell the place."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from negotiation_env.errors import UserError
from negotiation_env.files.places import only_files
from negotiation_env.text.alike import id_key
from negotiation_env.text.strict_json import decoded, has_surrogates, read_json

__all__ = ["handed", "read_rows", "read_text", "row_text"]

T = TypeVar("T")

_STREAMS: Final = ("/dev/stdin", "/dev/stdout", "/dev/stderr")
_DESCRIPTORS: Final = ("/dev/fd", "/proc/self/fd")


def read_text(path: Path, what: str) -> str:
    r"""All of a text file, its lines ended by "\n".

    Args:
        path: The file.
        what: What it should be, for the message, such as "judge file".

    Raises:
        UserError: It cannot be read, or is no UTF-8; or it is a pipe or a device, but for one that this process was
            handed open: /dev/stdin, or what a shell's <(…) stands for.
    """
    try:
        with open(path, "rb", opener=None if handed(path) else only_files) as file:
            content = file.read()
    except OSError as error:
        raise UserError(f"no {what} {str(path)!r}: {error.strerror}") from error
    try:
        text = decoded(content, str(path))
    except ValueError as error:
        raise UserError(f"{error}; expected a {what}: save it as UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def handed(path: Path) -> bool:
    """Whether it names a descriptor of this process: whoever made that has something to say, or to hear."""
    return str(path) in _STREAMS or str(path.parent) in _DESCRIPTORS


def read_rows(path: Path, what: str, read: Callable[[Any], tuple[str, T]]) -> dict[str, T]:
    """The values of a file of JSON lines, by their ids and in order; empty lines say nothing.

    Args:
        path: The file.
        what: What it should be, for the message, such as "labelled set".
        read: Makes an id and a value of a line's JSON; a `ValueError` of it says what is wrong.

    Raises:
        UserError: The file cannot be read or holds nothing, a line is wrong, or an id comes again, be it in another
            spelling that looks the same (`negotiation_env.text.alike.id_key`); the message is one line and names the
            file and the line.
    """
    found: dict[str, T] = {}
    lines: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(read_text(path, what).split("\n"), start=1):
        if line.strip():
            try:
                id, value = read(read_json(line))
                _note(lines, id, number)
            except ValueError as error:
                raise UserError(f"{path}, line {number}: {error}") from error
            found[id] = value
    if not found:
        raise UserError(f"{path}: expected a {what}, JSON lines, got an empty file")
    return found


def _note(lines: dict[str, tuple[str, int]], id: str, number: int) -> None:
    """Note an id and its line by what a reader sees of it.

    Raises:
        ValueError: That is nothing, or it is an earlier line's.
    """
    if not (key := id_key(id)):
        raise ValueError(f"expected text under 'id', got {id!a:.80}, of which nothing is to be seen")
    first, line = lines.setdefault(key, (id, number))
    if line != number:
        told = f"{id!r:.80} stands" if id == first else f"{id!a:.80} looks like the one"
        raise ValueError(f"the id {told} in line {line}; ids must differ")


def row_text(row: Any, name: str) -> str:
    """The text of a row's field.

    Raises:
        ValueError: The row is no JSON object, or has no such text; the message names the field.
    """
    if not isinstance(row, dict):
        raise ValueError(f"expected a JSON object, got {row!r:.80}")
    text = row.get(name)
    if not isinstance(text, str) or has_surrogates(text):
        raise ValueError(f"expected text under {name!r}, got {text!r:.80}")
    return text
