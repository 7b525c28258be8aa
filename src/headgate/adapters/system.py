"""The machine's own clock, chance and names. The only module that asks for them."""

from __future__ import annotations

import asyncio
import os
import time
from binascii import hexlify

from headgate.adapters.alarms import Alarms


class SystemClock:
    """`ports.Clock` of the machine.

    `now()` is the monotonic clock both asyncio's and uvloop's `loop.time()` are read from, so that timers
    agree with it; asked directly, because uvloop's is only brought up to date once a round, in milliseconds.
    Build it inside the loop it serves.
    """

    __slots__ = ("at", "now", "wall")

    def __init__(self) -> None:
        self.now = time.monotonic
        self.wall = time.time
        self.at = Alarms(asyncio.get_running_loop(), time.monotonic).at

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Ids:
    """Names for requests, answers and spans: `size` random bytes as hexadecimal digits behind a prefix.

    Drawn from the system in blocks: one `urandom` call serves 256 ids.
    """

    __slots__ = ("_block", "_digits", "_prefix", "_size", "_used")

    def __init__(self, prefix: str, *, size: int = 12) -> None:
        self._prefix = prefix
        self._size = size
        self._digits = size * 2
        self._block = ""
        self._used = 0

    def __call__(self) -> str:
        start = self._used
        if start >= len(self._block):
            self._block, start = hexlify(os.urandom(self._size * 256)).decode(), 0
        self._used = end = start + self._digits
        return self._prefix + self._block[start:end]
