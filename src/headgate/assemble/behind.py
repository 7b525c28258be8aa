"""What lies behind memory: something slower that may be away.

It is written to a moment later, a batch at a time, and left alone for a while where it does not answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from headgate.ports.clock import Alarm, Clock

WRITTEN_EVERY_S = 0.25
"""How long what is new waits to be written, so that much is written at once: what a crash may cost."""

FOUND_WITHIN_S = 0.25
"""How long a request waits for it: then it is asked upstream."""

REST_S = 5.0
"""How long it is not asked once it did not answer."""

FOLLOWED_EVERY_S = 1.0
"""How soon it is known here what others have done there."""

T = TypeVar("T")
log = logging.getLogger("headgate")


class Behind:
    def __init__(
        self, clock: Clock, what: str, *, gone: type[Exception], write: Callable[[], Awaitable[None]]
    ) -> None:
        """`what` cannot be reached where `gone` is raised, for the log. `write` writes all that waits."""
        self._clock = clock
        self._what = what
        self._gone = gone
        self._write = write
        self._alarm: Alarm | None = None
        self._doing: asyncio.Task[None] | None = None
        self._rests_until = 0.0

    @property
    def rests(self) -> bool:
        return self._clock.now() < self._rests_until

    def soon(self) -> None:
        """There is something to write."""
        if self._alarm is None:
            self._alarm = self._clock.at(self._clock.now() + WRITTEN_EVERY_S, self._now)

    def _now(self) -> None:
        self._alarm = None
        self.then(self._write)

    def then(self, do: Callable[[], Awaitable[object]]) -> None:
        """Does that next, after what is being done already."""
        self._doing = asyncio.get_running_loop().create_task(self._after(self._doing, do))

    async def _after(self, before: asyncio.Task[None] | None, do: Callable[[], Awaitable[object]]) -> None:
        if before is not None:
            await asyncio.wait({before})
        try:
            await do()
        except self._gone as error:
            self.rest(error)

    async def ask(self, found: Awaitable[T]) -> T | None:
        """What is found in time; `None` where nothing is, or nobody answers."""
        try:
            async with asyncio.timeout(FOUND_WITHIN_S):
                return await found
        except (self._gone, TimeoutError) as error:
            self.rest(error)
            return None

    def rest(self, error: Exception) -> None:
        log.warning("%s cannot be reached: %s", self._what, str(error) or "it takes too long")
        self._rests_until = self._clock.now() + REST_S

    async def settled(self) -> None:
        """Until everything that waited has been written."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._now()
        if self._doing is not None:
            await asyncio.wait({self._doing})
