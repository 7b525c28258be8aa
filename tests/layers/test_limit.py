"""Limit: so many calls at once, and none before a throttle's time is up."""

from __future__ import annotations

import asyncio
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.core.errors import (
    GatewayError,
    Overloaded,
    UpstreamInterrupted,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from headgate.core.permits import Permits
from headgate.pipeline.limit import THROTTLE_MAX_S, Limit
from scripted import (
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


def limited(up: Scripted, size: int = 1) -> tuple[Limit, Permits]:
    permits = Permits(size)
    return Limit(up, permits=permits, clock=clock()), permits


def throttled(retry_after_s: float | None = None) -> UpstreamThrottled:
    return UpstreamThrottled("slow down", status=429, retry_after_s=retry_after_s)


def test_a_permit_is_held_exactly_as_long_as_the_stream() -> None:
    async def story() -> None:
        limit, permits = limited(Scripted(answers(b"a", b"b")))
        assert (limit.ready(), permits.free) == (True, 1)
        async with limit(asked()) as reply:
            async for _ in reply.body:
                assert (limit.ready(), permits.free) == (False, 0)
            assert (limit.ready(), permits.free, limit.in_flight) == (False, 0, 1)
        assert (limit.ready(), permits.free, limit.in_flight) == (True, 1, 0)

    run(story())


def test_full_means_refused_now() -> None:
    async def story() -> None:
        up = Scripted(answers(b"a", 5.0))
        limit, permits = limited(up, size=2)
        inside = [asyncio.ensure_future(drain(limit, asked())) for _ in range(2)]
        await clock().sleep(1.0)
        assert isinstance(await fate(limit, asked()), Overloaded)
        assert (up.calls, permits.free, limit.in_flight, clock().now()) == (2, 0, 2, 1.0)
        await asyncio.gather(*inside)
        assert permits.free == 2

    run(story())


def test_permits_may_be_shared() -> None:
    async def story() -> None:
        permits = Permits(1)
        one, other = (Limit(Scripted(answers(b"a", 5.0)), permits=permits, clock=clock()) for _ in range(2))
        async with one(asked()):
            assert not other.ready()
            assert isinstance(await fate(other, asked()), Overloaded)
        assert await drain(other, asked()) == [b"a"]

    run(story())


@pytest.mark.parametrize(
    "error",
    [
        UpstreamUnavailable("down"),
        UpstreamRejected("too long"),
        throttled(0.0),
        KeyError("a bug"),
    ],
)
def test_a_failure_gives_the_permit_back(error: Exception) -> None:
    async def story() -> None:
        limit, permits = limited(Scripted(fails(error, after_s=1.0), answers(b"a", error)))
        for _ in range(2):
            assert isinstance(await fate(limit, asked()), type(error))
            assert (permits.free, limit.in_flight) == (1, 0)
            await clock().sleep(2.0)

    run(story())


def test_cancelled_at_any_turn_it_gives_the_permit_back() -> None:
    async def scene(loop: TurningLoop) -> None:
        limit, permits = limited(Scripted(answers(b"a", 1.0, b"b", after_s=1.0)))
        await loop.on_the_block(drain(limit, asked()))
        assert (permits.free, limit.in_flight, limit.ready()) == (1, 0, True)
        await clock().sleep(1000.0)
        assert limit.load() < 1.0

    cancelled_at_every_turn(scene)


@given(st.lists(st.tuples(st.floats(0, 10), st.sampled_from("asfcx"), st.floats(0, 10)), max_size=15))
@settings(max_examples=40, deadline=None)
def test_whatever_happens_the_permits_come_back_and_are_never_exceeded(
    calls: list[tuple[float, str, float]],
) -> None:
    """Overlapping calls that answer, stream, fail, are cut, or are cancelled."""

    async def story() -> None:
        up = Scripted()
        limit, permits = limited(up, size=3)
        acts = {
            "a": lambda s: answers(b"a", after_s=s),
            "s": lambda s: answers(b"a", s, b"b"),
            "f": lambda s: fails(UpstreamUnavailable("down"), after_s=s),
            "c": lambda s: answers(b"a", s, UpstreamInterrupted("cut")),
            "x": lambda s: answers(b"a", 100.0, after_s=s),
        }
        tasks = []
        for start_s, kind, seconds in sorted(calls):
            await clock().sleep(max(0.0, start_s - clock().now()))
            up.acts = [acts[kind](seconds)]
            task = asyncio.ensure_future(fate(limit, asked()))
            await clock().sleep(0.0)
            await clock().sleep(0.0)
            if kind == "x":
                asyncio.get_running_loop().call_later(seconds, task.cancel)
            tasks.append(task)
            assert permits.free + limit.in_flight == 3
        await asyncio.gather(*tasks, return_exceptions=True)
        await clock().sleep(200.0)
        assert (permits.free, limit.in_flight, up.open) == (3, 0, 0)
        assert up.peak <= 3

    run(story())


# ── what there will be room for ──────────────────────────────────────────────────────────────────────


def test_how_long_calls_last_tells_when_there_will_be_room() -> None:
    async def story() -> None:
        limit, _ = limited(Scripted(answers(b"a", 2.0)), size=2)
        assert (limit.refill(2), limit.refill(3)) == (0.0, inf)
        await drain(limit, asked())
        assert (limit.refill(2), limit.refill(12)) == (2.0, 12.0)
        assert (limit.room(2.0), limit.room(12.0)) == (2.0, 12.0)

    run(story())


def test_during_a_throttle_there_is_room_for_nobody() -> None:
    async def story() -> None:
        limit, _ = limited(Scripted(fails(throttled(7.0))))
        await fate(limit, asked())
        assert (limit.refill(1), limit.room(6.9), limit.room(7.0)) == (7.0, 0.0, 1.0)

    run(story())


def test_a_permit_given_back_is_told_to_all_who_share_it() -> None:
    async def story() -> None:
        permits = Permits(2)
        one, other = (Limit(Scripted(), permits=permits, clock=clock()) for _ in range(2))
        told: list[bool] = []
        end = other.watch(lambda: told.append(other.ready()))
        await drain(one, asked())
        assert told == [True]
        permits.resize(3)
        assert told == [True, True]
        end()
        end()
        await drain(one, asked())
        assert told == [True, True]

    run(story())


# ── throttles ────────────────────────────────────────────────────────────────────────────────────────


def test_after_a_throttle_it_stays_away_as_long_as_it_was_told_and_then_returns() -> None:
    async def story() -> None:
        up = Scripted(fails(throttled(7.0), after_s=1.0), answers())
        limit, permits = limited(up)
        assert isinstance(await fate(limit, asked()), UpstreamThrottled)
        assert (limit.ready(), limit.ready_at(), permits.free) == (False, 8.0, 1)
        await clock().sleep(3.0)
        refusal = await fate(limit, asked())
        assert isinstance(refusal, Overloaded)
        assert refusal.retry_after_s == pytest.approx(4.0)
        assert up.calls == 1
        await clock().sleep(4.0)
        assert limit.ready()
        assert await drain(limit, asked()) == [b"ok"]

    run(story())


@pytest.mark.parametrize("retry_after_s", [None, 0.0])
def test_without_a_time_each_throttle_in_a_row_doubles_the_pause_up_to_a_minute(
    retry_after_s: float | None,
) -> None:
    async def story() -> None:
        limit, _ = limited(Scripted(fails(throttled(retry_after_s))))
        pauses = []
        for _ in range(9):
            assert isinstance(await fate(limit, asked()), UpstreamThrottled)
            pauses.append(limit.ready_at() - clock().now())
            await clock().sleep(pauses[-1] + 0.001)
        assert pauses == pytest.approx([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0])
        assert THROTTLE_MAX_S == 60.0

    run(story())


def test_an_answer_in_between_begins_anew() -> None:
    async def story() -> None:
        up = Scripted(fails(throttled()), fails(throttled()), answers(), fails(throttled()))
        limit, _ = limited(up)
        for _ in range(3):
            await fate(limit, asked())
            await clock().sleep(5.0)
        before = clock().now()
        await fate(limit, asked())
        assert limit.ready_at() - before == pytest.approx(1.0)

    run(story())


@pytest.mark.parametrize("retry_after_s", [None, 7.0])
def test_many_calls_throttled_by_one_moment_count_as_one_throttle(retry_after_s: float | None) -> None:
    """Sixty-four calls in the air when the provider runs dry are not sixty-four throttles in a row."""

    async def story() -> None:
        up = Scripted(fails(throttled(retry_after_s), after_s=1.0))
        limit, _ = limited(up, size=64)
        await asyncio.gather(*(fate(limit, asked()) for _ in range(64)))
        assert up.calls == 64
        assert limit.ready_at() - clock().now() == pytest.approx(retry_after_s or 1.0)
        assert limit.load() <= (retry_after_s or 1.0) + 0.001

    run(story())


def test_a_longer_pause_is_not_shortened_by_a_later_shorter_one() -> None:
    async def story() -> None:
        up = Scripted(fails(throttled(30.0), after_s=1.0), fails(throttled(2.0), after_s=2.0))
        limit, _ = limited(up, size=2)
        await asyncio.gather(*(fate(limit, asked()) for _ in range(2)))
        assert limit.ready_at() == 31.0

    run(story())


def test_an_answer_to_an_earlier_call_does_not_end_the_pause() -> None:
    async def story() -> None:
        up = Scripted(answers(after_s=2.0), fails(throttled(30.0), after_s=1.0))
        limit, _ = limited(up, size=2)
        await asyncio.gather(*(fate(limit, asked()) for _ in range(2)))
        assert not limit.ready()
        assert limit.ready_at() == 31.0

    run(story())


@given(st.one_of(st.none(), st.floats(0.0, 1e15), st.just(float("inf")), st.floats(-10.0, 0.0)))
@settings(max_examples=30, deadline=None)
def test_no_pause_lasts_for_ever(retry_after_s: float | None) -> None:
    """A provider that asks for a century, or a bug that reads one, must not lose us the upstream."""

    async def story() -> None:
        limit, _ = limited(Scripted(fails(throttled(retry_after_s)), answers()))
        await fate(limit, asked())
        assert clock().now() <= limit.ready_at() <= clock().now() + 24 * 3600
        await clock().sleep(25 * 3600)
        assert limit.ready()
        assert limit.load() < 1.0

    run(story())


def test_a_throttle_after_the_first_byte_is_no_throttle() -> None:
    async def story() -> None:
        limit, _ = limited(Scripted(answers(b"a", UpstreamInterrupted("cut", status=429))))
        assert isinstance(await fate(limit, asked()), GatewayError)
        assert limit.ready()

    run(story())


# ── load ─────────────────────────────────────────────────────────────────────────────────────────────


def test_load_is_the_time_to_the_first_byte_times_what_is_in_hand() -> None:
    async def story() -> None:
        limit, _ = limited(Scripted(answers(b"a", 50.0, b"b", after_s=2.0)), size=9)
        assert limit.load() == 0.0
        async with limit(asked()):
            assert limit.load() == pytest.approx(4.0)
        assert limit.load() == pytest.approx(2.0)
        assert limit.condition() == {"in_flight": 0, "latency_ms": 2000.0}

    run(story())


def test_a_throttle_makes_it_look_loaded_and_it_recovers() -> None:
    async def story() -> None:
        limit, _ = limited(Scripted(answers(after_s=1.0), fails(throttled(5.0))))
        await drain(limit, asked())
        calm = limit.load()
        await fate(limit, asked())
        assert limit.load() > calm
        await clock().sleep(120.0)
        assert limit.load() < 0.01

    run(story())


def test_who_gives_up_has_shown_how_slow_it_is_and_a_quick_failure_has_not() -> None:
    async def story() -> None:
        limit, _ = limited(Scripted(hangs()))
        assert await cancel_after(drain(limit, asked()), 4.0)
        assert limit.condition() == {"in_flight": 0, "latency_ms": 4000.0}
        broken, _ = limited(Scripted(fails(UpstreamUnavailable("down"), after_s=0.001)))
        assert isinstance(await fate(broken, asked()), UpstreamUnavailable)
        assert broken.condition()["latency_ms"] == 0.0

    run(story())
