"""An event loop whose clock jumps to the next timer whenever every task is waiting.

trio's autojump clock, for asyncio: an hour of back-off passes at once, and the same way every time.
Used by tests and by simulations; the code under it is the production code, unmodified. Real I/O does
not belong on such a loop: a socket that is not ready does not keep the clock from jumping.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits: where the loop would sleep until its next timer, it moves the clock there instead."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout == 0:  # somebody can run now: a look at sockets can wait until nobody can
            self.loop.advance(0.0)
            return []
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise RuntimeError("deadlock in virtual time: every task waits and no timer is set")
        self.loop.advance(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop in virtual time, starting at 0.0 seconds."""

    def __init__(self) -> None:
        self._now = 0.0
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds


class VirtualClock:
    """`ports.Clock` on a `VirtualLoop`; the time of day starts at `epoch` (seconds since 1970)."""

    def __init__(self, loop: VirtualLoop, *, epoch: float = 1_760_000_000.0) -> None:
        self._loop = loop
        self._epoch = epoch

    def now(self) -> float:
        return self._loop.time()

    def wall(self) -> float:
        return self._epoch + self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

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
