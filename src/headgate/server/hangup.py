"""Notices a caller who hangs up while an answer is being made, and stops making it."""

from __future__ import annotations

import asyncio
from types import TracebackType

from headgate.core.call import Line
from headgate.server.intake import ClientGone, Direct, Receive


class Hangup:
    """While this context is open, a hang-up cancels the task inside it; it then ends with `ClientGone`.

    Our own server says so itself. Of any other it is asked by a task that waits for the next message: the
    body of the request has been read, so that can only be the one that the caller left.
    """

    __slots__ = ("_direct", "_line", "_receive", "_task", "_watcher")

    def __init__(self, line: Line, receive: Receive, direct: Direct | None) -> None:
        self._line = line
        self._receive = receive
        self._direct = direct
        self._watcher: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a hang-up can only be noticed inside a task")
        self._task = task
        if self._direct is None:
            self._watcher = asyncio.get_running_loop().create_task(self._watch())
        elif self._direct.on_gone(self._left):
            raise ClientGone

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._direct:
            self._direct.on_gone(None)
        if self._watcher:
            self._watcher.cancel()
        if self._line.gone and self._task.uncancel() == 0 and isinstance(error, asyncio.CancelledError):
            raise ClientGone from None

    def _left(self) -> None:
        self._line.gone = True
        self._task.cancel()

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue
        self._left()
