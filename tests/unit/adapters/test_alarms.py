"""Alarms under load: none is early, none is lost, and one timer does for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.adapters.alarms import FAR_S, FINE_S, Alarms
from virtual import clock, run

WHEN = st.one_of(
    st.floats(0, 0.05),
    st.floats(0, 5),
    st.floats(FAR_S - 0.02, FAR_S + 1.02),
    st.floats(0, 700),
    st.integers(0, 8).map(float),
)


@given(
    alarms=st.lists(st.tuples(st.floats(0, 20), WHEN, st.none() | st.floats(0, 1)), max_size=25),
    start=st.floats(0, 2),
)
@settings(max_examples=80)
def test_every_alarm_rings_in_time_unless_it_is_called_off(
    alarms: list[tuple[float, float, float | None]], start: float
) -> None:
    """Each: when it is set, how long until it is due, and at what share of that it is called off."""
    rung: dict[int, float] = {}

    async def main() -> None:
        now = clock().now
        await clock().sleep(start)
        wheel = Alarms(asyncio.get_running_loop(), now)

        def ring(number: int) -> None:
            assert number not in rung
            rung[number] = now()

        async def one(number: int, set_at: float, after: float, called_off: float | None) -> None:
            await clock().sleep(set_at)
            alarm = wheel.at(now() + after, partial(ring, number))
            if called_off is not None:
                await clock().sleep(after * called_off * 0.99)
                alarm.cancel()

        await asyncio.gather(*(one(number, *alarm) for number, alarm in enumerate(alarms)))
        await clock().sleep(1_000)

    run(main())
    for number, (set_at, after, called_off) in enumerate(alarms):
        due = start + set_at + after
        if called_off is None:
            assert due - 1e-6 <= rung[number] <= due + FINE_S + 1e-6
        elif number in rung:
            assert rung[number] >= due - 1e-6, "an alarm that was called off too late rang too early"
            assert after * (1 - called_off * 0.99) <= FINE_S


class Counting:
    """A loop that counts its timers."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.call_soon = loop.call_soon
        self.timers = 0
        self._loop = loop

    def call_later(self, delay: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        self.timers += 1
        return self._loop.call_later(delay, call)


def test_a_thousand_alarms_are_a_handful_of_timers() -> None:
    async def main() -> int:
        loop = Counting(asyncio.get_running_loop())
        wheel = Alarms(loop, clock().now)  # type: ignore[arg-type]  # as much of a loop as it uses
        for _ in range(1_000):
            wheel.at(clock().now() + 600, lambda: None).cancel()
            wheel.at(clock().now() + 30, lambda: None).cancel()
        return loop.timers

    assert run(main()) <= 2


def test_what_was_called_off_is_let_go() -> None:
    """A day of deadlines that are all called off leaves a few empty buckets."""

    async def main() -> int:
        wheel = Alarms(asyncio.get_running_loop(), clock().now)
        for _ in range(2_000):
            wheel.at(clock().now() + 600, lambda: None).cancel()
            await clock().sleep(3)
        return len(wheel._buckets)

    assert run(main()) <= 603
