"""`ports.Counters` in a file, for the processes of one host."""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from headgate.core.lease import Books, Hello, Reply, sync
from headgate.ports.clock import Clock
from headgate.ports.counters import StoreGone

PATIENCE_S = 1.0
"""How long to wait for the others to let go of the file. A message takes them about a millisecond."""

_SCHEMA = Path(__file__).with_name("books.sql").read_text()
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Books).decode


class SqliteCounters:
    """One file, write-ahead log, one `BEGIN IMMEDIATE` a message; in a thread of its own, because a file may
    make one wait. Time is the host's monotonic clock, which all its processes read alike.

    Not synced to the disk: what a crash of the machine loses nobody needs, since its processes are gone too.
    """

    def __init__(self, file: Path, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="counters")

    async def sync(self, hello: Hello) -> Reply:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._sync, hello)
        except (sqlite3.Error, msgspec.DecodeError, OSError) as error:
            raise StoreGone(f"{type(error).__name__}: {error}") from error

    def _sync(self, hello: Hello) -> Reply:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._open()
        connection.execute("BEGIN IMMEDIATE")
        try:
            row = connection.execute("SELECT state FROM books").fetchone()
            books = _decode(row[0]) if row else Books()
            reply = sync(books, hello, int(self._clock.now() * 1e3))
            connection.execute("INSERT OR REPLACE INTO books VALUES (1, ?)", (_encode(books),))
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise
        return reply

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._file, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(_SCHEMA)
        return connection

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
