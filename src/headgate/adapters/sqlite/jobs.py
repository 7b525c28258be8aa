"""`ports.Jobs` in a SQLite file: for one host, all of whose workers share it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from headgate.adapters import jobs as sql
from headgate.adapters.sqlite.aside import Aside, transaction, write_ahead
from headgate.core.job import Job
from headgate.ports.jobs import Bounds, Held, JobsGone

PATIENCE_S = 5.0
"""How long to wait for the others to let go of the file."""

T = TypeVar("T")


class SqliteJobs(sql.Changes):
    """Write-ahead log, synced at every commit; in a thread of its own, because a disk may make one wait. The
    file can be read by its owner alone: it has what callers said in it."""

    durable = True

    def __init__(self, file: Path) -> None:
        self._aside = Aside(partial(_open, file), name="jobs", gone=JobsGone)

    async def _changes(self, text: str, *values: object) -> bool:
        return await self._aside.do(lambda connection: connection.execute(text, values).rowcount > 0)

    async def add(self, jobs: Sequence[Job], bounds: Bounds) -> int:
        def work(connection: sqlite3.Connection) -> int:
            with transaction(connection):
                count, size = connection.execute(sql.ROOM).fetchone()
                for number, job in enumerate(jobs):
                    count, size = count + 1, size + job.size
                    if count > bounds.jobs or size > bounds.bytes:
                        return number
                    connection.execute(sql.ADD, sql.row(job))
            return len(jobs)

        return await self._aside.do(work)

    async def due(self, now_us: int) -> bool:
        rows = await self._aside.do(lambda connection: connection.execute(sql.DUE, (now_us, 1)).fetchall())
        return bool(rows)

    async def claim(self, now_us: int, until_us: int, limit: int) -> list[Job]:
        def work(connection: sqlite3.Connection) -> list[Job]:
            with transaction(connection):
                due = connection.execute(sql.DUE, (now_us, limit)).fetchall()
                return [sql.job(connection.execute(sql.CLAIM, (id_, until_us)).fetchone()) for (id_,) in due]

        return await self._aside.do(work)

    async def extend(self, held: Collection[Held], until_us: int) -> set[str]:
        def work(connection: sqlite3.Connection) -> set[str]:
            with transaction(connection):
                return {
                    one.id
                    for one in held
                    if connection.execute(sql.EXTEND, (one.id, one.claims, until_us)).rowcount
                }

        return await self._aside.do(work)

    async def find(self, id_: str) -> Job | None:
        found = await self._aside.do(lambda connection: connection.execute(sql.FIND, (id_,)).fetchone())
        return None if found is None else sql.job(found)

    async def of(self, key: tuple[str, str] | None, before: str, limit: int) -> list[Job]:
        text, values = (sql.ALL, (before, limit)) if key is None else (sql.OF, (*key, before, limit))
        rows = await self._aside.do(lambda connection: connection.execute(text, values).fetchall())
        return [sql.job(one) for one in rows]

    async def counts(self) -> dict[str, int]:
        return dict(await self._aside.do(lambda connection: connection.execute(sql.COUNTS).fetchall()))

    async def sweep(self, now_us: int, over_before_us: int) -> int:
        def work(connection: sqlite3.Connection) -> int:
            with transaction(connection):
                late = connection.execute(sql.EXPIRE, (now_us,)).rowcount
                return late + connection.execute(sql.FORGET, (over_before_us,)).rowcount

        return await self._aside.do(work)

    async def close(self) -> None:
        await self._aside.close()


def _open(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(file, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False)
    try:
        write_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.executescript(sql.SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection
