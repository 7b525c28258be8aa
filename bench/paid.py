"""What all the books cost a request together: `python -m bench.paid`.

Two gateways in one process. Of one everybody may ask anything and nothing is written down; of the other a
caller's key is checked, its limits (`rpm`, `tpm`, a day's requests) and its budget have room, and its row
goes all the way into the store. Requests go through the assembled service one at a time, the two taking
turns in short slices, as in `bench.limits`; CPU of all threads counts. Judged is the lower quartile of the
differences: noise on a shared machine only ever adds.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import uvloop

from bench.books import KEPT, POSTGRES, SCHEMA, SLICES, TARGETS_US, dropped, stored
from bench.limits import BODY, SLICE, gateway
from bench.turns import answered, by_turns
from headgate.adapters.postgres import PostgresAccounts, PostgresLedger
from headgate.adapters.sqlite import SqliteAccounts, SqliteLedger
from headgate.adapters.system import SystemClock
from headgate.assemble import Gateway
from headgate.assemble.bank import Bank
from headgate.assemble.books import Books

KEY = "caller-key-bench-0001"
HEADERS = {b"authorization": b"Bearer " + KEY.encode()}
PRICED = {"models": {"m": {"provider": "p", "price": {"input": 2.5, "output": 10}}}}
ALL: dict[str, Any] = PRICED | {
    "server": {"auth": "required", "log": "off"},
    "tiers": {"pro": {"requests_per_day": 100_000_000}},
    "keys": [
        {
            "name": "bench",
            "key": KEY,
            "tier": "pro",
            "rpm": 100_000_000,
            "tpm": 1_000_000_000,
            "budget": {"usd": 1_000_000, "per": "month"},
        }
    ],
}


async def compare(kind: str, at: Path, rounds: int) -> None:
    clock = SystemClock()
    sqlite = kind == "sqlite"
    ledger = SqliteLedger(at / "books.db") if sqlite else PostgresLedger(POSTGRES, schema=SCHEMA)
    books = Books(kind, ledger, at / "journal", clock, name="bench", days=KEPT)
    accounts = SqliteAccounts(at / "books.db", clock) if sqlite else PostgresAccounts(POSTGRES, schema=SCHEMA)
    bank = Bank(kind, accounts, clock, name="bench", folder=at / "spent")
    plain, kept = gateway({}, 1, PRICED), gateway({}, 1, ALL, bank=bank)
    kept._recorder.add(books)
    tasks = [asyncio.create_task(books.run()), asyncio.create_task(bank.run())]

    async def slice_us(one: Gateway) -> float:
        """To where the rows are in the store."""
        door = one.house.front.door
        begun = time.process_time()
        for _ in range(SLICES * SLICE):
            await answered(one, BODY, door.admit(HEADERS))
        await stored(books)
        return (time.process_time() - begun) / (SLICES * SLICE) * 1e6

    base, added = await by_turns(plain, kept, slice_us, rounds)
    for task in tasks:
        task.cancel()
    await bank.close()
    await books.close()
    low, middle, high = quantiles(added, n=4)
    verdict = "ok" if low <= TARGETS_US[kind] else f"over {TARGETS_US[kind]:g}"
    what = "key check, quota, budget and ledger"
    print(f"{kind}: {what}: +{low:.1f} µs ({middle:.1f}, {high:.1f}) on {median(base):.0f}: {verdict}")


async def main(options: argparse.Namespace) -> None:
    for kind in options.store or ["sqlite"]:
        with tempfile.TemporaryDirectory(prefix="bench-paid-") as folder:
            await compare(kind, Path(folder), options.rounds)
            if kind != "sqlite":
                await dropped()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--store", action="append", choices=sorted(TARGETS_US))
    uvloop.run(main(parser.parse_args()))
