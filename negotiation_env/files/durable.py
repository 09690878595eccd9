"""Files that a kill cannot spoil: append-only files of one JSON object a line, and files written as a whole.

A folder may come from somebody else, and a report of it go to others: links in it are refused, or reading and writing
would lead out of it.
"""

import os
import secrets
from collections.abc import Iterable, Iterator
from os import SEEK_END
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar

from negotiation_env.errors import UserError, os_fault
from negotiation_env.text.strict_json import read_json
from negotiation_env.text.untrusted import one_line

if TYPE_CHECKING:
    from filelock import BaseFileLock
    from pydantic import TypeAdapter

__all__ = [
    "FORMAT",
    "append_bytes",
    "append_lines",
    "hold",
    "make_folder",
    "parse_value",
    "read_file",
    "read_lines",
    "read_whole",
    "refuse_link",
    "whole_lines",
    "write_whole",
]

T = TypeVar("T")
_Extra: TypeAlias = Literal["forbid", "ignore"]

FORMAT: Final = 1
"""Version of the layout of everything that runs write; what does not say its `format` has this one."""


def parse_value(text: str | bytes, adapter: "TypeAdapter[T]") -> T:
    """The value that a file or a line of it holds.

    Raises:
        ValueError: It is no JSON, of another format, or lacks or has something; one line says what.
    """
    return _checked(read_json(text), adapter, "forbid")


def read_whole(path: Path, adapter: "TypeAdapter[T]", what: str) -> T:
    """The value of a file that `write_whole` wrote.

    Args:
        path: The file.
        adapter: Checks the value.
        what: What to say of a file that cannot be read, such as "holds no tables".

    Raises:
        UserError: It is missing, a link, or holds something else.
    """
    try:
        return parse_value(read_file(path), adapter)
    except ValueError as error:
        raise UserError(f"{path} {what}: {error}") from error


def read_lines(path: Path, adapter: "TypeAdapter[T]", what: str, *, extra: _Extra = "forbid") -> Iterator[T]:
    """The values of a file, in order; no file has none.

    A last line counts also without its line end; what a killed process left of one is passed over.

    Args:
        path: The file.
        adapter: Checks a line.
        what: What to say of a line that cannot be read, such as "is no candidate".
        extra: What becomes of keys that the adapter does not know.

    Raises:
        UserError: The file is a link, or a line cannot be read; the message names it.
    """
    from pydantic_core import from_json

    for number, line in enumerate(whole_lines(path), start=1):
        try:
            # Lines come by the million, and this parser takes a third of the time of `read_json`; of names that stand
            # twice it takes the last.
            yield _checked(from_json(line, allow_inf_nan=False), adapter, extra)
        except ValueError as error:
            raise UserError(f"{path}, line {number} {what}: {error}") from error


def whole_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, each with its line end; no file has none.

    A last line that lacks only its line end is given one; what a killed process left of one is passed over.

    Raises:
        UserError: The file is a link or cannot be opened.
    """
    if not path.exists():
        refuse_link(path)  # to nowhere, until something is appended
        return
    with _opened(path, "rb") as lines:  # half a line may end within a character
        for line in lines:
            if line.endswith(b"\n"):
                yield line
            elif _is_object(line):
                yield line + b"\n"


def append_lines(path: Path, adapter: "TypeAdapter[T]", values: Iterable[T]) -> None:
    """Append a line for each value; see `append_bytes`."""
    append_bytes(path, b"".join(adapter.dump_json(value) + b"\n" for value in values))


def append_bytes(path: Path, lines: bytes) -> None:
    """Append lines in a single write, after mending what a killed process left of the last one.

    Raises:
        UserError: The file is a link or cannot be opened.
    """
    with _opened(path, "a+b") as file:
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
        return isinstance(from_json(line), dict)
    except ValueError:
        return False


def _checked(found: Any, adapter: "TypeAdapter[T]", extra: _Extra) -> T:
    from pydantic import ValidationError

    version = found.get("format", FORMAT) if isinstance(found, dict) else FORMAT
    if version != FORMAT:
        told = one_line(repr(version))
        raise ValueError(f"its format is {told}, and this version reads {FORMAT}; update negotiation-env")
    try:
        return adapter.validate_python(found, extra=extra)
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, each['loc'])) or 'it'}: {each['msg']}" for each in error.errors()[:3]]
        raise ValueError(one_line("; ".join(wrong))) from error


def read_file(path: Path) -> bytes:
    """The content of a file.

    Raises:
        UserError: It is missing, a link, or cannot be opened.
    """
    with _opened(path, "rb") as file:
        return file.read()


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there as a whole or as it was before, whatever kills the process.

    Raises:
        UserError: The folder cannot be written to, or what is there is a link or no file.
    """
    refuse_link(path)
    if path.exists() and not path.is_file():
        raise UserError(f"{path} is no file; give another name")
    fresh = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with _opened(fresh, "xb") as file:
            file.write(text.encode())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def make_folder(path: Path) -> None:
    """Make a folder within a run's, unless it is there.

    Raises:
        UserError: There is a link or a file in its place.
    """
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(f"{os_fault(error)}; mend that or name another place") from error
    refuse_link(path)


def refuse_link(path: Path) -> None:
    """See that what is in a run's folder is there itself.

    Raises:
        UserError: It is a link.
    """
    if path.is_symlink():
        raise UserError(f"{path} is a link, which may lead anywhere; put what it stands for in its place")


def hold(path: Path, refusal: str) -> "BaseFileLock":
    """Hold a lock file; the system lets go of it when this process ends, however it ends.

    A thread that holds it may take it once more, and gives it back as often.

    Args:
        path: The lock file; stays behind, and means nothing by itself.
        refusal: What to say where another process or thread holds it.

    Raises:
        UserError: It is held, or cannot be made.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path.parent.resolve() / path.name, is_singleton=True)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UserError(refusal) from None
    except OSError as error:
        raise UserError(f"cannot make {path}: {error.strerror}") from error
    return lock


def _opened(path: Path, mode: str) -> IO[bytes]:
    try:
        return open(path, mode, opener=_no_link)
    except OSError as error:
        refuse_link(path)
        raise UserError(f"cannot open {path}: {error.strerror}") from error


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)
