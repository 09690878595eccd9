"""Judge replies on disk, so that a question is paid for once. Safe for many threads and processes."""

import os
import sqlite3
import threading
from pathlib import Path

from negotiation_env.errors import UserError
from negotiation_env.interfaces import ChatRequest, Reply
from negotiation_env.traffic import read_reply, request_key, write_reply

__all__ = ["ReplyCache"]

_TABLE = "CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL) WITHOUT ROWID"
_PATIENCE = 60.0
"""Seconds to wait for another process's write."""


class ReplyCache:
    """Replies by the content of their requests. Who uses it puts in only what it could read.

    Args:
        path: The SQLite file; made where it is missing.

    Raises:
        UserError: The file is something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection()
        except sqlite3.DatabaseError as error:
            raise UserError(f"{path} is no cache of judge replies ({error}); remove it, or use --no-cache") from error

    def get(self, model: str, request: ChatRequest) -> Reply | None:
        """The reply to such a request, or None."""
        query = "SELECT reply FROM replies WHERE key = ?"
        row = self._connection().execute(query, (request_key(model, request),)).fetchone()
        return read_reply(row[0]) if row else None

    def put(self, model: str, request: ChatRequest, reply: Reply) -> None:
        """Keep a reply; the first one for a request stays."""
        row = (request_key(model, request), write_reply(reply))
        with self._connection() as connection:
            connection.execute("INSERT OR IGNORE INTO replies VALUES (?, ?)", row)

    def _connection(self) -> sqlite3.Connection:
        """One connection for each thread of each process: SQLite's must not be shared, nor survive a fork."""
        if getattr(self._local, "process", None) != os.getpid():
            connection = sqlite3.connect(self.path, timeout=_PATIENCE)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(_TABLE)
            self._local.connection, self._local.process = connection, os.getpid()
        found: sqlite3.Connection = self._local.connection
        return found
