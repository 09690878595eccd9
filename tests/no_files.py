"""What can be where a file is expected, and is none: whoever opens it may wait for ever."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["PLACES", "a_pipe"]


@contextmanager
def a_folder(path: Path) -> Iterator[None]:
    """A folder, for a while."""
    path.mkdir()
    yield
    path.rmdir()


@contextmanager
def a_pipe(path: Path) -> Iterator[None]:
    """A named pipe that nobody writes into, for a while."""
    os.mkfifo(path)
    yield
    path.unlink()


@contextmanager
def a_socket(path: Path) -> Iterator[None]:
    """A socket, for a while; the names of sockets are short."""
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(here)
    yield
    path.unlink()


@contextmanager
def an_endless_device(path: Path) -> Iterator[None]:
    """A link to a device that has no end, for a while."""
    path.symlink_to("/dev/zero")
    yield
    path.unlink()


PLACES = {"folder": a_folder, "named pipe": a_pipe, "socket": a_socket, "device": an_endless_device}
