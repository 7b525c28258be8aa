"""What budgets cost a request when there is room: `python -m bench.budgets`.

Two gateways in one process, the same but that one has a bank, and callers budgets that are far from spent.
Requests go through the assembled service one at a time, the two taking turns in short slices, as in
`bench.limits`. Judged is the lower quartile of the differences, in CPU µs a request: noise on a shared
machine only ever adds. What is done beside the requests, some five messages a second, is not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import uvloop

from bench.limits import gateway, slice_us
from bench.turns import by_turns
from headgate.adapters.sqlite import SqliteAccounts
from headgate.adapters.system import SystemClock
from headgate.assemble import Gateway
from headgate.assemble.bank import Bank

TARGET_US = 2.0
ROOM = {"usd": 1_000_000, "per": "month"}
SIZES: dict[str, dict[str, Any]] = {
    "a bank, and no budget": {},
    "one budget, of the key": {"keys": [{"name": "bench", "key": "caller-key-bench-0001", "budget": ROOM}]},
    "three, of key, tenant and model": {
        "keys": [{"name": "bench", "key": "caller-key-bench-0001", "tenant": "t", "budget": ROOM}],
        "tenants": {"t": {"budget": [ROOM, {"usd": 1_000_000, "per": "day"}]}},
    },
}


async def compare(more: dict[str, Any], bank: Bank, rounds: int) -> tuple[float, list[float]]:
    """CPU µs a request without budgets, and what they add, round by round."""
    priced = {"models": {"m": {"provider": "p", "price": {"input": 2.5, "output": 10}}}}
    plain, kept = gateway({}, 1, priced), gateway({}, 1, priced | more, bank=bank)

    async def noted_us(one: Gateway) -> float:
        cost = await slice_us(one)
        await asyncio.sleep(0.01)  # what is spent is written down beside it
        return cost

    base, added = await by_turns(plain, kept, noted_us, rounds)
    _check(kept, bank)
    return median(base), added


def _check(kept: Gateway, bank: Bank) -> None:
    """They were counted."""
    assert all(slot.purse.total > 0 for slot in bank.slots.values()), kept.settings


async def main(rounds: int) -> None:
    clock = SystemClock()
    for name, more in SIZES.items():
        with tempfile.TemporaryDirectory() as folder:
            accounts = SqliteAccounts(Path(folder) / "books.db", clock)
            bank = Bank("sqlite", accounts, clock, name="bench", folder=Path(folder) / "spent")
            running = asyncio.create_task(bank.run())
            base, added = await compare(more, bank, rounds)
            running.cancel()
            await bank.close()
        low, middle, high = quantiles(added, n=4)
        verdict = "ok" if low <= TARGET_US else f"over {TARGET_US:g}"
        print(f"{name}: +{low:.1f} µs ({middle:.1f}, {high:.1f}) on {base:.0f}: {verdict}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    uvloop.run(main(parser.parse_args().rounds))
