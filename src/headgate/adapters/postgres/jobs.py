"""`ports.Jobs` in PostgreSQL: for any number of gateways, in the schema of their books."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

from headgate.adapters import jobs as sql
from headgate.adapters.postgres.link import Link
from headgate.core.job import Job
from headgate.ports.jobs import Bounds, Held, JobsGone

CONNECT_S = 3.0
PATIENCE_S = 10.0
"""For one statement."""
ADDING = 0x6865616467617466
"""An advisory lock: who adds must know how many there are, and who makes the tables is alone."""


def _text(text: str) -> str:
    """A statement of ours in PostgreSQL's words: an empty blob is not an empty text."""
    for name in ("body", "result"):
        text = text.replace(f"{name} = ''", f"{name} = ''::bytea")
    return text.replace("'', ''", "''::bytea, ''::bytea").replace("?", "$")


class PostgresJobs(sql.Changes):
    """Every verb is a transaction."""

    durable = True

    def __init__(self, url: str, *, schema: str) -> None:
        self._schema = schema
        self._link = Link(
            url, gone=JobsGone, ready=self._made, patience_s=PATIENCE_S, search_path=f'"{schema}"'
        )

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        async with self._link.connected() as connection, connection.transaction():
            yield connection

    async def _made(self, connection: Any) -> None:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", ADDING)
            await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{self._schema}"')
            await connection.execute(sql.SCHEMA.replace(" INTEGER", " BIGINT").replace(" BLOB", " BYTEA"))

    async def _changes(self, text: str, *values: object) -> bool:
        async with self._connected() as connection:
            return _count(await connection.execute(_text(text), *values)) > 0

    async def add(self, jobs: Sequence[Job], bounds: Bounds) -> int:
        async with self._connected() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock($1)", ADDING)
            count, size = await connection.fetchrow(sql.ROOM)
            for number, job in enumerate(jobs):
                count, size = count + 1, size + job.size
                if count > bounds.jobs or size > bounds.bytes:
                    return number
                await connection.execute(_text(sql.ADD), *sql.row(job))
        return len(jobs)

    async def due(self, now_us: int) -> bool:
        async with self._connected() as connection:
            return await connection.fetchrow(_text(sql.DUE), now_us, 1) is not None

    async def claim(self, now_us: int, until_us: int, limit: int) -> list[Job]:
        async with self._connected() as connection:
            due = await connection.fetch(_text(sql.DUE) + " FOR UPDATE SKIP LOCKED", now_us, limit)
            rows = [await connection.fetchrow(_text(sql.CLAIM), one[0], until_us) for one in due]
        return [sql.job(tuple(one)) for one in rows]

    async def extend(self, held: Collection[Held], until_us: int) -> set[str]:
        async with self._connected() as connection:
            return {
                one.id
                for one in sorted(held, key=lambda one: one.id)  # all in one order
                if _count(await connection.execute(_text(sql.EXTEND), one.id, one.claims, until_us))
            }

    async def find(self, id_: str) -> Job | None:
        async with self._connected() as connection:
            found = await connection.fetchrow(_text(sql.FIND), id_)
        return None if found is None else sql.job(tuple(found))

    async def of(self, key: tuple[str, str] | None, before: str, limit: int) -> list[Job]:
        text, values = (sql.ALL, (before, limit)) if key is None else (sql.OF, (*key, before, limit))
        async with self._connected() as connection:
            rows = await connection.fetch(_text(text), *values)
        return [sql.job(tuple(one)) for one in rows]

    async def counts(self) -> dict[str, int]:
        async with self._connected() as connection:
            return {one[0]: one[1] for one in await connection.fetch(sql.COUNTS)}

    async def sweep(self, now_us: int, over_before_us: int) -> int:
        async with self._connected() as connection:
            late = _count(await connection.execute(_text(sql.EXPIRE), now_us))
            return late + _count(await connection.execute(_text(sql.FORGET), over_before_us))

    async def close(self) -> None:
        await self._link.close()


def _count(status: str) -> int:
    """How many rows a statement changed, by its closing words."""
    return int(status.rpartition(" ")[2])
