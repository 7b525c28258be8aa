"""Queue: who waits for room, whose turn it is, who is refused at once and who leaves."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowded import Crowd, Paced, Told
from headgate.config.load import process_environment
from headgate.core.breaker import Breaker
from headgate.core.errors import OverLimit, Overloaded, UpstreamUnavailable
from headgate.core.permits import Permits
from headgate.core.waiting import Bounds, Left, Room
from headgate.pipeline.breaker import CircuitBreaker
from headgate.pipeline.limit import Limit
from scripted import (
    HANG,
    Act,
    Notes,
    Scripted,
    TurningLoop,
    answers,
    cancelled_at_every_turn,
    ended,
    fails,
)
from virtual import clock, run


async def all_of(crowd: Crowd, count: int, tier: str = "", tenant: str = "acme") -> list[Told]:
    return list(await asyncio.gather(*(crowd.ask(tier, tenant) for _ in range(count))))


# ── waiting ──────────────────────────────────────────────────────────────────────────────────────────


def test_where_there_is_room_nobody_waits() -> None:
    async def story() -> None:
        crowd = Crowd(Scripted())
        told = await all_of(crowd, 5)
        assert all(one.error is None and one.queued is None for one in told)
        assert (crowd.notes.waits, clock().now(), crowd.is_empty()) == ([], 0.0, True)

    run(story())


def test_room_in_time_is_waited_for_in_order_and_each_is_told_its_place() -> None:
    async def story() -> None:
        crowd = Crowd(Paced(gap_s=2.0))
        told = await all_of(crowd, 5)
        assert [one.ended for one in told] == pytest.approx([0.0, 2.0, 4.0, 6.0, 8.0])
        assert told[0].queued is None
        assert [one.queued.place for one in told[1:] if one.queued] == [1, 2, 3, 4]
        assert [one.queued.estimate_s for one in told[1:] if one.queued] == [2.0, 4.0, 6.0, 8.0]
        assert [one.waited for one in told] == pytest.approx([0.0, 2.0, 4.0, 6.0, 8.0])
        assert [(queue, left) for queue, _, left in crowd.notes.waits] == [("standard", Left.SERVED)] * 4
        assert crowd.is_empty()

    run(story())


@pytest.mark.parametrize("size", [1, 2, 3])
def test_of_a_full_upstream_as_many_go_as_there_is_room_for(size: int) -> None:
    async def story() -> None:
        up = Scripted(answers(b"a", after_s=1.0))
        crowd = Crowd(upstreams={"m": Limit(up, permits=Permits(size), clock=clock())})
        told = await all_of(crowd, 6)
        assert sorted(one.ended for one in told) == [1.0 + n // size for n in range(6)]
        assert (up.peak, up.calls, crowd.is_empty()) == (size, 6, True)

    run(story())


def test_who_comes_later_does_not_pass() -> None:
    async def story() -> None:
        crowd = Crowd(Paced(gap_s=1.0))
        first = asyncio.ensure_future(all_of(crowd, 3))
        await clock().sleep(1.0)  # there is room again, this instant: it is not the newcomer's
        last = await crowd.ask()
        assert [one.ended for one in await first] == pytest.approx([0.0, 1.0, 2.0])
        assert last.ended == pytest.approx(3.0)

    run(story())


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=25), st.integers(1, 800))
@settings(max_examples=60, deadline=None)
def test_room_never_stands_empty_while_anybody_waits(arrivals: list[int], takes_ms: int) -> None:
    """No wake-up is lost: with one place, each begins when it came or when the one before left."""

    async def story() -> None:
        up = Scripted(answers(b"a", after_s=takes_ms / 1000))
        crowd = Crowd(upstreams={"m": Limit(up, permits=Permits(1), clock=clock())})

        async def one(came: int) -> float:
            await clock().sleep(came / 1000)
            told = await crowd.ask()
            assert told.error is None
            return told.ended

        ended_at = sorted(await asyncio.gather(*(one(came) for came in arrivals)))
        expected, last = [], 0.0
        for came in sorted(arrivals):
            last = max(last, came / 1000) + takes_ms / 1000
            expected.append(last)
        assert ended_at == pytest.approx(expected)
        assert crowd.is_empty()

    run(story())


# ── refused at once ──────────────────────────────────────────────────────────────────────────────────


def test_who_could_not_be_served_in_time_is_told_so_at_once_and_when() -> None:
    async def story() -> None:
        crowd = Crowd(Paced(gap_s=1.0), bounds=Bounds(max_wait_s=4.0))
        told = await all_of(crowd, 8)
        assert [one.ended for one in told[:4]] == pytest.approx([0.0, 1.0, 2.0, 3.0])
        for one in told[4:]:
            assert isinstance(one.error, OverLimit)
            assert one.ended == 0.0
            assert one.error.retry_after_s == pytest.approx(4.0)
        assert Counter(left for _, _, left in crowd.notes.waits) == {Left.SERVED: 3, Left.TOO_LONG: 4}

    run(story())


def test_the_tiers_patience_counts_and_the_callers_deadline() -> None:
    async def story() -> None:
        crowd = Crowd(Paced(gap_s=0.4))
        told = await all_of(crowd, 6, tier="enterprise")
        assert [one.error is None for one in told] == [True, True, True, False, False, False]
        crowd = Crowd(Paced(gap_s=0.4))
        told = [*await asyncio.gather(*(crowd.ask(deadline_s=0.9) for _ in range(6)))]
        assert [one.error is None for one in told] == [True, True, True, False, False, False]
        assert all(one.ended == one.came for one in told[3:])

    run(story())


def test_a_sick_pool_is_not_waited_for_and_the_answer_is_not_that_of_a_limit() -> None:
    async def story() -> None:
        up = Scripted()
        up.is_ready, up.is_ready_at, up.is_well_at = False, 20.0, 20.0
        crowd = Crowd(up)
        told = await crowd.ask()
        assert isinstance(told.error, Overloaded)
        assert (told.ended, told.error.retry_after_s) == (0.0, 20.0)

    run(story())


@pytest.mark.parametrize(
    ("bounds", "body"), [(Bounds(max_size=3), b"{}"), (Bounds(max_bytes=35), b"0123456789")]
)
def test_no_more_wait_than_there_are_places_and_bytes_for(bounds: Bounds, body: bytes) -> None:
    async def story() -> None:
        crowd = Crowd(Paced(gap_s=1.0), bounds=bounds)
        told = await asyncio.gather(*(crowd.ask(body=body) for _ in range(6)))
        assert [one.error is None for one in told] == [True] * 4 + [False] * 2
        for one in told[4:]:
            assert isinstance(one.error, Overloaded)
            assert one.error.code == "queue_full"
            assert one.ended == 0.0
        assert crowd.is_empty()

    run(story())


@given(st.lists(st.tuples(st.sampled_from("aaaaaaab"), st.integers(0, 40)), max_size=300))
def test_the_greedy_leave_room_for_others(arrivals: list[tuple[str, int]]) -> None:
    room, bounds = Room(), Bounds(max_size=90, max_bytes=1800)
    held: Counter[str] = Counter()
    for tenant, size in arrivals:
        if room.admits(tenant, size, bounds):
            room.take(tenant, size)
            held[tenant] += 1
        assert room.size == held.total() <= 90
        assert room.bytes <= 1800
        if not held["b"]:
            assert room.size <= 80
    assert not held["a"] or held["b"] or room.admits("b", 0, bounds)


# ── leaving ──────────────────────────────────────────────────────────────────────────────────────────


def test_who_waits_for_what_never_comes_is_sent_away_when_its_patience_ends() -> None:
    async def story() -> None:
        up = Scripted()
        up.is_ready = False
        crowd = Crowd(up)
        told = await crowd.ask("basic")
        assert isinstance(told.error, Overloaded)
        assert (told.ended, crowd.is_empty()) == (5.0, True)
        assert crowd.notes.waits == [("standard", 0.0, Left.LATE)]

    run(story())


def test_who_hangs_up_makes_room_for_the_next() -> None:
    async def story() -> None:
        crowd = Crowd(Paced(gap_s=1.0))
        await crowd.ask()
        gone = asyncio.ensure_future(crowd.drain(crowd.call()))
        stays = asyncio.ensure_future(crowd.ask())
        await clock().sleep(0.5)
        gone.cancel()
        assert (await stays).ended == pytest.approx(1.0)
        assert isinstance(ended(gone), asyncio.CancelledError)
        assert crowd.is_empty()

    run(story())


def test_who_is_let_go_and_hangs_up_that_very_moment_passes_the_turn_on() -> None:
    async def story() -> None:
        permits = Permits(1)
        crowd = Crowd(upstreams={"m": Limit(Scripted(), permits=permits, clock=clock())})
        permits.free = 0
        gone = asyncio.ensure_future(crowd.drain(crowd.call()))
        stays = asyncio.ensure_future(crowd.ask())
        await clock().sleep(1.0)
        permits.give_back(1.0)
        for _ in range(9):
            if not crowd.hall._things["m"].granted:
                await clock().sleep(0.0)
        assert crowd.hall._things["m"].granted
        gone.cancel()
        assert (await stays).ended == 1.0
        assert isinstance(ended(gone), asyncio.CancelledError)
        assert crowd.is_empty()

    run(story())


@pytest.mark.parametrize("pace", ["time", "permits"])
def test_cancelled_at_any_turn_nobody_else_waits_longer_for_it(pace: str) -> None:
    async def scene(loop: TurningLoop) -> None:
        up = Scripted(answers(b"a", after_s=1.0))
        pool = Limit(up, permits=Permits(1), clock=clock()) if pace == "permits" else Paced(gap_s=1.0)
        crowd = Crowd(upstreams={"m": pool})
        others = [asyncio.ensure_future(crowd.ask(tenant="others")) for _ in range(2)]
        struck = asyncio.ensure_future(loop.on_the_block(crowd.drain(crowd.call(tenant="struck"))))
        more = asyncio.ensure_future(crowd.ask(tenant="others"))
        told = [await each for each in (*others, more)]
        await struck
        assert [one.error for one in told] == [None] * 3
        assert told[-1].ended <= 4.0
        assert crowd.is_empty()

    assert cancelled_at_every_turn(scene) >= 1


def test_when_all_they_wait_for_falls_sick_they_are_told() -> None:
    async def story() -> None:
        up = Scripted(Act(before=(1.0, UpstreamUnavailable("down"))))
        limit = Limit(up, permits=Permits(1), clock=clock())
        guard = CircuitBreaker(
            limit,
            breaker=Breaker(threshold=1, recovery_s=60.0),
            source=up.source,
            clock=clock(),
            recorder=Notes(),
        )
        crowd = Crowd(upstreams={"m": guard})
        told = await all_of(crowd, 5)
        assert all(isinstance(one.error, Overloaded | UpstreamUnavailable | Exception) for one in told)
        assert [one.ended for one in told] == [1.0] * 5
        waits = Counter(left for _, _, left in crowd.notes.waits)
        assert waits[Left.UNWELL] + waits[Left.TOO_LONG] >= 4
        assert crowd.is_empty()

    run(story())


# ── several pools ────────────────────────────────────────────────────────────────────────────────────


def test_where_a_neighbour_has_room_nobody_waits() -> None:
    async def story() -> None:
        crowd = Crowd(Paced(gap_s=100.0, name="a"), Scripted(name="b"))
        told = await all_of(crowd, 4)
        assert [one.ended for one in told] == [0.0] * 4
        assert crowd.notes.waits == []

    run(story())


def test_the_wait_is_for_whichever_pool_is_first() -> None:
    async def story() -> None:
        one, other = Paced(gap_s=3.0, name="a"), Paced(gap_s=2.0, name="b")
        crowd = Crowd(one, other)
        told = await all_of(crowd, 7)
        assert sorted(each.ended for each in told) == pytest.approx([0.0, 0.0, 2.0, 3.0, 4.0, 6.0, 6.0])
        assert (one.calls, other.calls, crowd.is_empty()) == (3, 4, True)

    run(story())


def test_pools_that_draw_on_the_same_keys_share_one_order() -> None:
    """The tenants of the big model and of the small one get their turns alike, whichever pool they want."""

    async def story() -> None:
        shared = [0.0]
        big, small = (Paced(gap_s=0.1, name=name, shared=shared) for name in ("big", "small"))
        crowd = Crowd(big, small, scarce={"big": "keys", "small": "keys"}, bounds=Bounds(max_wait_s=100.0))
        asks = [crowd.ask(tenant="one", chain=("big",)) for _ in range(40)]
        asks += [crowd.ask(tenant="other", chain=("small",)) for _ in range(10)]
        await asyncio.gather(*asks)
        first = [one.tenant for one in crowd.told[:20]]
        assert 8 <= first.count("other") <= 10
        assert clock().now() == pytest.approx(4.9)

    run(story())


def test_a_failed_attempt_waits_its_turn_at_the_neighbour() -> None:
    async def story() -> None:
        bad = Scripted(fails(UpstreamUnavailable("down"), after_s=0.5), name="a")
        good = Paced(gap_s=1.0, name="b")
        crowd = Crowd(bad, good)
        told = await all_of(crowd, 4)
        assert all(one.error is None for one in told)
        assert sorted(one.ended for one in told) == pytest.approx([0.5, 1.5, 2.5, 3.5])

    run(story())


def test_a_hanging_neighbour_does_not_keep_the_others_waiting() -> None:
    async def story() -> None:
        stuck = Limit(Scripted(Act(before=(HANG,)), name="a"), permits=Permits(1), clock=clock())
        crowd = Crowd(upstreams={"a": stuck, "b": Paced(gap_s=1.0, name="b")})
        hangs = asyncio.ensure_future(crowd.drain(crowd.call(chain=("a",))))
        await clock().sleep(0.1)
        waits = asyncio.ensure_future(crowd.drain(crowd.call(chain=("a",))))
        told = await asyncio.gather(*(crowd.ask() for _ in range(3)))
        assert all(one.error is None for one in told)
        assert max(one.ended for one in told) == pytest.approx(2.1)
        for task in (hangs, waits):
            task.cancel()
        await asyncio.wait({hangs, waits})
        assert crowd.is_empty()

    run(story())


# ── what it costs ────────────────────────────────────────────────────────────────────────────────────

MANY = 100_000 if process_environment().get("HEADGATE_SOAK") == "1" else 2_000


def test_a_place_takes_two_kilobytes_with_its_task_and_gives_them_back() -> None:
    async def story() -> tuple[int, int, int]:
        up = Scripted()
        up.is_ready = False
        crowd = Crowd(up, bounds=Bounds(max_wait_s=1e5, max_size=2 * MANY))
        calls = [crowd.call(tenant=f"tenant-{number % (MANY // 100)}") for number in range(MANY)]
        before, _ = tracemalloc.get_traced_memory()
        waiting = {asyncio.ensure_future(crowd.queue.turn(call, ("m",))) for call in calls}
        await clock().sleep(1.0)
        assert crowd.hall.waiting == MANY
        during, _ = tracemalloc.get_traced_memory()
        for task in list(waiting)[: MANY // 4]:
            task.cancel()
        up.is_ready = True
        up.listeners()
        await asyncio.wait(waiting)
        assert crowd.is_empty()
        waiting.clear()
        crowd.notes.waits.clear()
        up.seen.clear()
        up.replies.clear()
        await clock().sleep(1.0)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        return before, during, after

    tracemalloc.start()
    try:
        before, during, after = run(story())
    finally:
        tracemalloc.stop()
    assert (during - before) / MANY <= 2048
    tables = 120 * MANY  # asyncio's set of all tasks keeps the size it had
    assert after - before - tables <= 48 * MANY  # less than the smallest object of each
