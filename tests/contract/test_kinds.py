"""What rows have in common is in the store once; whoever reads a row sees nothing of that."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from booked import FAILED, NOON_US, POSTGRES, Make, entry, run, schema, shown
from headgate.adapters import books
from headgate.adapters.postgres import PostgresLedger
from headgate.adapters.postgres.ledger import ours
from headgate.adapters.sqlite import SqliteLedger
from headgate.core.entry import COLUMNS
from headgate.core.kind import DAY_US
from headgate.core.report import Asked
from headgate.core.retention import Old
from headgate.ports.store import Store

MIXED = [
    entry(
        at_us=NOON_US + number,
        request_id=f"r{number}",
        tenant=f"t{number % 3}",
        model=f"m{number % 2}",
        tags=f"tag-{number}",
        input=number,
        others=(FAILED,) * (number % 2),
    )
    for number in range(12)
]


def old(rows_before_us: int) -> Old:
    return Old(now_us=NOON_US, rows_before_us=rows_before_us, sums_before_day=0, acts_before_us=0)


def told(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Oldest first."""
    names = [name for name in COLUMNS if name != "flags"]
    return [tuple(one[name] for name in names) for one in reversed(rows)]


def as_made(rows: list[Any]) -> list[tuple[Any, ...]]:
    return [tuple(getattr(shown(one), name) for name in COLUMNS if name != "flags") for one in rows]


async def counted(store: Store, table: str) -> int:
    text = f"SELECT COUNT(*) FROM {table}"
    if isinstance(store, PostgresLedger):
        async with store.connected() as connection:
            return int(await connection.fetchval(text))
    assert isinstance(store, SqliteLedger)
    found: int = await store._aside.do(lambda connection: connection.execute(text).fetchone()[0])
    return found


def test_a_kind_is_written_once_however_its_rows_come(make: Make) -> None:
    async def story(store: Store) -> Any:
        for first in range(0, 12, 4):
            await store.append("j", first, MIXED[first : first + 4])
        await store.append("k", 0, MIXED)
        return await counted(store, "kinds"), await store.requests(0, 100, {"tenant": "t1", "model": "m1"})

    kinds, rows = run(make, story)
    assert kinds == 6
    assert [one["request_id"] for one in rows] == ["r7", "r7", "r1", "r1"]


def test_another_process_has_kinds_of_its_own(make: Make) -> None:
    async def story(store: Store) -> Any:
        other = make()
        await store.append("j", 0, MIXED)
        await other.append("k", 0, MIXED)
        await other.close()
        return await store.requests(0, 100, {})

    assert told(run(make, story)) == sorted(as_made(MIXED + MIXED))


def test_more_kinds_than_anybody_keeps_in_mind(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "MOST", 2)

    async def story(store: Store) -> Any:
        for first in range(12):
            await store.append("j", first, MIXED[first : first + 1])
        return await store.requests(0, 100, {})

    assert told(run(make, story)) == as_made(MIXED)


def test_a_batch_that_fails_leaves_no_kind_behind(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the store, and nobody believes so."""

    async def story(store: Store) -> Any:
        await store.mark("the schema")
        with monkeypatch.context() as broken:
            for where in (SqliteLedger, PostgresLedger):
                broken.setattr(f"{where.__module__}.rolled", _raises)
            with pytest.raises(ZeroDivisionError):
                await store.append("j", 0, MIXED)
        nothing = await counted(store, "kinds")
        await store.append("j", 0, MIXED)
        return nothing, await store.requests(0, 100, {})

    nothing, rows = run(make, story)
    assert nothing == 0
    assert told(rows) == as_made(MIXED)


def _raises(rows: Any) -> Any:
    raise ZeroDivisionError(rows)


def test_kinds_go_with_the_last_row_of_their_day(make: Make) -> None:
    days = [entry(at_us=NOON_US + day * DAY_US) for day in range(3)]
    midnight = NOON_US // DAY_US * DAY_US

    async def story(store: Store) -> Any:
        await store.append("j", 0, days)
        left = []
        for before_us in (NOON_US + 1, midnight + DAY_US, midnight + 2 * DAY_US):
            await store.forget(old(before_us), at_most=9)
            left.append((await counted(store, "entries"), await counted(store, "kinds")))
        await store.append("j", 3, days[2:])
        return left, await store.requests(0, 9, {})

    left, rows = run(make, story)
    assert left == [(2, 3), (2, 2), (1, 1)]
    assert told(rows) == as_made([days[2], days[2]])


# ── a store of the version before ──

BEFORE = books.MIGRATIONS[:8]
PRICES = "INSERT INTO prices VALUES (1, 'config 3/15/-/-/-'), (2, 'list')"
FORMER = (
    "INSERT INTO requests (id, at_us, request_id, outcome, operation, tenant, key_name, tier, requested,"
    " intent, tags, total_us, error, flags, model, upstream_model, served_model, provider, provider_key,"
    " region, input, cache_read, cache_write, output, reasoning, cost_nano, saved_nano, price, reuse,"
    " attempts, queue_us, first_byte_us, upstream_us) VALUES ({values})"
)
OTHER = (
    "INSERT INTO other_attempts VALUES ({id}, 1, 'bad', 'x', 'x-1', '1', 'eu', 'UpstreamUnavailable', 503,"
    " 0, 0, 0, 0, 0, 0, NULL, 0), ({id}, 2, 'weak', 'w', 'w-1', '2', 'eu', '', 200, 1, 0, 0, 1, 0, 7, 2, 0)"
)


def former() -> list[str]:
    """Statements that fill it with `MIXED`, as it was done then."""
    found = ["INSERT INTO journals VALUES ('j', 1, 12)", PRICES]
    for id_, one in enumerate(MIXED, start=1 << books.JOURNAL_BITS):
        row = {**vars(shown(one)), "id": id_, "price": 1, "key_name": "k"}
        names = FORMER.partition("(")[2].partition(")")[0].split(", ")
        values = ", ".join(repr(row[name.strip()]) for name in names)
        found.append(FORMER.format(values=values))
        if one.others:
            found.append(OTHER.format(id=id_))
    return found


async def _reads(store: Store) -> None:
    rows = await store.requests(0, 100, {})
    assert told(rows) == as_made(MIXED)
    others = [one["other_attempts"] for one in reversed(rows)]
    assert [[call["price"] for call in calls] for calls in others] == [[], ["", "list"]] * 6
    assert [one["id"] for one in reversed(rows)] == [(1 << books.JOURNAL_BITS) + n for n in range(12)]
    assert await counted(store, "kinds") == 6
    assert await store.append("j", 11, MIXED[-1:] * 2) == 1
    assert (await store.requests(0, 1, {}))[0]["request_id"] == "r11"
    [sums] = await store.usage(Asked())
    assert sums["requests"] == 1  # the sums of the others were not filled in


def test_a_file_of_the_version_before_is_brought_up_to_date(tmp_path: Path) -> None:
    file = tmp_path / "books.db"
    connection = sqlite3.connect(file, isolation_level=None)
    for text in [*(one for script in BEFORE for one in books.statements(script)), *former()]:
        connection.execute(text)
    connection.execute(f"PRAGMA user_version = {len(BEFORE)}")
    connection.close()
    run(lambda: SqliteLedger(file), _reads)


def test_a_schema_of_the_version_before_is_brought_up_to_date() -> None:
    async def fill(name: str) -> None:
        connection = await asyncpg.connect(POSTGRES)
        await connection.execute(f'CREATE SCHEMA "{name}"')
        await connection.execute(f'SET search_path = "{name}"')
        await connection.execute(f"CREATE TABLE version AS SELECT {len(BEFORE)}::bigint AS number")
        for text in [*(one for script in BEFORE for one in books.statements(script)), *former()]:
            await connection.execute(ours(text))
        await connection.close()

    with schema() as name:
        asyncio.run(fill(name))
        run(lambda: PostgresLedger(POSTGRES, schema=name), _reads)
