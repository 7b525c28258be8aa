"""`ports.Store` in PostgreSQL: for any number of gateways, in a schema of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import islice
from typing import Any, TypeVar

import asyncpg

from headgate.adapters import books
from headgate.adapters.books.retention import Asking, forgetting
from headgate.adapters.postgres.link import Link
from headgate.core.audit import START, Act, Noted, chained
from headgate.core.captured import Captured
from headgate.core.issued import NOBODY, Issued, Snapshot, Terms
from headgate.core.journaled import Row
from headgate.core.report import Asked
from headgate.core.retention import Old
from headgate.core.rollup import BUCKET, SUMS, rolled
from headgate.ports.ledger import LedgerGone, RowRefused

_T = TypeVar("_T")

CONNECT_S = 3.0
PATIENCE_S = 30.0
"""For one statement."""
COPY_ROWS = 250
"""Rows that are encoded at once: the loop has other things to do in between."""
MIGRATING = 0x6865616467617465
"""An advisory lock, for whoever brings the schema up to date, or numbers something."""

_TYPES = ["bigint", *["text"] * (len(BUCKET) - 1), *["bigint"] * len(SUMS)]
_ARRAYS = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(_TYPES, start=1))
_ADD = ", ".join(f"{name} = sums.{name} + excluded.{name}" for name in SUMS)
_SUM = (
    f"INSERT INTO sums SELECT * FROM unnest({_ARRAYS})"  # noqa: S608 - names of ours
    f" ON CONFLICT ({', '.join(BUCKET)}) DO UPDATE SET {_ADD}"
)
_UNFIT = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.CharacterNotInRepertoireError,
    OverflowError,
    UnicodeError,
)
"""What a row may be that no table has room for."""


class PostgresLedger:
    """One verb at a time (`Link`)."""

    def __init__(self, url: str, *, schema: str) -> None:
        self._schema = schema
        self._kinds = books.Kinds()
        self._link = Link(
            url, gone=LedgerGone, ready=self._migrate, patience_s=PATIENCE_S, search_path=f'"{schema}"'
        )

    def connected(self) -> AbstractAsyncContextManager[Any]:
        """Its connection: nobody else's until the context is left."""
        return self._link.connected()

    async def _migrate(self, connection: Any) -> None:
        """Brings the schema up to date; who comes second finds it done."""
        version = "SELECT number FROM version"
        if await connection.fetchval("SELECT to_regclass('version')"):
            found = await connection.fetchval(version)
            if found == len(books.MIGRATIONS):
                return
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATING)
            await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{self._schema}"')
            await connection.execute("CREATE TABLE IF NOT EXISTS version (number BIGINT NOT NULL)")
            known = await connection.fetchval(version)
            if known is None:
                known = 0
                await connection.execute("INSERT INTO version VALUES (0)")
            if known > len(books.MIGRATIONS):
                raise asyncpg.InterfaceError("the schema was written by a newer version of Headgate")
            for script in books.MIGRATIONS[known:]:
                for statement in books.statements(script):
                    await connection.execute(ours(statement))
            await connection.execute("UPDATE version SET number = $1", len(books.MIGRATIONS))

    async def append(self, journal: str, first: int, rows: Sequence[Row]) -> int:
        async with self.connected() as connection:
            try:
                return await self._append(connection, journal, first, rows)
            except _UNFIT as error:
                raise RowRefused(type(error).__name__) from error

    async def _append(self, connection: Any, journal: str, first: int, rows: Sequence[Row]) -> int:
        async with connection.transaction():
            number, wanted = await self._journal(connection, journal)
            new = rows[max(0, wanted - first) :]
            if not new:
                return 0
            found = books.sorted_out((number << books.JOURNAL_BITS) + max(first, wanted), new)
            kinds: dict[bytes, int] = {}
            await _chain(connection, found.acts)  # before the sums: whoever waits for its lock has none
            if found.captures:
                await connection.copy_records_to_table("captures", records=found.captures)
            if found.entries:
                kinds = await self._write(connection, found)
            mark = first + len(rows)
            await connection.execute("UPDATE journals SET next = $1 WHERE number = $2", mark, number)
        self._kinds.are(kinds)
        return len(new)

    async def _journal(self, connection: Any, name: str) -> tuple[int, int]:
        """A journal's number, and which of its rows is wanted next. Held until the transaction ends."""
        find = "SELECT number, next FROM journals WHERE name = $1 FOR UPDATE"
        row = await connection.fetchrow(find, name)
        if row is None:
            await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATING)
            await connection.execute(
                "INSERT INTO journals SELECT $1, COALESCE(MAX(number), 0) + 1, 0 FROM journals"
                " ON CONFLICT (name) DO NOTHING",
                name,
            )
            row = await connection.fetchrow(find, name)
        return row[0], row[1]

    async def _write(self, connection: Any, entries: books.Sorted) -> dict[bytes, int]:
        """The kinds that are new."""
        values, kinds = self._kinds.values(entries)
        if kinds:
            records = books.kind_rows(kinds)
            await connection.copy_records_to_table("kinds", records=records, columns=books.KINDS)
        rows = zip(*[iter(values)] * books.WIDTH, strict=True)
        while part := [*islice(rows, COPY_ROWS)]:
            await connection.copy_records_to_table("entries", records=part, columns=books.ENTRIES)
        if others := books.attempt_rows(entries):
            await connection.copy_records_to_table("other_attempts", records=others, columns=books.ATTEMPTS)
        found = rolled(entries.entries)
        sums = [(*bucket, *numbers) for bucket, numbers in sorted(found.items())]  # all in one order
        await connection.execute(_SUM, *map(list, zip(*sums, strict=True)))
        return kinds

    async def mark(self, journal: str) -> int:
        async with self.connected() as connection:
            return await connection.fetchval("SELECT next FROM journals WHERE name = $1", journal) or 0

    async def usage(self, asked: Asked) -> list[dict[str, Any]]:
        text, values = books.usage_query(asked, "$%d")
        async with self.connected() as connection:
            rows = await connection.fetch(text, *values)
        return [books.usage_row(asked, tuple(row)) for row in rows]

    async def requests(self, after: int, limit: int, only: Mapping[str, str]) -> list[dict[str, Any]]:
        text, values = books.requests_query(after, limit, only, "$%d")
        async with self.connected() as connection:
            rows = [tuple(row) for row in await connection.fetch(text, *values)]
            ids = [row[0] for row in rows]
            others = (
                [tuple(row) for row in await connection.fetch(books.attempts_query(ids, "$%d"), *ids)]
                if ids
                else []
            )
        return books.request_documents(rows, others)

    async def paid(self, of: str, names: Sequence[str], since_us: int, until_us: int) -> int:
        text = books.paid_query(of, len(names), "$%d")
        async with self.connected() as connection:
            return int(await connection.fetchval(text, since_us, until_us, *names))

    async def captured(self, request_id: str) -> list[Captured]:
        async with self.connected() as connection:
            rows = await connection.fetch(books.captured_query("$%d"), request_id)
        return [books.captured(tuple(row)) for row in rows]

    async def forget(self, old: Old, *, at_most: int) -> int:
        async with self.connected() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATING)
            most, acts = await _driven(connection, forgetting(old, at_most, "$%d"))
            await _chain(connection, acts)
        return most

    async def snapshot(self, known: int) -> Snapshot | None:
        async with (
            self.connected() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            row = await connection.fetchrow("SELECT generation, pepper FROM issuing")
            if row is None:
                return None if known == NOBODY.generation else NOBODY
            if row[0] == known:
                return None
            documents = [one[0] for one in await connection.fetch("SELECT document FROM issued_keys")]
            terms = [one[0] for one in await connection.fetch("SELECT document FROM terms")]
        return books.issued_snapshot(row[0], row[1], documents, terms)

    async def add(self, key: Issued, act: Act | None = None) -> bool:
        text = "INSERT INTO issued_keys (name, document) VALUES ($1, $2) ON CONFLICT DO NOTHING"
        return await self._put(text, (key.name, books.issued_document(key)), act)

    async def change(self, key: Issued, act: Act | None = None) -> bool:
        text = "UPDATE issued_keys SET document = $2 WHERE name = $1"
        return await self._put(text, (key.name, books.issued_document(key)), act)

    async def agree(self, terms: Terms, act: Act | None = None) -> bool:
        of = (terms.kind, terms.name)
        if terms.empty:
            return await self._put("DELETE FROM terms WHERE kind = $1 AND name = $2", of, act)
        text = "INSERT INTO terms VALUES ($1, $2, $3) ON CONFLICT (kind, name) DO UPDATE SET document = $3"
        return await self._put(text, (*of, books.issued_document(terms)), act)

    async def pepper(self, fresh: bytes) -> bytes:
        async with self.connected() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATING)
            await connection.execute(
                "INSERT INTO issuing SELECT 0, $1 WHERE NOT EXISTS (SELECT 1 FROM issuing)", fresh.hex()
            )
            return bytes.fromhex(await connection.fetchval("SELECT pepper FROM issuing"))

    async def _put(self, text: str, values: tuple[str, ...], act: Act | None) -> bool:
        async with self.connected() as connection, connection.transaction():
            changed: bool = (await connection.execute(text, *values))[-1] == "1"
            if changed:
                await connection.execute("UPDATE issuing SET generation = generation + 1")
                await _chain(connection, [act] if act else [])
        return changed

    async def note(self, act: Act) -> Noted:
        async with self.connected() as connection, connection.transaction():
            [noted] = await _chain(connection, [act])
        return noted

    async def acts(self, after: int, limit: int) -> list[Noted]:
        text = f"SELECT {', '.join(books.ACTS)} FROM audit WHERE number > $1 ORDER BY number LIMIT $2"  # noqa: S608 - names of ours
        async with self.connected() as connection:
            return [books.noted(tuple(row)) for row in await connection.fetch(text, after, limit)]

    async def places(self, tenant: str) -> list[dict[str, Any]]:
        async with self.connected() as connection:
            rows = await connection.fetch(books.places_query("$1"), tenant)
        return [dict(zip(books.PLACES, tuple(row), strict=True)) for row in rows]

    async def close(self) -> None:
        await self._link.close()


def ours(statement: str) -> str:
    """A statement of the one schema, as PostgreSQL takes it."""
    return statement.replace(" INTEGER", " BIGINT").replace(" WITHOUT ROWID", "")


async def _driven(connection: Any, asking: Asking[_T]) -> _T:
    """Runs its statements, to its end."""
    try:
        text, values = next(asking)
        while True:
            text, values = asking.send([tuple(row) for row in await connection.fetch(text, *values)])
    except StopIteration as ended:
        found: _T = ended.value
        return found


async def _chain(connection: Any, acts: Sequence[Act]) -> list[Noted]:
    """Puts them at the end of the chain, in the transaction that is open."""
    if not acts:
        return []
    await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATING)
    last = await connection.fetchrow("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")
    number, before = (last[0], last[1]) if last else (0, START)
    found: list[Noted] = []
    for act in acts:
        found.append(noted := chained(act, number := number + 1, before))
        before = noted.hash
    await connection.copy_records_to_table("audit", records=[books.act_row(one) for one in found])
    return found
