"""`ports.jobs.Jobs`: one suite, over memory, SQLite and a real PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from booked import POSTGRES, Wire, schema
from headgate.adapters.memory.jobs import MemoryJobs
from headgate.adapters.postgres import PostgresJobs
from headgate.adapters.sqlite import SqliteJobs
from headgate.core.job import OPEN, Job, Status
from headgate.ports.jobs import Bounds, Ended, Held, Jobs, JobsGone
from jobbed import NOW_US, S, deposit, job

Make = Callable[[], Jobs]
MANY = Bounds(1000, 1_000_000)
LEASE_US = 30 * S


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Each call gives another process's way to the same store; memory has but one process."""
    if request.param == "memory":
        alone = MemoryJobs()
        yield lambda: alone
    elif request.param == "sqlite":
        yield lambda: SqliteJobs(tmp_path / "deep" / "jobs.db")
    else:
        with schema() as name:
            yield lambda: PostgresJobs(POSTGRES, schema=name)


def run(make: Make, story: Callable[[Jobs, Jobs], Coroutine[Any, Any, Any]]) -> Any:
    """A story of two processes."""

    async def whole() -> Any:
        one, other = make(), make()
        try:
            return await story(one, other)
        finally:
            await one.close()
            await other.close()

    return asyncio.run(whole())


def held(one: Job) -> Held:
    return Held(one.id, one.claims)


def ended(status: Status = Status.SUCCEEDED, result: bytes = b'{"a":1}') -> Ended:
    return Ended(status, 1, result, NOW_US + 9 * S)


def test_a_job_comes_back_as_it_was(make: Make) -> None:
    first = job(deposit=deposit(b'{"model":"m","\xc3\xa4":"\x00"}'))

    async def story(one: Jobs, other: Jobs) -> None:
        assert await one.add([first], MANY) == 1
        assert await other.find("job_1") == first
        assert await other.find("job_2") is None

    run(make, story)


def test_one_job_is_claimed_once_whoever_asks(make: Make) -> None:
    async def story(one: Jobs, other: Jobs) -> None:
        await one.add([job(f"job_{number:02}") for number in range(40)], MANY)
        until = NOW_US + LEASE_US
        took = await asyncio.gather(*(who.claim(NOW_US, until, 3) for who in (one, other) * 10))
        ids = [found.id for claimed in took for found in claimed]
        assert sorted(ids) == sorted(set(ids)) == [f"job_{number:02}" for number in range(40)]
        assert all(
            (found.status, found.claims, found.attempts, found.due_us) == (Status.RUNNING, 1, 1, until)
            for claimed in took
            for found in claimed
        )

    run(make, story)


def test_the_longest_due_first_and_nothing_before_its_time(make: Make) -> None:
    async def story(one: Jobs, other: Jobs) -> None:
        times = {"job_a": 2 * S, "job_b": S, "job_c": 3 * S}
        await one.add([job(id_, due_us=NOW_US + after) for id_, after in times.items()], MANY)
        assert not await other.due(NOW_US + S - 1)
        assert await other.claim(NOW_US + S - 1, NOW_US + LEASE_US, 9) == []
        assert await other.due(NOW_US + 2 * S)
        found = await other.claim(NOW_US + 2 * S, NOW_US + LEASE_US, 9)
        assert [one.id for one in found] == ["job_b", "job_a"]

    run(make, story)


def test_a_lease_that_ran_out_is_another_s_and_the_first_cannot_end_it(make: Make) -> None:
    async def story(one: Jobs, other: Jobs) -> None:
        await one.add([job()], MANY)
        [mine] = await one.claim(NOW_US, NOW_US + LEASE_US, 1)
        assert await other.claim(NOW_US + LEASE_US - 1, NOW_US + 2 * LEASE_US, 1) == []
        [theirs] = await other.claim(NOW_US + LEASE_US, NOW_US + 2 * LEASE_US, 1)
        assert (theirs.claims, theirs.attempts) == (2, 2)
        assert await one.extend([held(mine)], NOW_US + 9 * LEASE_US) == set()
        assert not await one.end(held(mine), ended(result=b'{"wrong":1}'))
        assert not await one.put_back(held(mine), NOW_US, 0, b"")
        assert await other.end(held(theirs), ended())
        found = await one.find("job_1")
        assert found is not None
        assert (found.status, found.result) == (Status.SUCCEEDED, b'{"a":1}')

    run(make, story)


def test_a_lease_that_is_extended_holds(make: Make) -> None:
    async def story(one: Jobs, other: Jobs) -> None:
        await one.add([job("job_1"), job("job_2")], MANY)
        mine = await one.claim(NOW_US, NOW_US + LEASE_US, 2)
        still = await one.extend([held(found) for found in mine], NOW_US + 2 * LEASE_US)
        assert still == {"job_1", "job_2"}
        assert await other.claim(NOW_US + LEASE_US, NOW_US + 9 * LEASE_US, 2) == []
        assert len(await other.claim(NOW_US + 2 * LEASE_US, NOW_US + 9 * LEASE_US, 2)) == 2

    run(make, story)


def test_what_is_put_back_is_due_again_with_its_reason(make: Make) -> None:
    async def story(one: Jobs, other: Jobs) -> None:
        await one.add([job()], MANY)
        [mine] = await one.claim(NOW_US, NOW_US + LEASE_US, 1)
        assert await one.put_back(held(mine), NOW_US + 5 * S, 0, b'{"error":{}}')
        found = await other.find("job_1")
        assert found is not None
        assert (found.status, found.attempts, found.result) == (Status.QUEUED, 0, b'{"error":{}}')
        assert await other.claim(NOW_US + 4 * S, NOW_US + LEASE_US, 1) == []
        [again] = await other.claim(NOW_US + 5 * S, NOW_US + LEASE_US, 1)
        assert (again.claims, again.attempts, again.deposit) == (2, 1, mine.deposit)

    run(make, story)


@pytest.mark.parametrize(
    ("status", "rests"), [(Status.SUCCEEDED, False), (Status.FAILED, True), (Status.CANCELLED, False)]
)
def test_what_was_asked_is_forgotten_once_nobody_needs_it(make: Make, status: Status, rests: bool) -> None:
    async def story(one: Jobs, other: Jobs) -> None:
        await one.add([job()], MANY)
        [mine] = await one.claim(NOW_US, NOW_US + LEASE_US, 1)
        if status is Status.CANCELLED:
            assert await other.cancel("job_1", NOW_US + S)
            assert not await one.end(held(mine), ended())
        else:
            assert await one.end(held(mine), ended(status))
        found = await other.find("job_1")
        assert found is not None
        assert found.status is status
        assert bool(found.deposit.body) == rests
        assert found.deposit.model == "m"
        assert not await other.cancel("job_1", NOW_US + 2 * S)

    run(make, story)


def test_there_is_no_more_room_than_there_is(make: Make) -> None:
    size = len(deposit().body)

    async def story(one: Jobs, other: Jobs) -> None:
        first = [job(f"job_{number}") for number in range(4)]
        assert await one.add(first, Bounds(3, 1_000_000)) == 3
        assert await other.add([job("job_9")], Bounds(3, 1_000_000)) == 0
        assert await other.add([job("job_8"), job("job_9")], Bounds(99, 4 * size)) == 1
        [mine, *_] = await one.claim(NOW_US, NOW_US + LEASE_US, 1)
        await one.end(held(mine), ended())
        assert await other.add([job("job_9")], Bounds(4, 4 * size)) == 1

    run(make, story)


def test_a_key_sees_its_own_the_youngest_first_a_page_at_a_time(make: Make) -> None:
    async def story(one: Jobs, other: Jobs) -> None:
        mine = [job(f"job_{number}") for number in range(5)]
        await one.add([*mine, job("job_x", key="other"), job("job_y", tenant="other")], MANY)
        first = await other.of(("acme", "k"), "", 3)
        assert [found.id for found in first] == ["job_4", "job_3", "job_2"]
        assert not any(found.deposit.body or found.result for found in first)
        assert [found.id for found in await other.of(("acme", "k"), "job_2", 3)] == ["job_1", "job_0"]
        assert [found.id for found in await other.of(None, "", 2)] == ["job_y", "job_x"]
        assert len(await other.of(None, "job_x", 9)) == 5
        assert await other.counts() == {"queued": 7}

    run(make, story)


def test_what_nobody_ran_in_time_expires_and_what_is_over_is_forgotten(make: Make) -> None:
    async def story(one: Jobs, other: Jobs) -> None:
        soon = NOW_US + 10 * S
        await one.add([job("job_q", expires_us=soon), job("job_r", expires_us=soon, due_us=NOW_US - S)], MANY)
        await one.add([job("job_z")], MANY)
        [running] = await one.claim(NOW_US - 1, NOW_US + LEASE_US, 1)
        assert running.id == "job_r"
        assert await other.sweep(soon, 0) == 1, "what runs, runs on"
        assert await other.claim(soon, soon + LEASE_US, 1) != [], "job_z has time"
        assert await other.sweep(NOW_US + LEASE_US, 0) == 1, "unless nobody runs it any more"
        assert await other.claim(NOW_US + LEASE_US, NOW_US + 2 * LEASE_US, 9) == []
        found = [await one.find(id_) for id_ in ("job_q", "job_r")]
        assert [one.status for one in found if one] == [Status.EXPIRED] * 2
        assert await one.sweep(NOW_US, soon) == 0
        assert await one.sweep(NOW_US, soon + 1) == 2
        assert await other.find("job_q") is None

    run(make, story)


def test_a_job_that_failed_can_be_begun_anew_and_one_that_is_over_removed(make: Make) -> None:
    async def story(one: Jobs, other: Jobs) -> None:
        await one.add([job("job_1"), job("job_2")], MANY)
        assert not await one.again("job_1", NOW_US, NOW_US + S)
        assert not await one.remove("job_1")
        first, second = await one.claim(NOW_US, NOW_US + LEASE_US, 2)
        await one.end(held(first), ended(Status.FAILED))
        await one.end(held(second), ended())
        assert not await other.again("job_2", NOW_US, NOW_US + S)
        assert await other.again("job_1", NOW_US + S, NOW_US + 9 * S)
        [mine] = await one.claim(NOW_US + S, NOW_US + LEASE_US, 2)
        assert (mine.id, mine.attempts, mine.result, mine.deposit) == ("job_1", 1, b"", deposit())
        assert await other.remove("job_2")
        assert not await other.remove("job_2")
        assert await other.find("job_2") is None

    run(make, story)


def test_a_store_that_is_away_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    async def story(jobs: Jobs) -> None:
        with pytest.raises(JobsGone):
            await jobs.add([job()], MANY)
        with pytest.raises(JobsGone):
            await jobs.claim(NOW_US, NOW_US, 1)
        with pytest.raises(JobsGone):
            await jobs.due(NOW_US)
        await jobs.close()

    asyncio.run(story(SqliteJobs(tmp_path / "file" / "jobs.db")))
    asyncio.run(story(PostgresJobs("postgresql://postgres@127.0.0.1:1/test", schema="x")))


def test_a_connection_that_was_cut_is_made_again() -> None:
    with schema() as name:
        wire = Wire()

        async def story() -> None:
            jobs = PostgresJobs(wire.url, schema=name)
            await jobs.add([job()], MANY)
            wire.cut()
            with pytest.raises(JobsGone):
                await jobs.find("job_1")
            wire.mend()
            assert await jobs.find("job_1") == job()
            await jobs.close()

        asyncio.run(story())
        wire.cut()


def test_the_file_is_its_owner_s_alone_and_synced(tmp_path: Path) -> None:
    file = tmp_path / "jobs.db"

    async def story() -> tuple[int, str]:
        jobs = SqliteJobs(file)
        await jobs.add([job()], MANY)
        found = await jobs._aside.do(lambda one: one.execute("PRAGMA synchronous").fetchone()[0])
        await jobs.close()
        return found, ""

    assert asyncio.run(story())[0] == 2
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT COUNT(*) FROM jobs").fetchone() == (1,)
    connection.close()


def test_open_is_what_is_not_over() -> None:
    assert {status for status in Status if not status.over} == set(OPEN)
