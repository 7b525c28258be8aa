"""`ports.Store` in a SQLite file: for one host, all of whose workers write to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from headgate.adapters import books
from headgate.adapters.books.retention import Asking, forgetting
from headgate.adapters.sqlite.aside import Aside, transaction, write_ahead
from headgate.core.audit import START, Act, Noted, chained
from headgate.core.captured import Captured
from headgate.core.issued import NOBODY, Issued, Snapshot, Terms
from headgate.core.journaled import Row
from headgate.core.report import Asked
from headgate.core.retention import Old
from headgate.core.rollup import SUMS, rolled
from headgate.ports.ledger import LedgerGone, RowRefused

PATIENCE_S = 5.0
"""How long to wait for the others to let go of the file."""

_T = TypeVar("_T")


def _places(count: int) -> str:
    return ", ".join("?" * count)


_ADD = ", ".join(f"{name} = {name} + excluded.{name}" for name in SUMS)
_INSERT = f"INSERT INTO entries ({', '.join(books.ENTRIES)}) VALUES ({_places(len(books.ENTRIES))})"  # noqa: S608 - names of ours
TOGETHER = 999 // len(books.ENTRIES)
"""Rows that one statement writes: a step of SQLite's lets go of the interpreter, and has to get it back. As
many as the oldest SQLite has places for."""
_INSERT_MANY = _INSERT + f", ({_places(len(books.ENTRIES))})" * (TOGETHER - 1)
_KIND = f"INSERT INTO kinds ({', '.join(books.KINDS)}) VALUES ({_places(len(books.KINDS))})"  # noqa: S608 - names of ours
_ATTEMPT = f"INSERT INTO other_attempts VALUES ({_places(len(books.ATTEMPTS))})"  # noqa: S608 - names of ours
_SUM = f"INSERT INTO sums VALUES ({_places(len(books.ROLLED))}) ON CONFLICT DO UPDATE SET {_ADD}"  # noqa: S608 - names of ours
_CAPTURE = f"INSERT INTO captures VALUES ({_places(len(books.CAPTURES))})"  # noqa: S608 - names of ours
_ACT = f"INSERT INTO audit VALUES ({_places(len(books.ACTS))})"  # noqa: S608 - names of ours
_UNFIT = (sqlite3.DataError, sqlite3.IntegrityError, OverflowError, UnicodeError)
"""What a row may be that no table has room for."""


class SqliteLedger:
    """Write-ahead log, synced at every commit; in a thread of its own, because a disk may make one wait."""

    def __init__(self, file: Path) -> None:
        self._kinds = books.Kinds()
        self._aside = Aside(partial(opened, file), name="ledger", gone=LedgerGone)

    async def append(self, journal: str, first: int, rows: Sequence[Row]) -> int:
        def work(connection: sqlite3.Connection) -> int:
            try:
                return self._append(connection, journal, first, rows)
            except _UNFIT as error:
                raise RowRefused(type(error).__name__) from error

        return await self._aside.do(work)

    def _append(self, connection: sqlite3.Connection, journal: str, first: int, rows: Sequence[Row]) -> int:
        with transaction(connection):
            number, wanted = _journal(connection, journal)
            new = rows[max(0, wanted - first) :]
            if not new:
                return 0
            found = books.sorted_out((number << books.JOURNAL_BITS) + max(first, wanted), new)
            values, kinds = self._kinds.values(found)
            connection.executemany(_KIND, books.kind_rows(kinds))
            _insert(connection, values)
            connection.executemany(_ATTEMPT, books.attempt_rows(found))
            connection.executemany(_CAPTURE, found.captures)
            _chain(connection, found.acts)
            sums = rolled(found.entries)
            connection.executemany(_SUM, [(*bucket, *numbers) for bucket, numbers in sums.items()])
            mark = first + len(rows)
            connection.execute("UPDATE journals SET next = ? WHERE number = ?", (mark, number))
        self._kinds.are(kinds)  # only now can others read them too
        return len(new)

    async def mark(self, journal: str) -> int:
        def work(connection: sqlite3.Connection) -> int:
            row = connection.execute("SELECT next FROM journals WHERE name = ?", (journal,)).fetchone()
            return int(row[0]) if row else 0

        return await self._aside.do(work)

    async def usage(self, asked: Asked) -> list[dict[str, Any]]:
        text, values = books.usage_query(asked, "?")
        rows = await self._aside.do(lambda connection: connection.execute(text, values).fetchall())
        return [books.usage_row(asked, row) for row in rows]

    async def requests(self, after: int, limit: int, only: Mapping[str, str]) -> list[dict[str, Any]]:
        text, values = books.requests_query(after, limit, only, "?")

        def work(connection: sqlite3.Connection) -> list[dict[str, Any]]:
            rows = connection.execute(text, values).fetchall()
            ids = [row[0] for row in rows]
            others = connection.execute(books.attempts_query(ids, "?"), ids).fetchall()
            return books.request_documents(rows, others)

        return await self._aside.do(work)

    async def paid(self, of: str, names: Sequence[str], since_us: int, until_us: int) -> int:
        text, values = books.paid_query(of, len(names), "?%d"), (since_us, until_us, *names)
        found: int = await self._aside.do(lambda connection: connection.execute(text, values).fetchone()[0])
        return found

    async def captured(self, request_id: str) -> list[Captured]:
        text = books.captured_query("?")
        rows = await self._aside.do(lambda connection: connection.execute(text, (request_id,)).fetchall())
        return [books.captured(row) for row in rows]

    async def forget(self, old: Old, *, at_most: int) -> int:
        def work(connection: sqlite3.Connection) -> int:
            with transaction(connection):
                most, acts = _driven(connection, forgetting(old, at_most, "?"))
                _chain(connection, acts)
            return most

        return await self._aside.do(work)

    async def snapshot(self, known: int) -> Snapshot | None:
        def work(connection: sqlite3.Connection) -> Snapshot | None:
            with transaction(connection, "DEFERRED"):
                row = connection.execute("SELECT generation, pepper FROM issuing").fetchone()
                if row is None:
                    return None if known == NOBODY.generation else NOBODY
                if row[0] == known:
                    return None
                documents = [one for (one,) in connection.execute("SELECT document FROM issued_keys")]
                terms = [one for (one,) in connection.execute("SELECT document FROM terms")]
            return books.issued_snapshot(row[0], row[1], documents, terms)

        return await self._aside.do(work)

    async def add(self, key: Issued, act: Act | None = None) -> bool:
        return await self._put(
            "INSERT INTO issued_keys (name, document) VALUES (?, ?) ON CONFLICT DO NOTHING",
            (key.name, books.issued_document(key)),
            act,
        )

    async def change(self, key: Issued, act: Act | None = None) -> bool:
        return await self._put(
            "UPDATE issued_keys SET document = ?2 WHERE name = ?1",
            (key.name, books.issued_document(key)),
            act,
        )

    async def agree(self, terms: Terms, act: Act | None = None) -> bool:
        of = (terms.kind, terms.name)
        if terms.empty:
            return await self._put("DELETE FROM terms WHERE kind = ? AND name = ?", of, act)
        text = "INSERT INTO terms VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET document = excluded.document"
        return await self._put(text, (*of, books.issued_document(terms)), act)

    async def pepper(self, fresh: bytes) -> bytes:
        def work(connection: sqlite3.Connection) -> bytes:
            with transaction(connection):
                connection.execute(
                    "INSERT INTO issuing SELECT 0, ? WHERE NOT EXISTS (SELECT 1 FROM issuing)", (fresh.hex(),)
                )
                (found,) = connection.execute("SELECT pepper FROM issuing").fetchone()
            return bytes.fromhex(found)

        return await self._aside.do(work)

    async def _put(self, text: str, values: tuple[str, ...], act: Act | None) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            with transaction(connection):
                changed = connection.execute(text, values).rowcount == 1
                if changed:
                    connection.execute("UPDATE issuing SET generation = generation + 1")
                    _chain(connection, [act] if act else [])
            return changed

        return await self._aside.do(work)

    async def note(self, act: Act) -> Noted:
        def work(connection: sqlite3.Connection) -> Noted:
            with transaction(connection):
                [noted] = _chain(connection, [act])
            return noted

        return await self._aside.do(work)

    async def acts(self, after: int, limit: int) -> list[Noted]:
        text = f"SELECT {', '.join(books.ACTS)} FROM audit WHERE number > ? ORDER BY number LIMIT ?"  # noqa: S608 - names of ours
        rows = await self._aside.do(lambda connection: connection.execute(text, (after, limit)).fetchall())
        return [books.noted(row) for row in rows]

    async def places(self, tenant: str) -> list[dict[str, Any]]:
        text = books.places_query("?1")
        rows = await self._aside.do(lambda connection: connection.execute(text, (tenant,)).fetchall())
        return [dict(zip(books.PLACES, row, strict=True)) for row in rows]

    async def close(self) -> None:
        await self._aside.close()


def _driven(connection: sqlite3.Connection, asking: Asking[_T]) -> _T:
    """Runs its statements, to its end."""
    try:
        text, values = next(asking)
        while True:
            text, values = asking.send(connection.execute(text, values).fetchall())
    except StopIteration as ended:
        found: _T = ended.value
        return found


def _chain(connection: sqlite3.Connection, acts: Sequence[Act]) -> list[Noted]:
    """Puts them at the end of the chain, in the transaction that is open."""
    if not acts:
        return []
    last = connection.execute("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")
    number, before = last.fetchone() or (0, START)
    found: list[Noted] = []
    for act in acts:
        found.append(noted := chained(act, number := number + 1, before))
        before = noted.hash
    connection.executemany(_ACT, [books.act_row(one) for one in found])
    return found


def _journal(connection: sqlite3.Connection, name: str) -> tuple[int, int]:
    """A journal's number, and which of its rows is wanted next."""
    find = "SELECT number, next FROM journals WHERE name = ?"
    found = connection.execute(find, (name,)).fetchone()
    if found is None:
        add = "INSERT INTO journals SELECT ?, COALESCE(MAX(number), 0) + 1, 0 FROM journals"
        connection.execute(add, (name,))
        found = connection.execute(find, (name,)).fetchone()
    number, wanted = found
    return number, wanted


def _insert(connection: sqlite3.Connection, values: list[Any]) -> None:
    """`Kinds.values`."""
    many = TOGETHER * books.WIDTH
    rest = len(values) - len(values) % many
    for start in range(0, rest, many):
        connection.execute(_INSERT_MANY, values[start : start + many])
    for start in range(rest, len(values), books.WIDTH):
        connection.execute(_INSERT, values[start : start + books.WIDTH])


def opened(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    connection = sqlite3.connect(file, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False)
    try:
        write_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA threads = 2")  # sorting for a report: a quarter less time
        _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    """Brings the schema up to date; who comes second finds it done."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == len(books.MIGRATIONS):
        return
    with transaction(connection):
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(books.MIGRATIONS):
            raise sqlite3.DatabaseError("the file was written by a newer version of Headgate")
        for script in books.MIGRATIONS[version:]:
            for statement in books.statements(script):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(books.MIGRATIONS)}")
