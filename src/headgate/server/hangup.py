"""Notices a caller who hangs up while an answer is being made, and stops making it."""

from __future__ import annotations

import asyncio
from types import TracebackType

from headgate.core.call import CLIENT_GONE
from headgate.ports.clock import Clock
from headgate.server.intake import ClientGone, Receive

GRACE_S = 0.03
"""How long an answer may take before its caller is watched. Most are done by then, and cost no task; a
hang-up is still noticed well within 100 ms."""


class Hangup:
    """While this context is open, a hang-up cancels the task inside it; it then ends with `ClientGone`.

    The body of the request must have been read: the next thing `receive` says is that the caller left.
    """

    __slots__ = ("_alarm", "_clock", "_gone", "_receive", "_task", "_watcher")

    def __init__(self, receive: Receive, clock: Clock) -> None:
        self._receive = receive
        self._clock = clock
        self._watcher: asyncio.Task[None] | None = None
        self._gone = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a hang-up can only be noticed inside a task")
        self._task = task
        self._alarm = self._clock.at(self._clock.now() + GRACE_S, self._begin)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._alarm.cancel()
        if self._watcher:
            self._watcher.cancel()
        if self._gone and self._task.uncancel() == 0 and isinstance(error, asyncio.CancelledError):
            raise ClientGone from None

    def _begin(self) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue
        self._gone = True
        self._task.cancel(CLIENT_GONE)
