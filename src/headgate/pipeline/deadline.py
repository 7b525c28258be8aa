"""Deadline: the caller's time is absolute, so that neither retries nor waiting can extend it.

Covers the stream too: what is not said by then is not said. Stands inside the meter, which records it,
and outside everything that waits.

Known weakness: to a breaker below, a deadline looks like a client hanging up; a silent upstream is only
noticed by `timeout`, which is why that stands inside the breaker.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from headgate.core.call import Call, Reply
from headgate.core.errors import DeadlineExceeded
from headgate.pipeline.service import Service


class Deadline:
    def __init__(self, inner: Service) -> None:
        self._inner = inner

    @asynccontextmanager
    async def __call__(self, call: Call) -> AsyncIterator[Reply]:
        limit = asyncio.timeout_at(call.deadline_at)
        try:
            async with limit, self._inner(call) as reply:
                yield reply
        except TimeoutError:
            if not limit.expired():
                raise
            seconds = call.deadline_at - call.started_at
            raise DeadlineExceeded(f"The deadline of {seconds:g} s has passed.", code="deadline") from None
