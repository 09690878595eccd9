"""Files that a kill cannot spoil: append-only files of one JSON object a line, and files written as a whole.

A folder may come from somebody else, and a report of it go to others: links in it are refused, or reading and writing
would lead out of it, and so are pipes and devices, for which one would wait for ever. People open such files in
editors: a byte order mark and blank lines say nothing.
"""

import errno
import os
import secrets
import stat
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from os import SEEK_END
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar

from negotiation_env.errors import UserError, os_fault
from negotiation_env.text.strict_json import is_utf_16, read_json
from negotiation_env.text.untrusted import one_line

if TYPE_CHECKING:
    from filelock import BaseFileLock
    from pydantic import TypeAdapter

__all__ = [
    "FORMAT",
    "append_bytes",
    "append_lines",
    "hold",
    "is_there",
    "make_folder",
    "only_files",
    "parse_value",
    "read_file",
    "read_lines",
    "read_whole",
    "refuse_link",
    "refuse_other",
    "text_lines",
    "write_whole",
    "written",
]

T = TypeVar("T")
_Extra: TypeAlias = Literal["forbid", "ignore"]

FORMAT: Final = 1
"""Version of the layout of everything that runs write; what does not say its `format` has this one."""
_KINDS: Final = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}


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
    with _opened(path, "rb") as lines:  # half a line may end within a character
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


def read_file(path: Path) -> bytes:
    """The content of a file.

    Raises:
        UserError: It is missing, no file, or cannot be opened.
    """
    with _opened(path, "rb") as file:
        return file.read()


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there as a whole or as it was before, whatever kills the process.

    Raises:
        UserError: The folder cannot be written to, or what is there is no file.
    """
    is_there(path)
    fresh = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with _opened(fresh, "xb") as file:
            file.write(text.encode())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def refuse_other(path: Path, beginning: bytes) -> None:
    """See that a file that is to be written anew is what was written there before, and nobody's work.

    Args:
        path: The file; it need not be there, and may be empty.
        beginning: How such files begin.

    Raises:
        UserError: It holds something else.
    """
    if path.is_file():
        with path.open("rb") as file:
            found = file.read(len(beginning))
        if found and found.lower() != beginning.lower():
            raise UserError(f"{path} is there and holds something else; give another name, or move it away")


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


def is_there(path: Path) -> bool:
    """Whether a run's folder has a file.

    Raises:
        UserError: Something else is in its place: a link, a folder, a pipe, a device.
    """
    refuse_link(path)
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise UserError(f"cannot open {path}: {error.strerror}") from error
    if not stat.S_ISREG(mode):
        raise UserError(f"{path}: {_no_file(mode)}; put a file in its place")
    return True


def _no_file(mode: int) -> str:
    return f"{_KINDS.get(stat.S_IFMT(mode), 'a device')} is where a file is needed"


def only_files(path: str, flags: int) -> int:
    """An `opener` for `open` that refuses what one could wait for for ever, and does not wait for it.

    Raises:
        OSError: It cannot be opened, or is no regular file.
    """
    found = os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)
    mode = os.fstat(found).st_mode
    if not stat.S_ISREG(mode):
        os.close(found)
        raise OSError(errno.EINVAL, _no_file(mode), path)
    return found


def hold(path: Path, refusal: str) -> "BaseFileLock":
    """Hold a lock file; the system lets go of it when this process ends, however it ends.

    A thread that holds it may take it once more, and gives it back as often.

    Args:
        path: The lock file; stays behind, and means nothing by itself.
        refusal: What to say where another process or thread holds it.

    Raises:
        UserError: It is held, cannot be made, or is no file.
    """
    from filelock import FileLock, Timeout

    is_there(path)
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
        is_there(path)
        raise UserError(f"cannot open {path}: {error.strerror}") from error


def _no_link(path: str, flags: int) -> int:
    return only_files(path, flags | getattr(os, "O_NOFOLLOW", 0))
