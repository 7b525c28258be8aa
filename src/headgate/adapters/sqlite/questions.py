"""`ports.neighbours.Register` in a file: it survives a restart, and the workers of a host share it."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

from headgate.adapters.sqlite.aside import transaction
from headgate.adapters.sqlite.file import SqliteFile
from headgate.ports.neighbours import Kept, Near, RegisterGone, Written

AT_ONCE = 1000
"""Questions that are read in one go."""

TIDIED_EVERY = 64
"""Writings between two looks at how many there are."""

_SCHEMA = Path(__file__).with_name("questions.sql").read_text()
_READ = """SELECT number, partition, vector, reading, identity, alike, sign, until, checksum FROM questions
    WHERE number > ? AND until > ? ORDER BY number LIMIT ?"""
_WRITE = """INSERT OR REPLACE INTO questions
    (partition, vector, reading, identity, alike, sign, until, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
_OLDEST = "DELETE FROM questions WHERE number <= (SELECT max(number) FROM questions) - ?"

log = logging.getLogger("headgate")


class SqliteRegister(SqliteFile):
    """It cannot search: it is read. `made_by`: what made the vectors and readings; a file of another's making
    is set aside, like one that is damaged.

    Known weakness: as many as `most` are kept, less those that came in the place of others.
    """

    GONE = RegisterGone
    WHAT = "file of questions"
    searches = False

    def __init__(self, file: Path, *, made_by: str, most: int) -> None:
        super().__init__(file, _SCHEMA)
        self._made_by = made_by
        self._most = most
        self._writings = 0

    async def read(self, after: int, now: float) -> tuple[int, list[Written]]:
        return await self._aside(lambda connection: self._read(connection, after, now))

    async def near(self, partition: bytes, sign: int, vector: bytes, most: int, now: float) -> list[Near]:
        return []

    async def write(self, questions: Sequence[Written], now: float) -> None:
        await self._aside(lambda connection: self._write(connection, questions, now))

    async def drop(self, identities: Sequence[bytes]) -> None:
        rows = [(identity,) for identity in identities]
        await self._aside(lambda one: one.executemany("DELETE FROM questions WHERE identity = ?", rows))

    async def clear(self) -> int:
        return await self._aside(lambda one: one.execute("DELETE FROM questions").rowcount)

    # ── in the thread ────────────────────────────────────────────────────────────────────────────

    def _opened(self) -> sqlite3.Connection:
        connection = super()._opened()
        made_by = connection.execute("SELECT name FROM made_by").fetchone()
        if made_by != (self._made_by,):
            self._set_aside(f"was made by {made_by[0] if made_by else 'nobody'}, and not by {self._made_by}")
            connection = super()._opened()
        return connection

    def _begun(self, connection: sqlite3.Connection) -> None:
        connection.execute("INSERT OR IGNORE INTO made_by VALUES (1, ?)", (self._made_by,))

    def _read(self, connection: sqlite3.Connection, after: int, now: float) -> tuple[int, list[Written]]:
        found = []
        for number, *row, checksum in connection.execute(_READ, (after, now, AT_ONCE)):
            after = number
            if _checksum(row) == checksum:
                found.append(_written(row))
            else:
                log.warning("a question in %s is damaged: forgotten", self._file.name)
        return after, found

    def _write(self, connection: sqlite3.Connection, questions: Sequence[Written], now: float) -> None:
        rows = [_row(one) for one in questions]
        with transaction(connection):
            connection.executemany(_WRITE, [(*row, _checksum(row)) for row in rows])
            if self._writings % TIDIED_EVERY == 0:
                connection.execute("DELETE FROM questions WHERE until <= ?", (now,))
                connection.execute(_OLDEST, (self._most,))
            self._writings += 1


def _row(one: Written) -> list[bytes | float]:
    kept = one.kept
    sign = kept.sign.to_bytes(16, "big")
    return [one.partition, one.vector, kept.reading, kept.identity, kept.alike, sign, kept.until]


def _written(row: Sequence[Any]) -> Written:
    partition, vector, reading, identity, alike, sign, until = row
    return Written(partition, vector, Kept(reading, identity, alike, int.from_bytes(sign, "big"), until))


def _checksum(row: Sequence[bytes | float]) -> int:
    return crc32(repr(row).encode())
