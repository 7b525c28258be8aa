"""The machine's own clock, chance and names. The only module that asks for them."""

from __future__ import annotations

import asyncio
import os
import time
from binascii import hexlify


class SystemClock:
    """`ports.Clock` over the running event loop.

    `now()` is the loop's time, so that on a virtual-time loop everything built on it is virtual too.
    Build it inside the loop it serves.
    """

    __slots__ = ("_loop", "now")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time

    def wall(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Ids:
    """Names for requests, answers and spans: `size` random bytes as hexadecimal digits behind a prefix.

    Drawn from the system in blocks: one `urandom` call serves 256 ids.
    """

    __slots__ = ("_block", "_prefix", "_size", "_used")

    def __init__(self, prefix: str, *, size: int = 12) -> None:
        self._prefix = prefix
        self._size = size
        self._block = b""
        self._used = 0

    def __call__(self) -> str:
        if self._used >= len(self._block):
            self._block, self._used = os.urandom(self._size * 256), 0
        start, self._used = self._used, self._used + self._size
        return self._prefix + hexlify(self._block[start : self._used]).decode()
