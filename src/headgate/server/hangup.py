"""Notices a caller who hangs up while an answer is being made, and stops making it."""

from __future__ import annotations

import asyncio

from headgate.core.call import Line
from headgate.server.intake import Receive


class Hangup:
    """Watches where the server does not say by itself that the caller has left (`server.turn` does): a task
    waits for the next message. The body of the request has been read, so that can only be the one that says
    so. The request's task is then cancelled."""

    __slots__ = ("_receive", "_watcher")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._watcher: asyncio.Task[None] | None = None

    def watch(self, line: Line | None) -> bool:
        """From now on; `None` ends it. Whether the caller has left already: nobody knows yet."""
        if self._watcher:
            self._watcher.cancel()
        task = asyncio.current_task()
        if line is not None and task is not None:
            self._watcher = asyncio.get_running_loop().create_task(self._wait(line, task))
        return False

    async def _wait(self, line: Line, task: asyncio.Task[None]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue
        line.gone = True
        task.cancel()


def is_gone(line: Line) -> bool:
    """Whether a cancellation that has reached the request's end was the caller's hanging up, and nothing
    else. It is taken back then."""
    task = asyncio.current_task()
    return line.gone and task is not None and task.uncancel() == 0
