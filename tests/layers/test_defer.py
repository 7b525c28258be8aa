"""Defer: nobody can answer now, and the caller takes the answer later; whoever does not is told as ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from headgate.adapters.memory.jobs import MemoryJobs
from headgate.assemble.jobs import Intake
from headgate.core.call import Call, Caller, Later
from headgate.core.errors import (
    AllUpstreamsFailed,
    DeadlineExceeded,
    GatewayError,
    OverLimit,
    Overloaded,
    RateLimited,
    UpstreamInterrupted,
    UpstreamRejected,
    UpstreamUnavailable,
)
from headgate.core.job import Deferred, Job, Plan
from headgate.core.retry import Backoff
from headgate.core.reuse import Freshness
from headgate.pipeline.defer import Defer
from headgate.ports.jobs import Bounds, JobsGone
from jobbed import job
from scripted import (
    Act,
    FakePayload,
    Scripted,
    TurningLoop,
    answers,
    cancelled_at_every_turn,
    drain,
    ended,
    fails,
    fate,
    hangs,
)
from virtual import clock, run

DOWN = UpstreamUnavailable("down")
PLAN = Plan(backoff=Backoff(base_s=4.0, cap_s=60.0))


class Shelf:
    """Keeps jobs, or does not."""

    def __init__(self, *, room: bool = True, gone: bool = False) -> None:
        self.jobs: list[Job] = []
        self._room = room
        self._gone = gone

    async def keep(self, job: Job) -> bool:
        await clock().sleep(0.01)
        if self._gone:
            raise JobsGone("away")
        if self._room:
            self.jobs.append(job)
        return self._room


def defer(up: Scripted, shelf: Shelf, *, off: str = "") -> Defer:
    return Defer(
        up,
        keep=shelf.keep,
        durable=True,
        allowed=lambda name: name != off,
        plan=PLAN,
        clock=clock(),
        chance=Random(1),
        new_id=lambda: "job_1",
    )


def patient(wait_s: float | None = None, **members: Any) -> Call:
    """A call of the first second, whose caller takes an answer later."""
    usual: dict[str, Any] = {
        "payload": FakePayload(stream=False),
        "caller": Caller(key="alice", tenant="acme"),
        "request_id": "req-1",
        "started_at": 0.0,
        "deadline_at": 600.0,
        "later": Later(wait_s, ((b"h", b"v"),)),
    }
    return Call(**{**usual, **members})


def told(
    act: Act, call: Call | None = None, shelf: Shelf | None = None, **more: Any
) -> tuple[Any, Shelf, float]:
    """What came of one request, what is kept, and how long it took."""
    shelf = shelf or Shelf()

    async def story() -> Any:
        began = clock().now()
        found = await fate(defer(Scripted(act), shelf, **more), call or patient())
        return found, shelf, clock().now() - began

    found: tuple[Any, Shelf, float] = run(story())
    return found


@pytest.mark.parametrize("error", [DOWN, AllUpstreamsFailed("x"), Overloaded("x"), OverLimit("x")])
def test_an_outage_becomes_a_job(error: GatewayError) -> None:
    found, shelf, _ = told(fails(error))
    assert isinstance(found, Deferred)
    [job] = shelf.jobs
    assert found.job is job
    assert (job.tenant, job.key, job.deposit.body, job.deposit.headers) == (
        "acme",
        "alice",
        b"{}",
        ((b"h", b"v"),),
    )
    assert 0 <= job.due_us - job.created_us <= 4_000_000
    assert job.expires_us - job.created_us == PLAN.expires_s * 1e6


@pytest.mark.parametrize(
    "error",
    [
        UpstreamRejected("x"),
        RateLimited("x"),
        DeadlineExceeded("x"),
        UpstreamInterrupted("x"),
        ValueError("x"),
    ],
)
def test_what_is_somebody_s_own_fault_does_not(error: BaseException) -> None:
    found, shelf, _ = told(fails(error))
    assert type(found) is type(error)
    assert not shelf.jobs


def test_who_is_answered_has_no_job() -> None:
    found, shelf, _ = told(answers(b"hello"))
    assert (found, shelf.jobs) == ([], [])


def test_a_cut_in_the_middle_is_told_as_it_is() -> None:
    call = patient(payload=FakePayload())
    found, shelf, _ = told(answers(b"a", UpstreamInterrupted("cut")), call)
    assert isinstance(found, UpstreamInterrupted)
    assert not shelf.jobs


@pytest.mark.parametrize(
    "call",
    [
        patient(later=None),
        patient(caller=Caller(key="k", tenant="t", privacy="no_content")),
        patient(caller=Caller(key="k", tenant="t", privacy="local_only")),
        patient(wants=Freshness(no_store=True)),
    ],
    ids=["says nothing", "no_content", "local_only", "no-store"],
)
def test_who_may_or_would_not_leave_it_here_gets_the_error(call: Call) -> None:
    found, shelf, _ = told(fails(DOWN), call)
    assert type(found) is UpstreamUnavailable
    assert not shelf.jobs


def test_the_rung_can_be_switched_off_by_name() -> None:
    found, shelf, _ = told(fails(DOWN), off="m")
    assert type(found) is UpstreamUnavailable
    assert not shelf.jobs


@pytest.mark.parametrize("shelf", [Shelf(room=False), Shelf(gone=True)], ids=["full", "away"])
def test_where_it_cannot_be_kept_nobody_is_told_so(shelf: Shelf) -> None:
    found, _, _ = told(fails(DOWN), shelf=shelf)
    assert type(found) is UpstreamUnavailable


@pytest.mark.parametrize(
    ("wait_s", "given_s", "took_s"), [(3.0, 60.0, 3.01), (None, 60.0, 59.01), (99.0, 4.0, 3.61)]
)
def test_who_waits_for_nobody_waits_no_longer_than_he_would(
    wait_s: float | None, given_s: float, took_s: float
) -> None:
    found, shelf, took = told(hangs(), patient(wait_s, deadline_at=given_s))
    assert isinstance(found, Deferred)
    assert len(shelf.jobs) == 1
    assert took == pytest.approx(took_s)


def test_who_has_begun_to_answer_may_take_longer() -> None:
    call = patient(1.0, payload=FakePayload())
    found, shelf, _ = told(answers(b"a", 5.0, b"b"), call)
    assert (found, shelf.jobs) == ([b"a", b"b"], [])


@pytest.mark.parametrize("act", [fails(DOWN), hangs(), answers(b"a", 1.0, b"b")])
def test_cancelled_at_every_turn(act: Act) -> None:
    async def scene(loop: TurningLoop) -> None:
        up, shelf = Scripted(act), Shelf()
        task = await loop.on_the_block(drain(defer(up, shelf), patient(2.0)))
        assert up.open == 0
        assert isinstance(ended(task), type(None) | asyncio.CancelledError | Deferred)

    assert cancelled_at_every_turn(scene) >= 1


class Slow(MemoryJobs):
    """A store that takes a second for whatever comes at once."""

    def __init__(self, *, broken: bool = False) -> None:
        super().__init__()
        self.batches: list[int] = []
        self._broken = broken

    async def add(self, jobs: Sequence[Job], bounds: Bounds) -> int:
        self.batches.append(len(jobs))
        await clock().sleep(1.0)
        if self._broken:
            raise ValueError("a bug")
        return await super().add(jobs, bounds)


def test_what_comes_at_once_is_written_together_and_each_is_told_of_his_own() -> None:
    async def story() -> None:
        store = Slow()
        intake = Intake(store)
        kept = await asyncio.gather(*(intake.keep(Bounds(7, 10_000), job(f"job_{n}")) for n in range(10)))
        assert kept == [True] * 7 + [False] * 3
        assert sum(store.batches) == 10
        assert len(store.batches) <= 2
        assert len(store._jobs) == 7
        with pytest.raises(JobsGone):
            await Intake(Slow(broken=True)).keep(Bounds(7, 10_000), job())

    run(story())
