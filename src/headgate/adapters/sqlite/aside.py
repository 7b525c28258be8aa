"""Work on a SQLite file, in a thread of its own: a disk, and whoever else writes there, may make one wait."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import msgspec

T = TypeVar("T")

TRIES = 20
"""To begin a write-ahead log, where others do the same."""


class Aside:
    """One connection, made when it is first needed; one piece of work at a time."""

    def __init__(self, opened: Callable[[], sqlite3.Connection], *, name: str, gone: type[Exception]) -> None:
        """`opened` makes the connection, in the thread, which has the `name`. `gone` is raised where the file
        cannot be had, or what is in it cannot be read."""
        self._opened = opened
        self._gone = gone
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)
        except (sqlite3.Error, OSError, msgspec.DecodeError) as error:
            raise self._gone(f"{type(error).__name__}: {error}") from error

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is None:
            self._connection = self._opened()
        return work(self._connection)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def transaction(connection: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def write_ahead(connection: sqlite3.Connection) -> None:
    """Begins a write-ahead log: the one thing for which SQLite does not wait, where several open a new file
    at once. So a transaction waits, and it is tried again."""
    for _ in range(TRIES):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            with transaction(connection):
                pass
        else:
            return
    connection.execute("PRAGMA journal_mode = WAL")
