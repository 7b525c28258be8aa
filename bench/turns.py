"""Two assembled services in one process, taking turns: what one costs beyond the other."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable

from headgate.assemble import Gateway
from headgate.core.call import Call, Caller, Operation

WARM = 5
"""Turns that do not count."""


async def answered(one: Gateway, body: bytes, caller: Caller, metadata: bytes | None = None) -> None:
    """One chat request, to the end of its answer."""
    now = one.clock.now()
    call = Call(
        payload=one.surface.parse(Operation.CHAT, body),
        caller=caller,
        request_id="bench",
        started_at=now,
        deadline_at=now + 60.0,
    )
    async with one.service(call) as reply:
        async for _piece in reply.body:
            pass
        reply.tail(metadata)


async def by_turns(
    plain: Gateway, other: Gateway, slice_us: Callable[[Gateway], Awaitable[float]], rounds: int
) -> tuple[list[float], list[float]]:
    """CPU µs a request of the plain one, and what the other adds, round by round."""
    base, added = [], []
    for turn in range(rounds + WARM):
        gc.collect()
        order = (plain, other) if turn % 2 else (other, plain)
        cost = {id(one): await slice_us(one) for one in order}
        if turn >= WARM:
            base.append(cost[id(plain)])
            added.append(cost[id(other)] - cost[id(plain)])
    return base, added
