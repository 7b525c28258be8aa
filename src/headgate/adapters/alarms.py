"""Alarms that are cheap to set and to call off: one timer of the event loop for all of them.

A request sets two (deadline, patience) and nearly always calls both off. A timer of uvloop's costs 3 to 10 µs
from birth to burial; one of these about one. Alarms are kept in buckets, as in a hierarchical timing wheel
(Varghese and Lauck, *Hashed and Hierarchical Timing Wheels*, 1987): a near one in a bucket of `FINE_S`, a far
one in a bucket of a second, to be looked at again when that second begins. The loop's timer stands at the
earliest bucket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush
from math import ceil

import msgspec

FINE_S = 0.01
FAR_S = 2.0
"""How far away an alarm must be to wait in a coarse bucket: more than the second that is."""

_PER_SECOND = round(1 / FINE_S)

Action = Callable[[], None]


class Handle(msgspec.Struct, eq=False):
    """An alarm that has been set for `when`, in seconds."""

    when: float
    action: Action
    bucket: set[Handle]

    def cancel(self) -> None:
        self.bucket.discard(self)

    def ring(self) -> None:
        """Acts, unless it has been called off since its bucket came due."""
        if self in self.bucket:
            self.bucket.discard(self)
            self.action()


class Alarms:
    """Every alarm of one event loop. `now` is the clock their times are given in.

    Known weakness: a bucket whose alarms have all been called off is only forgotten when its time comes;
    there are at most as many as seconds to the farthest deadline, and a few hundred fine ones.
    """

    __slots__ = ("_buckets", "_due", "_loop", "_now", "_timer", "_timer_at")

    def __init__(self, loop: asyncio.AbstractEventLoop, now: Callable[[], float]) -> None:
        self._loop = loop
        self._now = now
        self._buckets: dict[int, set[Handle]] = {}
        self._due: list[int] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0

    def at(self, when: float, action: Action) -> Handle:
        """Calls `action` within `FINE_S` after `when`; at the next opportunity if that has passed."""
        far = when - self._now() > FAR_S
        tick = int(when) * _PER_SECOND if far else ceil(when * _PER_SECOND)
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._open(tick)
        handle = Handle(when, action, bucket)
        bucket.add(handle)
        return handle

    def _open(self, tick: int) -> set[Handle]:
        bucket = self._buckets[tick] = set()
        heappush(self._due, tick)
        if self._timer is None or tick < self._timer_at:
            self._arm()
        return bucket

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = self._due[0]
        wait_s = self._timer_at * FINE_S - self._now()
        self._timer = self._loop.call_later(max(0.0, wait_s), self._look)

    def _look(self) -> None:
        """Opens the buckets that are due, and sets the timer for what comes next."""
        self._timer = None
        now = self._now()
        while self._due and self._due[0] * FINE_S <= now:
            for handle in self._buckets.pop(heappop(self._due)):
                self._sort(handle, now)
        if self._due:
            self._arm()

    def _sort(self, handle: Handle, now: float) -> None:
        """Rings an alarm whose time has come; puts one that waited in a coarse bucket into a fine one."""
        tick = ceil(handle.when * _PER_SECOND)
        if tick * FINE_S <= now:
            self._loop.call_soon(handle.ring)
        else:
            bucket = self._buckets.get(tick)
            handle.bucket = self._open(tick) if bucket is None else bucket
            handle.bucket.add(handle)
