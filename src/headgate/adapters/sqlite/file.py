"""A file that its processes can do without: what is damaged is set aside, and begun anew."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, TypeVar

from headgate.adapters.sqlite.aside import write_ahead

PATIENCE_S = 1.0
"""How long to wait for other processes to let go of the file."""

_DAMAGED = ("no such", "malformed", "could not decode", "table ")
"""How operational errors begin that only a damaged schema gives."""

log = logging.getLogger("headgate")

T = TypeVar("T")


class SqliteFile:
    """One file, write-ahead log; a thread of its own, because a disk makes one wait.

    A file that is damaged, or is none, is renamed to `….corrupt` and begun anew. `GONE` is what is raised
    where nobody answers.
    """

    GONE: ClassVar[type[Exception]] = OSError
    WHAT: ClassVar[str] = "file"

    def __init__(self, file: Path, schema: str) -> None:
        self._file = file
        self._schema = schema
        self._inode = 0
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=self.WHAT.split()[0])

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    async def _aside(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """In the thread."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)
        except (sqlite3.Error, OSError) as error:
            raise self.GONE(f"{type(error).__name__}: {error}") from error

    # ── in the thread ────────────────────────────────────────────────────────────────────────────

    def _begun(self, connection: sqlite3.Connection) -> None:
        """The file has been opened, and has its tables."""

    def _ending(self, connection: sqlite3.Connection) -> None:
        """The file is about to be closed."""

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Once more with a new file, where this one is damaged."""
        try:
            return work(self._opened())
        except UnicodeDecodeError:  # even what is said of the damage is damaged
            self._set_aside("is damaged")
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError and not str(error).startswith(_DAMAGED):
                raise  # locked, full, not allowed: the file is good
            self._set_aside(f"is damaged ({error})")
        return work(self._opened())

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.touch(mode=0o600)
            self._inode = self._file.stat().st_ino
            self._connection = sqlite3.connect(
                self._file, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False
            )
            write_ahead(self._connection)
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.executescript(self._schema)
            self._begun(self._connection)
        return self._connection

    def _set_aside(self, why: str) -> None:
        """Unless another process has done so already."""
        self._close()
        with suppress(FileNotFoundError):
            if self._file.stat().st_ino == self._inode:
                log.warning("the %s %s %s: set aside, begun anew", self.WHAT, self._file.name, why)
                self._file.replace(self._file.with_name(f"{self._file.name}.corrupt"))
                for more in ("-wal", "-shm"):
                    self._file.with_name(self._file.name + more).unlink(missing_ok=True)

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                self._ending(connection)
            connection.close()
