"""Questions in this process's memory, and behind it a register that survives it or is shared with others."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from headgate.assemble.behind import FOLLOWED_EVERY_S, Behind
from headgate.ports.clock import Clock
from headgate.ports.embedder import Embedder
from headgate.ports.neighbours import Kept, Near, Neighbours, Register, RegisterGone, Written

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np  # it comes with an extra: without it this must be importable
    from numpy.typing import NDArray

    from headgate.ports.neighbours import Vector

PENDING = 10_000
"""Questions that wait to be written, at most; beyond that the oldest are not."""


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
        self._behind = Behind(clock, "questions that are kept", gone=RegisterGone, write=self._write)

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
        self._behind.soon()

    def drop(self, partition: bytes, identity: bytes) -> None:
        self.memory.drop(partition, identity)
        self._pending.pop(identity, None)
        self._dropped.append(identity)
        self._behind.soon()

    def clear(self) -> int:
        self._pending.clear()
        self._behind.then(self.register.clear)
        return self.memory.clear()

    def forget(self) -> None:
        """All that is here, but not what is written: where somebody else has cleared that."""
        self._pending.clear()
        self._own.clear()
        self.memory.clear()

    def resize(self, most: int) -> None:
        self.memory.resize(most)

    async def seek(self, partition: bytes, sign: int, vector: Vector, most: int, now: float) -> list[Near]:
        if not self.deep or self._behind.rests:
            return []
        return await self._behind.ask(self.register.near(partition, sign, _bytes(vector), most, now)) or []

    async def follow(self) -> None:
        """Reads what is there, and then what others add; of a register that searches nothing, but so its
        connection stands before anybody asks it something. Ends by being cancelled."""
        after = 0
        while True:
            before = after
            if not self._behind.rests:
                after = await self.catch_up(after)
            await self._clock.sleep(FOLLOWED_EVERY_S if after == before else 0.0)

    async def catch_up(self, after: int) -> int:
        """Reads some of what was written after that point. The point that was reached."""
        try:
            after, found = await self.register.read(after, self._clock.wall())
        except RegisterGone as error:
            self._behind.rest(error)
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

    async def _write(self) -> None:
        questions, self._pending = list(self._pending.values()), {}
        dropped, self._dropped = self._dropped, []
        if self._behind.rests:
            return
        if dropped:
            await self.register.drop(dropped)
        if questions:
            if not self.deep:
                self._own.update(one.kept.identity for one in questions)
            await self.register.write(questions, self._clock.wall())

    async def settled(self) -> None:
        """Until everything that was added has been written."""
        await self._behind.settled()

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
