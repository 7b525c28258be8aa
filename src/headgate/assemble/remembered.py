"""Questions in this process's memory, and behind it a register that survives it or is shared with others."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from headgate.ports.clock import Alarm, Clock
from headgate.ports.embedder import Embedder
from headgate.ports.neighbours import Kept, Near, Neighbours, Register, RegisterGone, Written

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np  # it comes with an extra: without it this must be importable
    from numpy.typing import NDArray

    from headgate.ports.neighbours import Vector

WRITTEN_EVERY_S = 0.25
"""How long a question waits to be written, so that many are written at once."""

PENDING = 10_000
"""Questions that wait to be written, at most; beyond that the oldest are not."""

FOUND_WITHIN_S = 0.25
"""How long a request waits for the register: then it is asked upstream."""

REST_S = 5.0
"""How long a register that did not answer is not asked."""

FOLLOWED_EVERY_S = 1.0
"""How soon the questions of other processes are known here."""

log = logging.getLogger("headgate")


class Memory(Neighbours, Protocol):
    def fill(self, partition: bytes, vectors: Vector, kept: Sequence[Kept]) -> None: ...


class Remembered:
    """`ports.Neighbours`. What is asked for is looked for in memory, and where the register can search, there
    too; what is added is in memory at once, and written a moment later. A register that cannot search is read
    to the end, and followed.

    Known weakness: of what waits to be written a crash costs a quarter of a second.
    """

    def __init__(self, memory: Memory, register: Register, clock: Clock, embedder: Embedder) -> None:
        self.memory = memory
        self.register = register
        self.embedder = embedder
        self.deep = register.searches
        self._clock = clock
        self._pending: dict[bytes, Written] = {}
        self._dropped: list[bytes] = []
        self._own: set[bytes] = set()
        self._alarm: Alarm | None = None
        self._writing: asyncio.Task[None] | None = None
        self._rests_until = 0.0

    def __len__(self) -> int:
        return len(self.memory)

    def same(self, partition: bytes, sign: int, now: float) -> Kept | None:
        return self.memory.same(partition, sign, now)

    def near(self, partition: bytes, vector: Vector, most: int, now: float) -> list[Near]:
        return self.memory.near(partition, vector, most, now)

    def add(self, partition: bytes, vector: Vector, kept: Kept) -> None:
        self.memory.add(partition, vector, kept)
        self._pending.pop(kept.identity, None)
        self._pending[kept.identity] = Written(partition, _bytes(vector), kept)
        if len(self._pending) > PENDING:
            del self._pending[next(iter(self._pending))]
        self._soon()

    def drop(self, partition: bytes, identity: bytes) -> None:
        self.memory.drop(partition, identity)
        self._pending.pop(identity, None)
        self._dropped.append(identity)
        self._soon()

    def clear(self) -> int:
        self._pending.clear()
        self._writing = asyncio.get_running_loop().create_task(self._cleared(self._writing))
        return self.memory.clear()

    def forget(self) -> None:
        """All that is here, but not what is written: where somebody else has cleared that."""
        self._pending.clear()
        self._own.clear()
        self.memory.clear()

    def resize(self, most: int) -> None:
        self.memory.resize(most)

    async def seek(self, partition: bytes, sign: int, vector: Vector, most: int, now: float) -> list[Near]:
        if not self.deep or self._clock.now() < self._rests_until:
            return []
        try:
            async with asyncio.timeout(FOUND_WITHIN_S):
                return await self.register.near(partition, sign, _bytes(vector), most, now)
        except (RegisterGone, TimeoutError) as error:
            self._rest(error)
            return []

    async def follow(self) -> None:
        """Reads what is there, and then what others add. Ends by being cancelled."""
        after = 0
        while not self.deep:
            before, after = after, await self.catch_up(after)
            await self._clock.sleep(FOLLOWED_EVERY_S if after == before else 0.0)

    async def catch_up(self, after: int) -> int:
        """Reads some of what was written after that point. The point that was reached."""
        try:
            after, found = await self.register.read(after, self._clock.wall())
        except RegisterGone as error:
            self._rest(error)
        else:
            self._fill(found)
        return after

    def _fill(self, found: list[Written]) -> None:
        """But for what this process has written itself."""
        parts: dict[bytes, list[Written]] = {}
        for one in found:
            if one.kept.identity in self._own:
                self._own.discard(one.kept.identity)
            elif len(one.vector) == self.embedder.dimension:
                parts.setdefault(one.partition, []).append(one)
        for partition, some in parts.items():
            self.memory.fill(partition, _rows(some), [one.kept for one in some])

    def _soon(self) -> None:
        if self._alarm is None:
            self._alarm = self._clock.at(self._clock.now() + WRITTEN_EVERY_S, self._write_soon)

    def _write_soon(self) -> None:
        self._alarm = None
        self._writing = asyncio.get_running_loop().create_task(self._write(self._writing))

    async def _write(self, before: asyncio.Task[None] | None) -> None:
        """Everything that waits, after what is being written already."""
        if before is not None:
            await asyncio.wait({before})
        questions, self._pending = list(self._pending.values()), {}
        dropped, self._dropped = self._dropped, []
        if self._clock.now() < self._rests_until:
            return
        try:
            if dropped:
                await self.register.drop(dropped)
            if questions:
                if not self.deep:
                    self._own.update(one.kept.identity for one in questions)
                await self.register.write(questions, self._clock.wall())
        except RegisterGone as error:
            self._rest(error)

    async def _cleared(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})
        try:
            await self.register.clear()
        except RegisterGone as error:
            self._rest(error)

    def _rest(self, error: Exception) -> None:
        log.warning("questions cannot be looked up: %s", str(error) or "it takes too long")
        self._rests_until = self._clock.now() + REST_S

    async def settled(self) -> None:
        """Until everything that was added has been written."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._write_soon()
        if self._writing is not None:
            await asyncio.wait({self._writing})

    async def close(self) -> None:
        await self.settled()
        with suppress(RegisterGone):
            await self.register.close()


def _bytes(vector: Vector) -> bytes:
    import numpy as np

    written: bytes = np.rint(np.asarray(vector) * 127.0).astype(np.int8).tobytes()
    return written


def _rows(written: list[Written]) -> NDArray[np.float32]:
    """Their vectors, of length 1 again."""
    import numpy as np

    numbers = np.frombuffer(b"".join([one.vector for one in written]), np.int8).astype(np.float32)
    rows = numbers.reshape(len(written), -1)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return rows
