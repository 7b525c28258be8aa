"""`ports.Counters` in a file, for the processes of one host."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from headgate.adapters.sqlite.aside import Aside, transaction, write_ahead
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
        self._aside = Aside(self._opened, name="counters", gone=StoreGone)

    async def sync(self, hello: Hello) -> Reply:
        def work(connection: sqlite3.Connection) -> Reply:
            with transaction(connection):
                row = connection.execute("SELECT state FROM books").fetchone()
                books = _decode(row[0]) if row else Books()
                reply = sync(books, hello, int(self._clock.now() * 1e3))
                connection.execute("INSERT OR REPLACE INTO books VALUES (1, ?)", (_encode(books),))
            return reply

        return await self._aside.do(work)

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._file, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False
        )
        write_ahead(connection)
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(_SCHEMA)
        return connection

    async def close(self) -> None:
        await self._aside.close()
