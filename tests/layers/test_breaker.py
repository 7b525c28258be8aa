"""Breaker: leaves a failing upstream alone, asks it once, and is never wedged."""

from __future__ import annotations

import asyncio
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.core.breaker import Breaker, State
from headgate.core.errors import (
    KeyRejected,
    ModelMissing,
    Overloaded,
    Unsupported,
    UpstreamInterrupted,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from headgate.pipeline.breaker import CircuitBreaker
from scripted import (
    HANG,
    Act,
    Notes,
    Scripted,
    TurningLoop,
    answers,
    asked,
    cancel_after,
    cancelled_at_every_turn,
    drain,
    fails,
    fate,
    hangs,
)
from virtual import clock, run

DOWN = UpstreamUnavailable("down", status=503)
CUT = UpstreamInterrupted("cut")


def guarded(up: Scripted, notes: Notes | None = None, *, threshold: int = 3) -> CircuitBreaker:
    breaker = Breaker(threshold=threshold, recovery_s=60.0, since=clock().now())
    return CircuitBreaker(up, breaker=breaker, source=up.source, clock=clock(), recorder=notes or Notes())


async def opened(up: Scripted, notes: Notes | None = None) -> CircuitBreaker:
    """One that has just opened, for a failure at this moment."""
    guard, acts = guarded(up, notes, threshold=1), up.acts
    up.acts = [fails(DOWN)]
    await fate(guard, asked())
    up.acts = acts
    assert guard.breaker.state is State.OPEN
    return guard


def test_it_opens_after_failures_in_a_row_and_then_asks_nobody() -> None:
    async def story() -> None:
        up = Scripted(fails(DOWN))
        guard = guarded(up)
        for _ in range(3):
            assert guard.ready()
            assert isinstance(await fate(guard, asked()), UpstreamUnavailable)
        await clock().sleep(20.0)
        assert not guard.ready()
        assert guard.ready_at() == 60.0
        refusal = await fate(guard, asked())
        assert isinstance(refusal, Overloaded)
        assert refusal.retry_after_s == 40.0
        assert up.calls == 3

    run(story())


@pytest.mark.parametrize(
    ("error", "opens"),
    [
        (DOWN, True),
        (ModelMissing("gone"), True),
        (KeyRejected("dead"), True),
        (CUT, True),
        (UpstreamThrottled("slow down"), False),
        (UpstreamRejected("too long"), False),
        (Unsupported("no words"), False),
        (Overloaded("full"), False),
        (KeyError("a bug of ours"), False),
    ],
)
@pytest.mark.parametrize("midway", [False, True])
def test_only_what_speaks_of_the_upstream_counts(error: Exception, opens: bool, midway: bool) -> None:
    async def story() -> None:
        up = Scripted(answers(b"a", error) if midway else fails(error))
        guard = guarded(up)
        for _ in range(3):
            await fate(guard, asked())
        assert (guard.breaker.state is State.OPEN) is opens
        assert guard.ready() is not opens

    run(story())


def test_a_dead_key_opens_it_at_once() -> None:
    async def story() -> None:
        guard = guarded(Scripted(fails(KeyRejected("dead"))), threshold=1000)
        await fate(guard, asked())
        assert guard.breaker.state is State.OPEN

    run(story())


@pytest.mark.parametrize("act", [hangs(), answers(b"a", HANG)])
def test_callers_who_leave_prove_nothing(act: Act) -> None:
    async def story() -> None:
        guard = guarded(Scripted(act))
        for _ in range(20):
            assert await cancel_after(drain(guard, asked()), 5.0)
        assert guard.ready()
        assert guard.breaker.failures == 0

    run(story())


def test_it_asks_once_and_a_first_byte_closes_it() -> None:
    async def story() -> None:
        notes, up = Notes(), Scripted(answers(b"a", 50.0, b"b", after_s=2.0))
        guard = await opened(up, notes)
        await clock().sleep(60.0)
        probe = asyncio.ensure_future(drain(guard, asked()))
        await clock().sleep(1.0)
        assert guard.condition()["state"] == "half_open"
        assert not guard.ready()
        assert isinstance(await fate(guard, asked()), Overloaded)
        await clock().sleep(1.5)
        assert guard.condition()["state"] == "closed"
        assert guard.ready()
        assert await drain(guard, asked()) == [b"a", b"b"]
        assert await probe == [b"a", b"b"]
        assert notes.moves == [
            (State.CLOSED, State.OPEN, 0.0),
            (State.OPEN, State.HALF_OPEN, 60.0),
            (State.HALF_OPEN, State.CLOSED, 2.0),
        ]

    run(story())


def test_a_failed_probe_opens_it_for_as_long_again() -> None:
    async def story() -> None:
        up = Scripted(fails(DOWN, after_s=2.0))
        guard = await opened(up)
        await clock().sleep(60.0)
        await fate(guard, asked())
        assert (guard.breaker.state, guard.ready_at()) == (State.OPEN, 122.0)

    run(story())


@pytest.mark.parametrize(
    "error",
    [UpstreamRejected("too long"), UpstreamThrottled("slow down"), Overloaded("full"), KeyError("a bug")],
)
def test_a_probe_that_proves_nothing_makes_room_for_the_next(error: Exception) -> None:
    async def story() -> None:
        up = Scripted(fails(error, after_s=1.0), answers())
        guard = await opened(up)
        await clock().sleep(60.0)
        await fate(guard, asked())
        assert guard.ready()
        assert await drain(guard, asked()) == [b"ok"]
        assert guard.breaker.state is State.CLOSED

    run(story())


@pytest.mark.parametrize("stream", [True, False])
def test_a_probe_cancelled_at_any_turn_makes_room_for_the_next(stream: bool) -> None:
    async def scene(loop: TurningLoop) -> None:
        up = Scripted(answers(b"a", 1.0, b"b", after_s=1.0))
        guard = await opened(up)
        await clock().sleep(60.0)
        await loop.on_the_block(drain(guard, asked(stream=stream), pause_s=1.0))
        assert guard.ready()
        assert not guard.breaker.probing
        await drain(guard, asked())
        assert guard.breaker.state is State.CLOSED

    cancelled_at_every_turn(scene)


def test_a_probe_that_is_cut_after_its_first_byte_counts_as_a_failure_all_the_same() -> None:
    async def story() -> None:
        up = Scripted(answers(b"a", CUT))
        guard = await opened(up)
        await clock().sleep(60.0)
        await fate(guard, asked())
        assert (guard.breaker.state, guard.breaker.failures) == (State.OPEN, 1)

    run(story())


def test_streams_from_before_neither_close_nor_fail_it() -> None:
    async def story() -> None:
        up = Scripted(answers(b"a", 70.0, b"b"), answers(b"a", 70.5, CUT), fails(DOWN), hangs())
        guard = guarded(up, threshold=1)
        old = [asyncio.ensure_future(fate(guard, asked())) for _ in range(2)]
        await clock().sleep(1.0)
        await fate(guard, asked())
        await clock().sleep(68.0)
        probe = asyncio.ensure_future(drain(guard, asked()))
        await asyncio.wait(old)
        assert guard.breaker.state is State.HALF_OPEN
        assert guard.breaker.probing
        probe.cancel()
        await asyncio.wait({probe})
        assert guard.ready()

    run(story())


def test_it_is_ready_when_what_it_guards_is_too() -> None:
    async def story() -> None:
        up = Scripted()
        guard = await opened(up)
        up.is_ready, up.is_ready_at, up.is_loaded = False, 90.0, 3.5
        assert (guard.ready(), guard.ready_at(), guard.load()) == (False, 90.0, 3.5)
        await clock().sleep(60.0)
        assert not guard.ready()
        up.is_ready, up.is_ready_at = True, 0.0
        assert guard.ready()
        assert guard.ready_at() <= clock().now()

    run(story())


def test_when_it_lets_calls_through_again_is_told_and_can_be_asked_before() -> None:
    async def story() -> None:
        up = Scripted(answers())
        guard = await opened(up)
        told: list[bool] = []
        end = guard.watch(lambda: told.append(guard.ready()))
        assert (guard.refill(5), guard.room(59.0), guard.room(60.0)) == (60.0, 0.0, inf)
        await clock().sleep(60.0)
        context = guard(asked())
        up.acts = [answers(after_s=1.0)]
        probe = asyncio.ensure_future(context.__aenter__())
        await clock().sleep(0.5)
        assert (guard.refill(1), guard.room(100.0)) == (inf, 0.0)
        await probe
        assert told == [True]
        await context.__aexit__(None, None, None)
        end()
        assert guard.refill(9) == clock().now()

    run(story())


def test_its_condition_counts_every_call_once() -> None:
    async def story() -> None:
        up = Scripted(answers())
        guard = await opened(up)
        await clock().sleep(60.0)
        for _ in range(3):
            await drain(guard, asked())
        condition = guard.condition()
        assert (condition["state"], condition["ready"]) == ("closed", True)
        assert condition["availability"] == 0.75
        assert condition["last_error"] == "UpstreamUnavailable (503)"
        assert condition["upstream"] == "fake/m"

    run(story())


def test_each_failure_is_told_once_and_refusals_are_not_failures() -> None:
    async def story() -> None:
        notes = Notes()
        up = Scripted(
            fails(DOWN), answers(b"a", CUT), fails(UpstreamRejected("no")), fails(Overloaded("full"))
        )
        guard = guarded(up, notes)
        for _ in range(4):
            await fate(guard, asked())
        assert [(model, error.message) for model, error in notes.failures] == [
            ("m", "down"),
            ("m", "cut"),
            ("m", "no"),
        ]

    run(story())


ACTS = {
    "answers": lambda s: answers(b"a", s, b"b", after_s=s),
    "fails": lambda s: fails(DOWN, after_s=s),
    "is cut": lambda s: answers(b"a", s, CUT),
    "rejects": lambda s: fails(UpstreamRejected("no"), after_s=s),
    "dead key": lambda s: fails(KeyRejected("dead"), after_s=s),
    "left": lambda s: answers(b"a", HANG, after_s=s),
}


@given(
    st.lists(
        st.tuples(st.floats(0.0, 80.0), st.sampled_from(sorted(ACTS)), st.floats(0.001, 90.0)), max_size=25
    )
)
@settings(max_examples=60, deadline=None)
def test_whatever_overlaps_it_is_never_wedged_and_probes_one_at_a_time(
    calls: list[tuple[float, str, float]],
) -> None:
    """Calls follow each other by gaps, last up to a breaker's pause and more, and end in any order."""

    async def story() -> None:
        up = Scripted()
        guard, tasks, probes = guarded(up), [], 0
        for gap_s, kind, seconds in calls:
            await clock().sleep(gap_s)
            before, up.acts = up.calls, [ACTS[kind](seconds)]
            probes = probes + 1 if guard.breaker.state is not State.CLOSED else 0
            ready = guard.ready()
            task = asyncio.ensure_future(fate_or_leave(guard, kind, seconds))
            await clock().sleep(0.0)
            await clock().sleep(0.0)
            assert (up.calls > before) is ready
            tasks.append(task)
        await asyncio.gather(*tasks)
        await clock().sleep(60.0)
        up.acts = [answers()]
        assert guard.ready()
        assert await drain(guard, asked()) == [b"ok"]
        assert guard.breaker.state is State.CLOSED
        assert up.open == 0

    async def fate_or_leave(guard: CircuitBreaker, kind: str, seconds: float) -> None:
        if kind == "left":
            await cancel_after(drain(guard, asked()), 2 * seconds + 1.0)
        else:
            await fate(guard, asked())

    run(story())
