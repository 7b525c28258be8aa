"""Keys that were made at run time, as a generation takes them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import Any, cast

import msgspec
import pytest
from msgspec.structs import replace

from headgate.adapters.sqlite import SqliteLedger
from headgate.adapters.system import SystemClock
from headgate.assemble import Gateway, Machine
from headgate.assemble.issued import IssuedKeys
from headgate.assemble.terms import Agreed
from headgate.config.validate import settings
from headgate.core.issued import Issued, Snapshot, Terms

KEYS = tuple(
    Issued(name=name, tenant="t", digest=name.encode(), hint="", created_at=0.0, budgets=((5, "day"),))
    for name in ("a", "b", "c")
)


def test_only_what_has_changed_is_made_anew(tmp_path: Path) -> None:
    found = IssuedKeys(SqliteLedger(tmp_path / "books.db"), tmp_path / "snapshot", cast(Any, None))
    assert list(found.keys()) == []
    found.snapshot = Snapshot(1, b"", KEYS)
    before = found.keys()
    assert [(key.name, key.budget[0].nano, one) for key, one in before] == [
        (one.name, 5, one) for one in KEYS
    ]
    assert found.keys() is before
    found.snapshot = Snapshot(2, b"", (KEYS[0], replace(KEYS[1], rpm=7), KEYS[2]))
    after = found.keys()
    assert [key is known for (key, _), (known, _) in zip(after, before, strict=True)] == [True, False, True]
    assert [key.rpm for key, _ in after] == [None, 7, None]


def names(found: IssuedKeys) -> list[str]:
    return [one.name for one in found.snapshot.keys]


def test_a_store_that_is_another_is_believed_though_it_counts_as_many_changes(tmp_path: Path) -> None:
    """A process starts with what it saw last; the store has been made anew since, or is an earlier one."""

    async def story() -> list[list[str]]:
        file, seen = tmp_path / "snapshot", []
        for store, members in (("one", KEYS[:2]), ("other", KEYS[1:]), ("none", ())):
            ledger = SqliteLedger(tmp_path / f"{store}.db")
            if members:
                await ledger.pepper(store.encode().ljust(32))
            for key in members:
                assert await ledger.add(key)
            found = IssuedKeys(ledger, file, SystemClock())
            await found.start()
            seen.append(names(found))
            assert msgspec.msgpack.decode(file.read_bytes(), type=Snapshot) == found.snapshot
            await found.close()
        return seen

    assert asyncio.run(story()) == [["a", "b"], ["b", "c"], []]


def test_a_time_zone_that_is_not_known_here_keeps_nobody_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Another machine, with newer zones, has let it in."""
    found = IssuedKeys(SqliteLedger(tmp_path / "books.db"), tmp_path / "snapshot", cast(Any, None))
    terms = Terms(kind="tenant", name="t", budgets=((5, "day"),), time_zone="Mars/Olympus")
    found.snapshot = Snapshot(1, b"", KEYS, (terms,))
    agreed = Agreed(settings({"budgets": {"time_zone": "Asia/Kolkata"}, **HOUSE}, environ={}), found)
    assert {budget.zone for _, budget in agreed.budgets} == {"Asia/Kolkata"}
    assert "tenant t: 'Mars/Olympus' is no time zone on this machine" in caplog.text


HOUSE: dict[str, Any] = {
    "server": {"auth": "off"},
    "providers": {"p": {"dialect": "simulated"}},
    "models": {"m": {"provider": "p"}},
}


def test_the_loop_goes_on_while_many_keys_are_taken_over(tmp_path: Path) -> None:
    many = tuple(
        Issued(name=f"k{at}", tenant="t", digest=b"%d" % at, hint="", created_at=0.0, rpm=5)
        for at in range(3_000)
    )

    async def story() -> int:
        turns = 0
        found = IssuedKeys(SqliteLedger(tmp_path / "books.db"), tmp_path / "snapshot", SystemClock())
        gateway = Gateway(
            settings(dict(HOUSE), environ={}),
            Machine(clock=SystemClock(), chance=Random(0), pepper=b"p" * 32, issued=found),
        )

        async def turning() -> None:
            nonlocal turns
            while True:
                turns += 1
                await SystemClock().sleep(0)

        task = asyncio.ensure_future(turning())
        await SystemClock().sleep(0)
        found.snapshot = Snapshot(1, b"", many)
        before = turns
        number = await gateway.renew()
        during = turns - before
        task.cancel()
        assert number == 2
        return during

    assert asyncio.run(story()) > 10
