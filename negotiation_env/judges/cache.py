"""Judge replies on disk, so that a question is paid for once. Safe for many threads and processes.

The cache only saves money: whatever is wrong with its file, a reply that cannot be looked up is asked for, one that
cannot be kept is not kept, and a warning says so once.
"""

import os
import re
import sqlite3
import threading
import time
import warnings
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

from negotiation_env.errors import UserError
from negotiation_env.fetch import cache_dir
from negotiation_env.interfaces import Alternatives, ChatRequest, Reply
from negotiation_env.traffic import read_reply, request_key, sound, write_reply

__all__ = ["LIMIT", "ReplyCache", "users_cache"]

T = TypeVar("T")
LIMIT: Final = 250_000_000
"""Bytes that the file may have; above them the oldest replies are dropped, a tenth at a time."""
_FORMAT: Final = 2
"""Of the table; one of another format is made anew."""
_IN_THE_WAY: Final = "SELECT type, name FROM sqlite_master WHERE name = 'replies' COLLATE NOCASE"
"""A table of another format, or what a table of that name cannot stand beside: a view, or another table's index."""
_LAYOUT: Final = (
    "CREATE TABLE replies (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, reply BLOB NOT NULL)",
    f"PRAGMA user_version = {_FORMAT}",
)
_OLDEST: Final = (
    "DELETE FROM replies WHERE id IN (SELECT id FROM replies ORDER BY id LIMIT (SELECT count(*) / 10 + 1 FROM replies))"
)
_PATIENCE: Final = 20_000
"""Milliseconds to wait for another process's write; after a first failure nothing waits any more."""
_PAUSE: Final = 0.01
"""Seconds between two tries to open the file, where SQLite itself does not wait."""
_DECIDES: Final = re.compile(r"\W*(\d|t|tr|tru|true|f|fa|fal|fals|false)\W*")
"""A token that can hold a level or a truth value; of no other token is it asked what could have stood there."""


class ReplyCache:
    """Replies by the content of their requests. Who uses it puts in only what it could read.

    Args:
        path: The SQLite file; made where it is missing.
        limit: The most bytes that it may have.
    """

    def __init__(self, path: Path, limit: int = LIMIT) -> None:
        self.path = path
        self._limit = limit
        self._local = threading.local()
        self._failed = False

    def get(self, model: str, request: ChatRequest) -> Reply | None:
        """The reply to such a request; None where there is none that can be read."""
        query, key = "SELECT reply FROM replies WHERE key = ?", (request_key(model, request),)
        row = self._try(lambda connection: connection.execute(query, key).fetchone())
        return _unpacked(row[0]) if row else None

    def put(self, model: str, request: ChatRequest, reply: Reply) -> None:
        """Keep a reply in the place of an earlier one, without the log-probabilities that no judge asks for."""
        row = (request_key(model, request), _packed(reply))

        def keep(connection: sqlite3.Connection) -> None:
            with connection:
                connection.execute("INSERT OR REPLACE INTO replies (key, reply) VALUES (?, ?)", row)
                while _bytes(connection) > self._limit and connection.execute(_OLDEST).rowcount:
                    pass  # a tenth is not enough where the oldest replies are short ones

        self._try(keep)

    def measure(self) -> tuple[int, int]:
        """How many replies there are, and the bytes that they take.

        Raises:
            UserError: The file is no cache of judge replies.
        """
        try:
            with closing(_opened(self.path, _PATIENCE)) as connection:
                (count,) = connection.execute("SELECT count(reply) FROM replies").fetchone()
                return count, _bytes(connection)
        except (sqlite3.Error, OSError) as error:
            raise UserError(f"{self.path} is no cache of judge replies ({error}); empty it with --clear") from error

    def clear(self) -> None:
        """Drop all replies; a file that is no cache is removed.

        Raises:
            UserError: Another process holds the file, or it cannot be written.
        """
        try:
            with closing(_opened(self.path, _PATIENCE)) as connection:
                _lay_out(connection)
                connection.execute("VACUUM")
        except (sqlite3.OperationalError, OSError) as error:
            raise UserError(f"{self.path} cannot be emptied: {error}; remove it when nothing uses it") from error
        except sqlite3.DatabaseError:
            for ending in ("", "-wal", "-shm"):
                self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
        self._local, self._failed = threading.local(), False  # the connections know the file as it was

    def _try(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """What some work on the file gives; None where it fails, which ends nothing."""
        try:
            return work(self._connection())
        except (sqlite3.Error, OSError) as error:
            if not self._failed:
                self._failed = True
                told = f"{self.path}: judge replies are not all kept ({error}); the run goes on"
                warnings.warn(f"{told}; to start anew: negotiate cache --clear", stacklevel=3)
            return None

    def _connection(self) -> sqlite3.Connection:
        """One connection for each thread of each process: SQLite's must not be shared, nor survive a fork."""
        patience = 0 if self._failed else _PATIENCE
        if getattr(self._local, "process", None) != os.getpid():
            self._local.connection, self._local.process = _opened(self.path, patience), os.getpid()
        found: sqlite3.Connection = self._local.connection
        found.execute(f"PRAGMA busy_timeout = {patience}")
        return found


def users_cache() -> ReplyCache:
    """The user's cache; one for all judges of a process, so that what fails is told once."""
    return _cache_at(cache_dir() / "judge_replies.sqlite")


@cache
def _cache_at(path: Path) -> ReplyCache:
    return ReplyCache(path)


def _opened(path: Path, patience: int) -> sqlite3.Connection:
    """A connection; where others make the file at this moment SQLite says at once that it is locked, so try again."""
    deadline = time.monotonic() + patience / 1000
    while True:
        try:
            return _connected(path, patience)
        except sqlite3.OperationalError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without its extension
            if code != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
        time.sleep(_PAUSE)


def _connected(path: Path, patience: int) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=patience / 1000)
    connection.text_factory = bytes  # text that is no UTF-8 is no reply, and no failure of the file
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        if _pragma(connection, "user_version") != _FORMAT:
            _lay_out(connection, unless=_FORMAT)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _lay_out(connection: sqlite3.Connection, unless: int = -1) -> None:
    """Make the table anew, unless another process has made one of that format meanwhile."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        if _pragma(connection, "user_version") != unless:
            found = [(kind.decode(), name.decode()) for kind, name in connection.execute(_IN_THE_WAY)]
            for statement in (*(f'DROP {kind} IF EXISTS "{name}"' for kind, name in found), *_LAYOUT):
                connection.execute(statement)


def _bytes(connection: sqlite3.Connection) -> int:
    pages = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
    return pages * _pragma(connection, "page_size")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)


def _packed(reply: Reply) -> bytes:
    return zlib.compress(write_reply(replace(reply, alternatives=tuple(map(_deciding, reply.alternatives)))).encode())


def _unpacked(row: object) -> Reply | None:
    """The reply of a row; None where it holds anything else."""
    try:
        return sound(read_reply(zlib.decompress(row))) if isinstance(row, bytes) else None
    except (zlib.error, ValueError):
        return None


def _deciding(place: Alternatives) -> Alternatives:
    return place if _DECIDES.fullmatch(place.text) else replace(place, logprobs={})
