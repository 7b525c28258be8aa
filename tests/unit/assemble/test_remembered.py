"""Questions behind memory: a register that is far away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np

from headgate.adapters.near.questions import Questions
from headgate.assemble.remembered import Remembered
from headgate.ports.neighbours import Kept, Near, RegisterGone, Written
from virtual import VirtualClock, clock, run

PART = b"p" * 16
ROW = np.eye(1, 16, dtype=np.float32)[0]
NEAR = Near(Kept(b"reads", b"one", b"8 bytes!", 0, 1e12), 1.0)


class Far:
    """A `ports.neighbours.Register` that searches, and whose connection takes a second."""

    searches = True

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._connected = False
        self.away = False
        self.asked = 0

    async def _connect(self) -> None:
        self.asked += 1
        if self.away:
            raise RegisterGone("away")
        if not self._connected:
            await self._clock.sleep(1.0)
            self._connected = True

    async def read(self, after: int, now: float) -> tuple[int, list[Written]]:
        await self._connect()
        return after, []

    async def near(self, partition: bytes, sign: int, vector: bytes, most: int, now: float) -> list[Near]:
        await self._connect()
        return [NEAR]

    async def write(self, questions: Sequence[Written], now: float) -> None: ...

    async def drop(self, identities: Sequence[bytes]) -> None: ...

    async def clear(self) -> int:
        return 0

    async def close(self) -> None: ...


class Words:
    id = "words:16"
    dimension = 16

    def embed(self, texts: Any, /) -> Any:
        return np.zeros((len(texts), 16), np.float32)


def test_a_connection_stands_before_anybody_asks() -> None:
    async def story() -> tuple[list[Near], int]:
        far = Far(clock())
        index = Remembered(Questions(16, 10), far, clock(), Words())
        following = asyncio.ensure_future(index.follow())
        await clock().sleep(2.0)
        found = await index.seek(PART, 0, ROW, 3, 0.0)
        far.away, far.asked = True, 0
        await clock().sleep(20.0)
        following.cancel()
        return found, far.asked

    found, asked = run(story())
    assert found == [NEAR]
    assert asked <= 5, "who is away is left alone for a while"
