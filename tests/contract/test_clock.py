"""`ports.clock.Clock`: one suite, over the machine's clock on both loops and over virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop

import virtual
from headgate.adapters.system import Ids, SystemClock
from headgate.ports.clock import Alarm, Clock

Story = Callable[[Clock], Awaitable[Any]]
Play = Callable[[Story], Any]


def _on(factory: Any) -> Play:
    def play(story: Story) -> Any:
        async def main() -> Any:
            return await story(SystemClock())

        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(main())

    return play


def _virtually(story: Story) -> Any:
    async def main() -> Any:
        return await story(virtual.clock())

    return virtual.run(main())


@pytest.fixture(params=["asyncio", "uvloop", "virtual"])
def play(request: pytest.FixtureRequest) -> Play:
    plays = {
        "asyncio": _on(asyncio.new_event_loop),
        "uvloop": _on(uvloop.new_event_loop),
        "virtual": _virtually,
    }
    return plays[request.param]


async def passes(clock: Clock, until: float) -> None:
    """Waits for a moment of the clock."""
    while clock.now() < until:
        await clock.sleep(until - clock.now())


def test_now_never_goes_back_and_sleep_sleeps(play: Play) -> None:
    async def story(clock: Clock) -> None:
        before = clock.now()
        await clock.sleep(0.02)
        assert clock.now() - before >= 0.0199
        seen = [clock.now() for _ in range(100)]
        assert seen == sorted(seen)

    play(story)


def test_the_time_of_day_is_seconds_since_1970(play: Play) -> None:
    async def story(clock: Clock) -> None:
        assert 1_700_000_000 < clock.wall() < 5_000_000_000

    play(story)


def test_an_alarm_rings_once_and_never_early(play: Play) -> None:
    async def story(clock: Clock) -> None:
        rung: list[float] = []
        due = clock.now() + 0.03
        clock.at(due, lambda: rung.append(clock.now()))
        await passes(clock, due - 0.005)
        assert rung == []
        await passes(clock, due + 0.2)
        assert len(rung) == 1
        assert due <= rung[0] < due + 0.15

    play(story)


def test_an_alarm_that_is_called_off_does_not_ring(play: Play) -> None:
    async def story(clock: Clock) -> None:
        rung: list[str] = []
        alarm = clock.at(clock.now() + 0.02, lambda: rung.append("called off"))
        alarm.cancel()
        alarm.cancel()
        other = clock.at(clock.now() + 0.02, lambda: rung.append("rings"))
        await passes(clock, clock.now() + 0.1)
        other.cancel()
        assert rung == ["rings"]

    play(story)


def test_an_alarm_for_the_past_rings_at_the_next_opportunity(play: Play) -> None:
    async def story(clock: Clock) -> None:
        rung: list[int] = []
        clock.at(clock.now() - 5, lambda: rung.append(1))
        assert rung == [], "not from within the call that sets it"
        await passes(clock, clock.now() + 0.05)
        assert rung == [1]

    play(story)


def test_alarms_ring_in_the_order_of_their_times(play: Play) -> None:
    async def story(clock: Clock) -> None:
        rung: list[int] = []
        base = clock.now() + 0.02
        for number in (3, 0, 2, 1):
            clock.at(base + number * 0.03, lambda number=number: rung.append(number))  # type: ignore[misc]  # bound
        await passes(clock, base + 0.2)
        assert rung == [0, 1, 2, 3]

    play(story)


def test_an_alarm_may_set_and_call_off_others(play: Play) -> None:
    async def story(clock: Clock) -> None:
        rung: list[str] = []
        due = clock.now() + 0.02
        doomed = clock.at(due + 0.06, lambda: rung.append("doomed"))

        def first() -> None:
            rung.append("first")
            doomed.cancel()
            clock.at(clock.now() + 0.02, lambda: rung.append("second"))

        clock.at(due, first)
        await passes(clock, due + 0.2)
        assert rung == ["first", "second"]

    play(story)


def test_one_alarm_at_a_moment_may_call_off_its_neighbour(play: Play) -> None:
    async def story(clock: Clock) -> None:
        rung: list[str] = []
        due = clock.now() + 0.02
        alarms: list[Alarm] = []

        def ring() -> None:
            rung.append("one")
            for alarm in alarms:
                alarm.cancel()

        alarms += [clock.at(due, ring) for _ in range(5)]
        await passes(clock, due + 0.1)
        assert rung == ["one"]

    play(story)


# ── names ────────────────────────────────────────────────────────────────────────────────────────


def test_ids_are_unlike_each_other() -> None:
    new = Ids("req_")
    found = [new() for _ in range(2_000)]
    assert len(set(found)) == 2_000
    assert all(len(name) == 28 and name.startswith("req_") and int(name[4:], 16) >= 0 for name in found)


def test_ids_are_as_long_as_asked() -> None:
    assert len(Ids("", size=8)()) == 16
