"""The books of one process, with a clock that is set back and a caller who knocks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from headgate.adapters.sqlite import SqliteLedger
from headgate.adapters.system import SystemClock
from headgate.assemble.books import Books
from headgate.core.audit import Act, broken_at
from headgate.core.call import Caller, Operation, Outcome
from headgate.core.errors import Forbidden, GatewayError
from headgate.core.kind import DAY_US
from headgate.core.record import Record
from headgate.core.retention import Days

DAYS = Days(requests=90, usage=90, audit=90)
NOW = 1_793_016_000.0


class Turned(SystemClock):
    """Its time of day is whatever somebody set it to."""

    def __init__(self) -> None:
        super().__init__()
        self.set_to = NOW
        self.wall = lambda: self.set_to


def record(name: str, error: GatewayError | None = None) -> Record:
    outcome = Outcome.REFUSED if error else Outcome.FINISHED
    caller = Caller(key="k", tenant="t")
    return Record(name, outcome, Operation.CHAT, False, "m", caller, 10.0, 10.5, error)


async def closed(books: Books, task: asyncio.Task[None], clock: SystemClock) -> None:
    """Once the store has every row."""
    while books.waiting:
        await clock.sleep(0.01)
    task.cancel()
    await books.close()


def test_a_clock_that_is_set_back_loses_nothing_and_breaks_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        clock = Turned()
        books = Books("sqlite", SqliteLedger(tmp_path / "b.db"), tmp_path / "j", clock, name="j", days=DAYS)
        task = asyncio.create_task(books.run())
        for turn, back_s in enumerate((0.0, 3600.0, 400 * 86_400.0, -60.0)):
            clock.set_to = NOW - back_s
            books.settled(record(f"r{turn}"))
            books.settled(record(f"d{turn}", Forbidden("no", code="models")))
            books.note(Act(at_us=int(clock.wall() * 1e6), who="w", action="a", target=f"{turn}"))
        await closed(books, task, clock)
        store = SqliteLedger(tmp_path / "b.db")
        rows, acts = await store.requests(0, 99, {}), await store.acts(0, 99)
        old = DAYS.old(int(NOW * 1e6))
        gone = await store.forget(old, at_most=99)
        left = await store.requests(0, 99, {})
        await store.close()
        assert sorted(one["request_id"] for one in rows) == [
            f"{kind}{turn}" for kind in "dr" for turn in range(4)
        ]
        assert all(one["total_us"] == 500_000 for one in rows)
        assert broken_at(acts) is None
        assert [one.target for one in acts if one.action == "a"] == ["0", "1", "2", "3"]
        denied = [one for one in acts if one.action == "request.denied"]
        assert sum(int(dict(part.split("=") for part in one.detail.split())["count"]) for one in denied) == 4
        assert gone == 2
        assert min(one["at_us"] for one in left) > NOW * 1e6 - 90 * DAY_US

    asyncio.run(story())


def test_what_was_counted_is_told_when_the_process_ends(tmp_path: Path) -> None:
    async def story() -> None:
        clock = Turned()
        books = Books("sqlite", SqliteLedger(tmp_path / "b.db"), tmp_path / "j", clock, name="j", days=DAYS)
        for turn in range(500):
            books.settled(record(f"d{turn}", Forbidden("no", code="models")))
        await books.close()
        store = SqliteLedger(tmp_path / "b.db")
        acts, rows = await store.acts(0, 99), await store.requests(0, 999, {})
        await store.close()
        assert [one.detail for one in acts] == ["status=403 code=models tenant=t count=500 first=d0"]
        assert len(rows) == 120

    asyncio.run(story())


def test_a_row_that_the_store_will_not_have_is_in_the_audit_log_and_holds_up_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A number of it fits into the journal, and into no table."""

    async def story() -> None:
        clock = Turned()
        books = Books("sqlite", SqliteLedger(tmp_path / "b.db"), tmp_path / "j", clock, name="j", days=DAYS)
        task = asyncio.create_task(books.run())
        for turn in range(300):
            one = record(f"r{turn}")
            books.settled(
                msgspec.structs.replace(one, started_at=10.5 - 9.2240e12) if turn in (7, 250) else one
            )
        await closed(books, task, clock)
        store = SqliteLedger(tmp_path / "b.db")
        rows, acts = await store.requests(0, 999, {}), await store.acts(0, 99)
        await store.close()
        assert caplog.text.count("sqlite will not have the row of r") == 2
        assert len(rows) == 298
        assert [(one.action, one.target) for one in acts] == [("row.refused", "r7"), ("row.refused", "r250")]
        assert broken_at(acts) is None

    asyncio.run(story())
