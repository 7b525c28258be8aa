"""`ports.cache.Shelf` in a file: it survives a restart, and the workers of a host share it."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from headgate.adapters.sqlite.file import SqliteFile
from headgate.core.reuse import Stored, unpacked
from headgate.ports.cache import Extent, ShelfGone

LARGEST = 1 / 8
"""The share of the whole room that one answer may take."""

COUNTED_EVERY = 64
"""Writings between two counts of what all processes have put there."""

_SCHEMA = Path(__file__).with_name("answers.sql").read_text()
_KEEP = "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)"
_NEXT_EPOCH = "INSERT INTO epochs VALUES (1, 1) ON CONFLICT DO UPDATE SET epoch = epoch + 1"
_EXPIRED = "DELETE FROM answers WHERE expires_at <= ? RETURNING bytes"
_REPLACED = "DELETE FROM answers WHERE identity = ? RETURNING bytes"
_OLDEST = """DELETE FROM answers WHERE rowid IN (SELECT rowid FROM answers ORDER BY used_at, rowid LIMIT ?)
    RETURNING bytes"""

log = logging.getLogger("headgate")


class SqliteShelf(SqliteFile):
    """What is read is written down as used with the next writing.

    Known weakness: an answer that is always found in memory looks unused here.
    """

    GONE = ShelfGone
    WHAT = "cache file"

    def __init__(self, file: Path, *, max_bytes: int) -> None:
        super().__init__(file, _SCHEMA)
        self._max_bytes = max_bytes
        self._bytes = 0
        self._writings = 0
        self._used: dict[bytes, float] = {}

    async def find(self, identity: bytes, now: float) -> Stored | None:
        return await self._aside(lambda connection: self._find(connection, identity, now))

    async def keep(self, answers: Sequence[tuple[bytes, Stored]], now: float) -> None:
        await self._aside(lambda connection: self._keep(connection, answers, now))

    async def clear(self) -> int:
        return await self._aside(self._clear)

    async def epoch(self) -> str:
        query = "SELECT coalesce(max(epoch), 0) FROM epochs"
        return await self._aside(lambda connection: str(connection.execute(query).fetchone()[0]))

    async def extent(self) -> Extent:
        query = "SELECT count(*), coalesce(sum(bytes), 0) FROM answers"
        return await self._aside(lambda connection: Extent(*connection.execute(query).fetchone()))

    # ── in the thread ────────────────────────────────────────────────────────────────────────────

    def _find(self, connection: sqlite3.Connection, identity: bytes, now: float) -> Stored | None:
        query = "SELECT answer FROM answers WHERE identity = ? AND expires_at > ?"
        row = connection.execute(query, (identity, now)).fetchone()
        if row is None:
            return None
        answer = unpacked(row[0])
        if answer is None:
            log.warning("an answer in %s is damaged: forgotten", self._file.name)
            connection.execute("DELETE FROM answers WHERE identity = ?", (identity,))
            return None
        self._used[identity] = now
        return answer

    def _keep(
        self, connection: sqlite3.Connection, answers: Sequence[tuple[bytes, Stored]], now: float
    ) -> None:
        sized = [(identity, answer, answer.weight()) for identity, answer in answers]
        rows = [
            (identity, answer.packed(), size, answer.expires_at, now)
            for identity, answer, size in sized
            if size <= self._max_bytes * LARGEST
        ]
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._write_used(connection)
            self._gone(connection, _EXPIRED, now)
            for identity, _, _ in sized:
                self._gone(connection, _REPLACED, identity)
            connection.executemany(_KEEP, rows)
            self._bytes += sum(size for *_, size, _, _ in rows)
            self._writings += 1
            if self._writings % COUNTED_EVERY == 0:
                self._count(connection)
            while self._bytes > self._max_bytes and self._gone(connection, _OLDEST, max(1, len(rows))):
                pass
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            self._count(connection)
            raise

    def _gone(self, connection: sqlite3.Connection, delete: str, which: object) -> int:
        """Deletes, and keeps the books. How many there were."""
        gone = connection.execute(delete, (which,)).fetchall()
        self._bytes -= sum(size for (size,) in gone)
        return len(gone)

    def _clear(self, connection: sqlite3.Connection) -> int:
        connection.execute(_NEXT_EPOCH)
        return connection.execute("DELETE FROM answers").rowcount

    def _begun(self, connection: sqlite3.Connection) -> None:
        self._count(connection)

    def _ending(self, connection: sqlite3.Connection) -> None:
        self._write_used(connection)

    def _write_used(self, connection: sqlite3.Connection) -> None:
        used, self._used = self._used, {}
        connection.executemany(
            "UPDATE answers SET used_at = ? WHERE identity = ?",
            [(at, identity) for identity, at in used.items()],
        )

    def _count(self, connection: sqlite3.Connection) -> None:
        (self._bytes,) = connection.execute("SELECT coalesce(sum(bytes), 0) FROM answers").fetchone()
