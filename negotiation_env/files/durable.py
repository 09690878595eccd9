"""Files that a kill cannot spoil: append-only files of one JSON object a line, and files written as a whole.

People open such files in editors: a byte order mark and blank lines say nothing.
"""

import secrets
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from os import SEEK_END
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar

from negotiation_env.errors import UserError
from negotiation_env.files.places import is_there, opened, read_file
from negotiation_env.text.strict_json import is_utf_16, read_json
from negotiation_env.text.untrusted import one_line

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = [
    "FORMAT",
    "append_bytes",
    "append_lines",
    "parse_value",
    "read_lines",
    "read_whole",
    "text_lines",
    "write_whole",
    "written",
]

T = TypeVar("T")
_Extra: TypeAlias = Literal["forbid", "ignore"]

FORMAT: Final = 1
"""Version of the layout of everything that runs write; what does not say its `format` has this one."""


def written(**names: str) -> dict[str, Any]:
    """For `__pydantic_config__`: what some fields of a line are called in files, which older programs wrote too."""
    return {"alias_generator": lambda field: names.get(field, field), "serialize_by_alias": True}


def parse_value(text: str | bytes, adapter: "TypeAdapter[T]") -> T:
    """The value that a file or a line of it holds.

    Raises:
        ValueError: It is no JSON, of another format, or lacks or has something; one line says what.
    """
    plain = text.removeprefix(BOM_UTF8) if isinstance(text, bytes) else text.removeprefix("\ufeff")
    return _checked(plain, read_json(plain), adapter, "forbid")


def read_whole(path: Path, adapter: "TypeAdapter[T]", what: str) -> T:
    """The value of a file that `write_whole` wrote.

    Args:
        path: The file.
        adapter: Checks the value.
        what: What to say of a file that cannot be read, such as "holds no tables".

    Raises:
        UserError: It is missing, no file, or holds something else.
    """
    try:
        return parse_value(read_file(path), adapter)
    except ValueError as error:
        raise UserError(f"{path} {what}: {error}") from error


def read_lines(
    path: Path, adapter: "TypeAdapter[T]", what: str, *, extra: _Extra = "forbid", non_finite: bool = False
) -> Iterator[T]:
    """The values of a file, in order; no file has none.

    A last line counts also without its line end; what a killed process left of one is passed over.

    Args:
        path: The file.
        adapter: Checks a line.
        what: What to say of a line that cannot be read, such as "is no candidate".
        extra: What becomes of keys that the adapter does not know.
        non_finite: Let NaN and infinities through, for a caller that leaves them out.

    Raises:
        UserError: The file is none, or a line cannot be read; the message names it.
    """
    from pydantic_core import from_json

    for number, line in text_lines(path):
        try:
            # Lines come by the million, and this parser takes a third of the time of `read_json`; of names that stand
            # twice it takes the last.
            yield _checked(line, from_json(line, allow_inf_nan=non_finite), adapter, extra)
        except ValueError as error:
            raise UserError(f"{path}, line {number} {what}: {error}") from error


def text_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that say something, each with its number, counted from 1, and its line end; no file has none.

    A last line that lacks only its line end is given one; what a killed process left of one is passed over.

    Raises:
        UserError: The file is none, cannot be opened, or is UTF-16.
    """
    if not is_there(path):
        return
    with opened(path, "rb") as lines:  # half a line may end within a character
        lines.seek(_mark(path, lines.read(4)))
        for number, line in enumerate(lines, start=1):
            if line.endswith(b"\n") and not line.isspace():
                yield number, line
            elif _is_object(line):
                yield number, line + b"\n"


def _mark(path: Path, beginning: bytes) -> int:
    """How long the byte order mark of a file is that begins so."""
    if is_utf_16(beginning):
        raise UserError(f"{path} is no UTF-8 text (it looks like UTF-16); save it as UTF-8")
    return len(BOM_UTF8) if beginning.startswith(BOM_UTF8) else 0


def append_lines(path: Path, adapter: "TypeAdapter[T]", values: Iterable[T]) -> None:
    """Append a line for each value; see `append_bytes`."""
    append_bytes(path, b"".join(adapter.dump_json(value) + b"\n" for value in values))


def append_bytes(path: Path, lines: bytes) -> None:
    """Append lines in a single write, after mending what a killed process left of the last one.

    Raises:
        UserError: The file is none or cannot be opened.
    """
    with opened(path, "a+b") as file:
        file.write(_end_last_line(file) + lines)


def _end_last_line(file: IO[bytes]) -> bytes:
    """Cut off half a line at the end of a file, or return the line end that a whole one lacks."""
    left = _last_line(file)
    if not left:
        return b""
    if _is_object(left):
        return b"\n"
    file.truncate(file.seek(0, SEEK_END) - len(left))
    return b""


def _last_line(file: IO[bytes]) -> bytes:
    """What stands behind the last line end: nothing, where all is well, which takes a look at one byte."""
    start, left = file.seek(0, SEEK_END), b""
    while start > 0 and b"\n" not in left:
        step = min(start, len(left) or 1)
        start = file.seek(start - step)
        left = file.read(step) + left
    return left.rpartition(b"\n")[2]


def _is_object(line: bytes) -> bool:
    """Whether a line is whole: no object's beginning is an object, as a number's is a number."""
    from pydantic_core import from_json

    try:
        return isinstance(from_json(line.removeprefix(BOM_UTF8)), dict)
    except ValueError:
        return False


def _checked(text: str | bytes, found: Any, adapter: "TypeAdapter[T]", extra: _Extra) -> T:
    """The value of a JSON text, of which all was found well; strictly: true is no number, and neither is "3"."""
    from pydantic import ValidationError

    version = found.get("format", FORMAT) if isinstance(found, dict) else FORMAT
    if type(version) is not int or version != FORMAT:  # True is 1
        told = one_line(repr(version))
        raise ValueError(f"its format is {told}, and this version reads {FORMAT}; update negotiation-env")
    try:
        return adapter.validate_json(text, strict=True, extra=extra)
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, each['loc'])) or 'it'}: {each['msg']}" for each in error.errors()[:3]]
        raise ValueError(one_line("; ".join(wrong))) from error


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there as a whole or as it was before, whatever kills the process.

    Raises:
        UserError: The folder cannot be written to, or what is there is no file.
    """
    is_there(path)
    fresh = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with opened(fresh, "xb") as file:
            file.write(text.encode())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
