"""Answers in this process's memory, and behind it on a shelf that survives it or is shared with others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from headgate.adapters.memory.cache import MemoryCache
from headgate.assemble.behind import FOLLOWED_EVERY_S, Behind
from headgate.core.identity import Identity
from headgate.core.reuse import Stored
from headgate.ports.cache import Shelf, ShelfGone
from headgate.ports.clock import Clock

PENDING_BYTES = 16_777_216
"""Answers that wait to be written, at most; beyond that the oldest are not."""


class Shelved:
    """`ports.Cache`. What is asked for is looked for in memory, then on the shelf, once for all who look at
    the same time; what is put is in memory at once, and written a moment later.

    Known weakness: what another process has put into the place of an answer is not seen while memory has it.
    """

    deep = True

    def __init__(self, memory: MemoryCache, shelf: Shelf, clock: Clock) -> None:
        self.memory = memory
        self.shelf = shelf
        self._clock = clock
        self._pending: dict[bytes, Stored] = {}
        self._pending_bytes = 0
        self._looking: dict[Identity, asyncio.Task[Stored | None]] = {}
        self._behind = Behind(clock, "answers on the shelf", gone=ShelfGone, write=self._write)
        self._known: str | None = None  # the shelf's epoch
        self.cleared: Callable[[], object] | None = None
        """Called when somebody else has cleared the shelf."""

    def knows(self, identity: Identity) -> bool:
        return self.memory.knows(identity)

    def get(self, identity: Identity, now: float) -> Stored | None:
        return self.memory.get(identity, now)

    def others(self, identity: Identity, now: float) -> Iterable[Stored]:
        return self.memory.others(identity, now)

    def put(self, identity: Identity, answer: Stored) -> None:
        told = identity.told()
        self.memory.put(identity, answer)
        before = self._pending.pop(told, None)
        self._pending_bytes += answer.weight() - (before.weight() if before else 0)
        self._pending[told] = answer
        while self._pending_bytes > PENDING_BYTES:
            self._pending_bytes -= self._pending.pop(next(iter(self._pending))).weight()
        self._behind.soon()

    def clear(self) -> int:
        self._pending.clear()
        self._pending_bytes = 0
        self._behind.then(self._empty)
        return self.memory.clear()

    async def _empty(self) -> None:
        await self.shelf.clear()
        self._known = await self._epoch()

    def resize(self, max_bytes: int) -> None:
        """More or less room in memory from now on."""
        self.memory.resize(max_bytes)

    async def seek(self, identity: Identity, now: float) -> Stored | None:
        if self._behind.rests:
            return None
        looking = self._looking.get(identity)
        if looking is None:
            looking = asyncio.get_running_loop().create_task(self._look(identity, now))
            self._looking[identity] = looking
            looking.add_done_callback(lambda _: self._looking.pop(identity, None))
        return await asyncio.shield(looking)

    async def _look(self, identity: Identity, now: float) -> Stored | None:
        told = identity.told()
        pending = self._pending.get(told)
        if pending is not None:
            return pending if now < pending.expires_at else None
        answer = await self._behind.ask(self.shelf.find(told, now))
        if answer is not None:
            self.memory.put(identity, answer)
        return answer

    async def _write(self) -> None:
        """But for what was kept before the shelf was cleared, or told anew from that: it would be back."""
        answers, self._pending, self._pending_bytes = list(self._pending.items()), {}, 0
        if answers and not self._behind.rests and not await self._heeds():
            await self.shelf.keep(answers, self._clock.wall())

    async def follow(self) -> None:
        """Looks whether somebody else has cleared the shelf. Ends by being cancelled."""
        while True:
            await self._heeds()
            await self._clock.sleep(FOLLOWED_EVERY_S)

    async def _heeds(self) -> bool:
        """Forgets what is in memory, and what waits to be written, where somebody else has cleared the
        shelf."""
        epoch = await self._epoch()
        before, self._known = self._known, self._known if epoch is None else epoch
        if before is None or before == self._known:
            return False
        self.memory.clear()
        self._pending.clear()
        self._pending_bytes = 0
        if self.cleared is not None:
            self.cleared()
        return True

    async def _epoch(self) -> str | None:
        try:
            return await self.shelf.epoch()
        except ShelfGone:
            return None

    async def settled(self) -> None:
        """Until everything that was put has been written."""
        await self._behind.settled()

    async def close(self) -> None:
        await self.settled()
        with suppress(ShelfGone):
            await self.shelf.close()
