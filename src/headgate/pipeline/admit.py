"""Admit: our own health before anybody's rights. Refusing must cost nothing.

At most `max_in_flight` requests are in the house at once; one more is refused, now. A house that is
closing lets nobody in and lets everybody finish. A permit is held until the stream has ended.

Known weakness: the limit is a number the operator chose, not one we measured; a wait for a slow upstream
counts like work.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from headgate.core.call import Call, Reply
from headgate.core.errors import Overloaded
from headgate.pipeline.service import Service


class Admit:
    def __init__(self, inner: Service, *, max_in_flight: int) -> None:
        self._inner = inner
        self._max_in_flight = max_in_flight
        self.in_flight = 0

    @asynccontextmanager
    async def __call__(self, call: Call) -> AsyncIterator[Reply]:
        if self.in_flight >= self._max_in_flight:
            raise Overloaded(
                f"The gateway is full: {self.in_flight} requests are in flight.",
                code="gateway_overloaded",
                retry_after_s=1.0,
            )
        self.in_flight += 1
        try:
            async with self._inner(call) as reply:
                yield reply
        finally:
            self.in_flight -= 1
