"""What the books cost, and how much they take: `python -m bench.books`.

Three rows. What a request costs more where books are kept: CPU µs in all threads, for its row's whole way
from the recorder through the journal into the store, the two sides taking turns. How many rows a second one
process makes durable in the store. And, with `--report`, how long a report of a month takes over ten million
rows.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import uvloop

from bench.limits import SLICE, gateway, slice_us
from bench.turns import by_turns
from headgate.adapters.postgres import PostgresLedger
from headgate.adapters.sqlite import SqliteLedger
from headgate.adapters.system import SystemClock
from headgate.assemble import Gateway
from headgate.assemble.books import Books
from headgate.core.entry import Entry
from headgate.core.kind import DAY_US, Kind, packed
from headgate.core.report import Asked
from headgate.core.retention import Days
from headgate.core.rollup import SUMS, rolled
from headgate.ports.store import Store

POSTGRES = "postgresql://postgres@127.0.0.1:5432/test"
SCHEMA = "headgate_bench"
SLICES = 5
"""Of one side before the rows have to be in the store."""
TARGETS_US = {"sqlite": 15.0, "postgresql": 20.0}
TARGET_ROWS = 8_000
TARGET_REPORT_MS = 300.0
ROWS = 100_000
MILLIONS = 10
KEPT = Days(requests=90_000, usage=90_000, audit=90_000)
TENANTS, MODELS = 100, 12


def _ledger(kind: str, at: Path) -> Store:
    return SqliteLedger(at / "books.db") if kind == "sqlite" else PostgresLedger(POSTGRES, schema=SCHEMA)


async def stored(books: Books) -> None:
    clock = SystemClock()
    while books.waiting:
        await clock.sleep(0.01)


async def cost(kind: str, at: Path, rounds: int) -> None:
    """Rows follow their requests to the store within the slice that they are counted in."""
    plain, kept = gateway({}, 1), gateway({}, 1)
    books = Books(kind, _ledger(kind, at), at / "journal", SystemClock(), name="bench", days=KEPT)
    task = asyncio.create_task(books.run())
    kept._recorder.add(books)

    async def followed_us(one: Gateway) -> float:
        begun = time.process_time()
        for _ in range(SLICES):
            await slice_us(one)
        await stored(books)
        return (time.process_time() - begun) / (SLICES * SLICE) * 1e6

    base, added = await by_turns(plain, kept, followed_us, rounds)
    task.cancel()
    await books.close()
    low, middle, high = quantiles(added, n=4)
    verdict = "ok" if low <= TARGETS_US[kind] else f"over {TARGETS_US[kind]:g}"
    print(f"{kind}: +{low:.1f} µs a request ({middle:.1f}, {high:.1f}) on {median(base):.0f}: {verdict}")


def _rows(count: int, chance: random.Random) -> list[Entry]:
    return [
        Entry(
            packed(chance.choice(KINDS)),
            at_us=START_US + number,
            request_id=f"req_{chance.getrandbits(96):024x}",
            tags="",
            total_us=1_234_567,
            input=1234,
            output=321,
            cost_nano=765_000,
            attempts=1,
            first_byte_us=345_678,
            upstream_us=345_000,
        )
        for number in range(count)
    ]


async def throughput(kind: str, at: Path) -> None:
    """From the recorder's deque until the store has them, through the journal."""
    ledger = _ledger(kind, at)
    books = Books(kind, ledger, at / "fast", SystemClock(), name="fast", days=KEPT)
    rows, clock = _rows(ROWS, random.Random(1)), SystemClock()
    task = asyncio.create_task(books.run())
    begun = time.perf_counter()
    for number, row in enumerate(rows):
        books._journal.append(row)
        if number % 100 == 0:
            await clock.sleep(0.0)
    await stored(books)
    a_second = ROWS / (time.perf_counter() - begun)
    task.cancel()
    await books.close()
    print(f"{kind}: {a_second:,.0f} rows a second: {'ok' if a_second >= TARGET_ROWS else 'too few'}")


START_US = 1_793_016_000_000_000
"""The rows of a month begin here: 10 million of them, 259 µs apart, are 30 days."""
KINDS = [
    Kind(
        START_US // DAY_US,
        outcome="finished",
        operation="chat",
        tenant=f"tenant-{number % TENANTS}",
        key=f"key-{number % TENANTS}",
        tier="pro",
        requested="auto",
        intent="code",
        error="",
        model=f"model-{number % MODELS}",
        upstream_model="gpt-4o-mini-2026-07-18",
        served_model="gpt-4o-mini-2026-07-18",
        provider="openai",
        price="genai-prices 0.1 150000000/600000000/75000000/-/-",
        reuse="miss",
    )
    for number in range(TENANTS * MODELS)
]
KIND_OF = f"""
(:start + i * :step) / {DAY_US} * 300000 + (h % 50 = 0) * 150000 + h / 1000 % 12 * 1000
       + h / 100 % 5 * 100 + h % 100
"""
FILL = f"""
WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :until),
     r AS (SELECT i, (i * 2654435761) % 4294967296 AS h FROM n)
INSERT INTO entries
SELECT i, {KIND_OF}, :start + i * :step, 'req_' || i,
       CASE h / 7 % 4 WHEN 0 THEN 'team-' || (h / 11 % 6) ELSE '' END,
       1234567, 1000 + h % 999, 0, 0, 100 + h % 99, 0, 765000 + h % 9999, 0, 1, 0, 345678, 345000
FROM r
"""
KINDS_OF = """
INSERT INTO kinds
SELECT kind, kind / 300000, CASE kind / 150000 % 2 WHEN 1 THEN 'failed' ELSE 'finished' END, 'chat',
       'tenant-' || (kind % 100), 'key-' || (kind % 100) || '-' || (kind / 100 % 5), 'pro', 'auto', 'code',
       '', 1, 'model-' || (kind / 1000 % 12), 'upstream', 'served', 'provider-' || (kind / 1000 % 4), '1',
       'eu', 'list 3/15', 'miss'
FROM (SELECT DISTINCT kind FROM entries)
"""
ROLL = """
INSERT INTO sums
SELECT at_us / 86400000000, tenant, key_name, model, provider, {tag}, COUNT(*), SUM(outcome = 'failed'), 0,
       SUM(input), 0, 0, SUM(output), 0, SUM(cost_nano), 0, 0, 0, 0
FROM requests WHERE {where} GROUP BY 1, 2, 3, 4, 5, 6
"""


async def report(at: Path, millions: int) -> None:
    """Millions of single rows over a month, of 100 tenants with 5 keys each, 12 models and 4 providers, a
    quarter of them tagged; and the sums that the ledger would have kept of them, as `_agrees` checks."""
    file = at / "month.db"
    ledger = SqliteLedger(file)
    await ledger.mark("the schema")
    rows = millions * 1_000_000
    step_us = 30 * DAY_US // rows
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for first in range(0, rows, 500_000):
            places = {"first": first, "until": first + 500_000, "start": START_US, "step": step_us}
            connection.execute(FILL, places)
        connection.execute(KINDS_OF)
        connection.execute(ROLL.format(tag="''", where="true"))
        connection.execute(ROLL.format(tag="tags", where="tags <> ''"))
        (sums,) = connection.execute("SELECT COUNT(*) FROM sums").fetchone()
    await _agrees(ledger, rows)
    day = START_US // DAY_US
    asked = Asked(group_by=("tenant", "model"), since=day, until=day + 31)
    found, took = await ledger.usage(asked), []
    spent = time.process_time()
    for _ in range(9):
        begun = time.perf_counter()
        await ledger.usage(asked)
        took.append((time.perf_counter() - begun) * 1e3)
    cpu_ms = (time.process_time() - spent) / 9 * 1e3
    await ledger.close()
    verdict = "ok" if median(took) <= TARGET_REPORT_MS else f"over {TARGET_REPORT_MS:g}"
    print(
        f"month by tenant and model, {len(found)} lines, of {sums:,} sums of {rows:,} rows:"
        f" {median(took):.0f} ms ({min(took):.0f} to {max(took):.0f}; {cpu_ms:.0f} ms of CPU): {verdict}"
    )


async def _agrees(ledger: SqliteLedger, rows: int) -> None:
    """What was filled in is what the ledger reads: as many requests, and a row's own sums by `rolled`."""
    [total] = await ledger.usage(Asked())
    assert total["requests"] == rows, total
    day = START_US // DAY_US
    one = {"tenant": "tenant-7", "key": "key-7-0"}
    told = await ledger.usage(Asked(since=day, until=day + 1, group_by=("model", "provider"), **one))
    single: list[Entry] = []
    after = 0
    while page := await ledger.requests(after, 100_000, one):
        single += [_entry(row) for row in page if row["at_us"] // DAY_US == day]
        after = page[-1]["id"]
    want = {
        (model, provider): (sums[0], sums[1], sums[SUMS.index("cost_nano")])
        for (_, _, _, model, provider, tag), sums in rolled(single).items()
        if not tag
    }
    have = {
        (row["model"], row["provider"]): (row["requests"], row["failed"], row["cost_nano"]) for row in told
    }
    assert have == want, (have, want)


def _entry(row: dict[str, Any]) -> Entry:
    names = ("outcome", "operation", "tenant", "key", "tier", "requested", "intent", "error")
    served = {name: row[name] for name in ("model", "provider")}
    kind = Kind(row["at_us"] // DAY_US, *(row[name] for name in names), **served)
    return Entry(packed(kind), row["at_us"], "", row["tags"], 1, cost_nano=row["cost_nano"])


async def dropped() -> None:
    import asyncpg

    connection = await asyncpg.connect(POSTGRES)
    await connection.execute(f'DROP SCHEMA IF EXISTS "{SCHEMA}" CASCADE')
    await connection.close()


async def main(options: argparse.Namespace) -> None:
    for kind in [] if options.only_report else options.store or ["sqlite"]:
        with tempfile.TemporaryDirectory(prefix="bench-books-") as folder:
            await cost(kind, Path(folder), options.rounds)
            await throughput(kind, Path(folder))
            if kind != "sqlite":
                await dropped()
    if options.report or options.only_report:
        with tempfile.TemporaryDirectory(prefix="bench-books-") as folder:
            await report(Path(folder), options.millions)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.books", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--store", action="append", choices=list(TARGETS_US), help="may be repeated")
    parser.add_argument("--report", action="store_true", help="the report over a month's rows too")
    parser.add_argument("--millions", type=int, default=MILLIONS, help="of them; 10 take a minute or two")
    parser.add_argument("--only-report", action="store_true", help="that alone")
    uvloop.run(main(parser.parse_args()))
