"""What the books cost, and how much they take: `python -m bench.books`.

Three rows. What a request costs more where books are kept: CPU µs in all threads, for its row's whole way
from the recorder through the journal into the store, the two sides taking turns. How many rows a second one
process makes durable in the store. And, with `--report`, how long a report of a month takes over the sums of
ten million requests.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

import uvloop

from bench.limits import SLICE, gateway, slice_us
from headgate.adapters.postgres import PostgresLedger
from headgate.adapters.sqlite import SqliteLedger
from headgate.adapters.system import SystemClock
from headgate.assemble.books import Books
from headgate.core.entry import Entry
from headgate.core.report import Asked
from headgate.core.retention import Days
from headgate.ports.store import Store

POSTGRES = "postgresql://postgres@127.0.0.1:5432/test"
SCHEMA = "headgate_bench"
TARGETS_US = {"sqlite": 15.0, "postgresql": 20.0}
TARGET_ROWS = 8_000
TARGET_REPORT_MS = 300.0
ROWS = 100_000
MILLIONS = 10
KEPT = Days(requests=90_000, usage=90_000, audit=90_000)
DAYS, TENANTS, MODELS = 365, 100, 12


def _ledger(kind: str, at: Path) -> Store:
    return SqliteLedger(at / "books.db") if kind == "sqlite" else PostgresLedger(POSTGRES, schema=SCHEMA)


async def _stored(books: Books) -> None:
    clock = SystemClock()
    while books.waiting:
        await clock.sleep(0.01)


async def cost(kind: str, at: Path, rounds: int) -> None:
    """Rows follow their requests to the store within the slice that they are counted in."""
    plain, kept = gateway({}, 1), gateway({}, 1)
    books = Books(kind, _ledger(kind, at), at / "journal", SystemClock(), name="bench", days=KEPT)
    task = asyncio.create_task(books.run())
    kept._recorder.add(books)
    base, added = [], []
    for turn in range(rounds + 5):
        gc.collect()
        found = {}
        for one in (plain, kept) if turn % 2 else (kept, plain):
            begun = time.process_time()
            for _ in range(5):
                await slice_us(one)
            await _stored(books)
            found[id(one)] = (time.process_time() - begun) / (5 * SLICE) * 1e6
        if turn >= 5:
            base.append(found[id(plain)])
            added.append(found[id(kept)] - found[id(plain)])
    task.cancel()
    await books.close()
    low, middle, high = quantiles(added, n=4)
    verdict = "ok" if low <= TARGETS_US[kind] else f"over {TARGETS_US[kind]:g}"
    print(f"{kind}: +{low:.1f} µs a request ({middle:.1f}, {high:.1f}) on {median(base):.0f}: {verdict}")


def _rows(count: int, chance: random.Random) -> list[Entry]:
    return [
        Entry(
            at_us=1_793_016_000_000_000 + number,
            request_id=f"req_{chance.getrandbits(96):024x}",
            outcome="finished",
            operation="chat",
            tenant=f"tenant-{chance.randrange(TENANTS)}",
            key=f"key-{chance.randrange(TENANTS)}",
            tier="pro",
            requested="auto",
            intent="code",
            tags="",
            total_us=1_234_567,
            error="",
            model=f"model-{chance.randrange(MODELS)}",
            upstream_model="gpt-4o-mini-2026-07-18",
            served_model="gpt-4o-mini-2026-07-18",
            provider="openai",
            input=1234,
            output=321,
            cost_nano=765_000,
            price="genai-prices 0.1 150000000/600000000/75000000/-/-",
            reuse="miss",
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
    await _stored(books)
    a_second = ROWS / (time.perf_counter() - begun)
    task.cancel()
    await books.close()
    print(f"{kind}: {a_second:,.0f} rows a second: {'ok' if a_second >= TARGET_ROWS else 'too few'}")


async def report(at: Path) -> None:
    """The sums that so many requests leave: each tenant's key uses every model every day."""
    ledger = SqliteLedger(at / "year.db")
    each = MILLIONS * 1_000_000 // (DAYS * TENANTS * MODELS)
    first = 0
    for day in range(DAYS):
        rows = [
            Entry(
                at_us=(20_000 + day) * 86_400_000_000,
                request_id="r",
                outcome="finished",
                operation="chat",
                tenant=f"tenant-{tenant}",
                key=f"key-{tenant}",
                tier="",
                requested="auto",
                intent="",
                tags="",
                total_us=1,
                error="",
                model=f"model-{model}",
                provider="openai",
                cost_nano=each * 765_000,
            )
            for tenant in range(TENANTS)
            for model in range(MODELS)
        ]
        await ledger.append("year", first, rows)
        first += len(rows)
    asked = Asked(group_by=("tenant", "model"), since=20_300, until=20_330)
    found, took = await ledger.usage(asked), []
    for _ in range(5):
        begun = time.perf_counter()
        await ledger.usage(asked)
        took.append((time.perf_counter() - begun) * 1e3)
    await ledger.close()
    verdict = "ok" if median(took) <= TARGET_REPORT_MS else f"over {TARGET_REPORT_MS:g}"
    print(
        f"month by tenant and model, {len(found)} lines, of {first:,} sums: {median(took):.0f} ms: {verdict}"
    )


async def _dropped() -> None:
    import asyncpg

    connection = await asyncpg.connect(POSTGRES)
    await connection.execute(f'DROP SCHEMA IF EXISTS "{SCHEMA}" CASCADE')
    await connection.close()


async def main(options: argparse.Namespace) -> None:
    for kind in options.store or ["sqlite"]:
        with tempfile.TemporaryDirectory(prefix="bench-books-") as folder:
            await cost(kind, Path(folder), options.rounds)
            await throughput(kind, Path(folder))
            if kind != "sqlite":
                await _dropped()
    if options.report:
        with tempfile.TemporaryDirectory(prefix="bench-books-") as folder:
            await report(Path(folder))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.books", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--store", action="append", choices=list(TARGETS_US), help="may be repeated")
    parser.add_argument("--report", action="store_true", help="the report too")
    uvloop.run(main(parser.parse_args()))
