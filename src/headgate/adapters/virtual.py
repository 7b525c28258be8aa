"""An event loop whose clock jumps to the next timer whenever every task is waiting.

trio's autojump clock, for asyncio: an hour of back-off passes at once, and the same way every time.
Used by tests and by simulations; the code under it is the production code, unmodified. Real I/O does
not belong on such a loop: a socket that is not ready does not keep the clock from jumping.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from heapq import heapify, heappop, heappush
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

FEW = 100
"""So many timers that were called off may lie about, before a look whether they are most of them."""
GRAIN_S = 1e-9
"""Moments nearer to each other than this are one."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop in virtual time, starting at 0.0 seconds.

    Its turns and timers are its own: asyncio's loop asks the selector in every turn, and compares timers in
    Python, which together is a fifth of what a simulated request costs. Timers of one moment go off in the
    order in which they were set.
    """

    _ready: deque[asyncio.Handle]
    _selector: selectors.BaseSelector
    _stopping: bool
    _process_events: Callable[[list[tuple[selectors.SelectorKey, int]]], None]

    def __init__(self) -> None:
        self._now = 0.0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._set = 0
        self._called_off = 0
        super().__init__()

    def time(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Called once in every turn, before anybody runs: so much time has gone by."""
        self._now += seconds

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self._set = number = self._set + 1
        heappush(self._timers, (when, number, timer))
        return timer

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def _timer_handle_cancelled(self, _: asyncio.TimerHandle) -> None:
        """As `asyncio.TimerHandle` says when it is called off, or would have been after it went off."""
        self._called_off += 1
        if self._called_off > FEW and 2 * self._called_off > len(self._timers):
            self._timers = [entry for entry in self._timers if not entry[2].cancelled()]
            heapify(self._timers)
            self._called_off = 0

    def _run_once(self) -> None:
        """One turn: everybody who can run now does, once; where nobody can, the clock jumps first."""
        ready, gone_by = self._ready, 0.0
        if not ready and not self._stopping:
            if events := self._selector.select(0):
                self._process_events(events)
            else:
                gone_by = self._next_at() - self._now
        self.advance(gone_by)
        timers, now = self._timers, self._now + GRAIN_S
        while timers and timers[0][0] <= now:
            ready.append(heappop(timers)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    def _next_at(self) -> float:
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heappop(timers)
        if not timers:
            raise RuntimeError("deadlock in virtual time: every task waits and no timer is set")
        return max(timers[0][0], self._now)


class VirtualClock:
    """`ports.Clock` on a `VirtualLoop`; the time of day starts at `epoch` (seconds since 1970)."""

    def __init__(self, loop: VirtualLoop, *, epoch: float = 1_760_000_000.0) -> None:
        self._loop = loop
        self._epoch = epoch
        self.now = loop.time

    def wall(self) -> float:
        return self._epoch + self._loop.time()

    def sleep(self, seconds: float) -> Coroutine[Any, Any, None]:
        return asyncio.sleep(seconds)

    def at(self, when: float, action: Callable[[], None]) -> asyncio.TimerHandle:
        return self._loop.call_at(when, action)


def clock() -> VirtualClock:
    """The clock of the virtual loop this runs on."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        raise RuntimeError("not on a virtual loop: run the coroutine with headgate.adapters.virtual.run")
    return VirtualClock(loop)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs `main` to its end on a fresh virtual loop. What it leaves running is cancelled.

    Raises:
        RuntimeError: when every task waits and no timer is set, which nothing could ever end.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
