"""`ports.cache.Shelf` in a file: it survives a restart, and the workers of a host share it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from headgate.core.reuse import Stored, unpacked
from headgate.ports.cache import Extent, ShelfGone

PATIENCE_S = 1.0
"""How long to wait for other processes to let go of the file."""

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
T = TypeVar("T")


class SqliteShelf:
    """One file, write-ahead log; a thread of its own, because a disk makes one wait.

    A file that is damaged, or is none, is renamed to `….corrupt` and begun anew. What is read is written
    down as used with the next writing.

    Known weakness: an answer that is always found in memory looks unused here.
    """

    def __init__(self, file: Path, *, max_bytes: int) -> None:
        self._file = file
        self._max_bytes = max_bytes
        self._bytes = 0
        self._writings = 0
        self._used: dict[bytes, float] = {}
        self._inode = 0
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="answers")

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

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    # ── in the thread ────────────────────────────────────────────────────────────────────────────

    async def _aside(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)
        except (sqlite3.Error, OSError) as error:
            raise ShelfGone(f"{type(error).__name__}: {error}") from error

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Once more with a new file, where this one is damaged."""
        try:
            return work(self._opened())
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:  # locked, full, not allowed: the file is good
                raise
            self._set_aside(error)
        return work(self._opened())

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.touch(mode=0o600)
            self._inode = self._file.stat().st_ino
            self._connection = sqlite3.connect(
                self._file, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.executescript(_SCHEMA)
            self._count(self._connection)
        return self._connection

    def _set_aside(self, error: sqlite3.DatabaseError) -> None:
        """Unless another process has done so already."""
        self._close()
        with suppress(FileNotFoundError):
            if self._file.stat().st_ino == self._inode:
                log.warning(
                    "the cache file %s is damaged (%s): set aside, begun anew", self._file.name, error
                )
                self._file.replace(self._file.with_name(f"{self._file.name}.corrupt"))
                for more in ("-wal", "-shm"):
                    self._file.with_name(self._file.name + more).unlink(missing_ok=True)

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                self._write_used(connection)
            connection.close()

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

    def _write_used(self, connection: sqlite3.Connection) -> None:
        used, self._used = self._used, {}
        connection.executemany(
            "UPDATE answers SET used_at = ? WHERE identity = ?",
            [(at, identity) for identity, at in used.items()],
        )

    def _count(self, connection: sqlite3.Connection) -> None:
        (self._bytes,) = connection.execute("SELECT coalesce(sum(bytes), 0) FROM answers").fetchone()
