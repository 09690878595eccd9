"""What a run's folder may hold: files and folders themselves.

A folder may come from somebody else, and a report of it go to others: links in it are refused, or reading and writing
would lead out of it, and so are pipes and devices, for which one would wait for ever.
"""

import errno
import os
import stat
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from negotiation_env.errors import UserError, os_fault

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = ["hold", "is_there", "make_folder", "only_files", "opened", "read_file", "refuse_link", "refuse_other"]

_KINDS: Final = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}


def read_file(path: Path) -> bytes:
    """The content of a file.

    Raises:
        UserError: It is missing, no file, or cannot be opened.
    """
    with opened(path, "rb") as file:
        return file.read()


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


def opened(path: Path, mode: str) -> IO[bytes]:
    """A file of a run's folder, open; no link is followed, and nothing waited for.

    Raises:
        UserError: It is none, or cannot be opened.
    """
    try:
        return open(path, mode, opener=_no_link)
    except OSError as error:
        is_there(path)
        raise UserError(f"cannot open {path}: {error.strerror}") from error


def _no_link(path: str, flags: int) -> int:
    return only_files(path, flags | getattr(os, "O_NOFOLLOW", 0))
