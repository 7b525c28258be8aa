"""Mirror: sends a copy of a request to another model, for whoever compares them.

Which requests, and to whom, is in the decision: the same filters have chosen that model. Stands above
fallback, below whatever could answer without an upstream. A copy runs in a task of its own, through a stack
that records it as a copy and as nobody's expense; the request itself does not wait for it, and outlives it or
not. Holds its tasks until they have ended; more than `most` at once are left out.

Known weakness: a copy takes room at its upstream that a request may want a moment later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NoReturn

import msgspec

from headgate.core.call import Call, Caller, Line, Reply
from headgate.core.errors import GatewayError, Overloaded
from headgate.core.issued import COPIES
from headgate.pipeline.service import Service


class NoWaiting:
    """Where copies wait for room: nowhere (`pipeline.fallback.Turns`). They go where nobody waits, or not."""

    def __init__(self, taken: Callable[[str], bool]) -> None:
        """`taken`: whether a request waits for that pool."""
        self.taken = taken

    async def turn(self, call: Call, models: Sequence[str], waited_s: float, /) -> NoReturn:
        raise Overloaded("Copies do not wait for room.")


class Mirror:
    def __init__(
        self,
        inner: Service,
        *,
        shadow: Service,
        most: Mapping[str, int],
        answered: Callable[[Call, str, str], None],
    ) -> None:
        """`shadow` serves the copies; `most` of them at once, by route. `answered` is told of a request whose
        copy has been answered: the copy's id and its model."""
        self._inner = inner
        self._shadow = shadow
        self._most = most
        self._answered = answered
        self._tasks: dict[str, set[asyncio.Task[None]]] = {route: set() for route in most}

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        if call.decision is not None and call.decision.mirror is not None:
            self._copy(call, call.decision.route, call.decision.mirror)
        return self._inner(call)

    def in_flight(self, route: str) -> int:
        return len(self._tasks[route])

    def _copy(self, call: Call, route: str, model: str) -> None:
        tasks = self._tasks[route]
        if len(tasks) >= self._most[route]:
            return
        copied = msgspec.structs.replace(
            call,
            chain=(model,),
            caller=_nobody(call.caller),
            request_id=f"{call.request_id}.{COPIES}",
            line=Line(),
        )
        task = asyncio.get_running_loop().create_task(self._play(copied, call))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def _play(self, copied: Call, call: Call) -> None:
        try:
            async with self._shadow(copied) as reply:
                async for _ in reply.body:
                    pass
        except GatewayError:
            return  # recorded, like everything that happens to it
        self._answered(call, copied.request_id, copied.chain[0])


def _nobody(caller: Caller) -> Caller:
    """Its rights, but not its name: nothing can be charged to it."""
    return msgspec.structs.replace(caller, key=COPIES, tenant=COPIES)
