"""What other stores keep for several processes, kept in one: for simulations, and for tests."""

from __future__ import annotations

from headgate.core.lease import Books, Hello, Reply, sync
from headgate.ports.clock import Clock


class MemoryCounters:
    """`ports.Counters` in this process's memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._books = Books()

    async def sync(self, hello: Hello) -> Reply:
        return sync(self._books, hello, int(self._clock.now() * 1e3))

    async def close(self) -> None:
        """Nothing to close."""
