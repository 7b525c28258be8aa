"""Quota: the caller's own limits of a minute, those of its key, tenant and tier, and those of what it asks
for. Over one of them a request is refused (429) and told when to come again.

Stands below admit, which refuses for nothing, and above route and everything that costs something. A request
takes its part of every one of them or of none; of tokens as many as this caller's requests usually take,
settled by what the answer reports. What we refuse ourselves further down is given back. Holds its part until
the answer has ended.

Stands a second time below route, for `agent:auto` alone: only there it is known behind which agent's route a
request is.

Where several processes share a limit, a request whose part is not in hand here waits for it, for a moment.

Known weakness: an answer from a cache counts as a request, though nobody was asked.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType
from typing import Any

import msgspec

from headgate.core.call import Call, Operation, Reply
from headgate.core.errors import RateLimited, Refused
from headgate.core.expected import PLAIN_BYTES, Usual
from headgate.core.quota import Limits
from headgate.core.reuse import BYPASS, MISS
from headgate.pipeline.service import Passage, Service
from headgate.ports.clock import Clock

EMBEDDINGS = Operation.EMBEDDINGS
FETCHED_WITHIN_S = 0.5
"""How long a request waits for its part of what several processes share."""
LOOK_S = 0.005


class Under(msgspec.Struct, frozen=True):
    """What a call is under, and what its caller's requests take."""

    limits: Limits
    usual: Usual


class Quotas:
    def __init__(self, inner: Service, *, under: Callable[[Call], Under | None], clock: Clock) -> None:
        """`under`: the limits of a call, if it has any."""
        self._inner = inner
        self._under = under
        self._clock = clock

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        under = self._under(call)
        if under is None:
            return self._inner(call)
        return _Counted(self._inner, call, limits=under.limits, usual=under.usual, clock=self._clock)


class _Counted(Passage, eq=False, kw_only=True):
    limits: Limits
    usual: Usual
    clock: Clock
    taken: Any = None
    reply: Reply | None = None

    def begin(self) -> None:
        limits, now, tokens = self.limits, self.clock.now(), 0
        if limits.metered:
            size = len(self.call.payload.raw)
            if size > PLAIN_BYTES:
                return self._closer(now)
            tokens = self.usual.tokens(size)
        self.taken = taken = limits.take(now, tokens)
        if taken is None:
            self._closer(now)
        return None

    def _closer(self, now: float) -> None:
        """There is no room for what is usual; there may be for what this request can take."""
        limits, tokens = self.limits, 0
        if limits.metered:
            call = self.call
            tokens = self.usual.closer(call.payload.raw, answers=call.payload.operation is not EMBEDDINGS)
            self.taken = limits.take(now, tokens)
        if self.taken is None:
            if not limits.fetched:
                raise _over(limits, tokens, now)
            self.inner = partial(_Fetching, self, self.inner, tokens)

    async def fetch(self, tokens: int) -> None:
        """What several processes share may have room that is not in hand here: it is asked for, and comes in
        a moment. Raises `RateLimited` where it does not."""
        limits, clock = self.limits, self.clock
        until = clock.now() + FETCHED_WITHIN_S
        while self.taken is None:
            now = clock.now()
            at = limits.next_at(now, tokens)
            if at > until:
                raise _over(limits, tokens, now)
            await clock.sleep(max(at - now, LOOK_S))
            self.taken = limits.take(clock.now(), tokens)

    def opened(self, reply: Reply) -> None:
        self.reply = reply
        reply.allowed = self.limits.allowed(self.clock.now())

    def ended(self, error: BaseException | None) -> BaseException | None:
        limits, reply, used = self.limits, self.reply, 0
        if self.taken is None:
            return error
        if reply is None:
            if isinstance(error, Refused):
                limits.cancel(self.taken, self.clock.now())
                return error
        elif limits.metered and ((reuse := reply.reuse) is MISS or reuse is BYPASS):
            usage, payload = reply.usage(), self.call.payload
            used = usage.input + usage.cache_read + usage.cache_write + usage.output + usage.reasoning
            if error is None:
                self.usual.learn(len(payload.raw), usage, answers=payload.operation is not EMBEDDINGS)
        limits.settle(self.taken, used, self.clock.now())
        return error


class _Fetching:
    """The way on of one whose part must be fetched first."""

    def __init__(self, counted: _Counted, inner: Service, tokens: int, call: Call) -> None:
        self._counted = counted
        self._inner = inner
        self._tokens = tokens
        self._call = call

    async def __aenter__(self) -> Reply:
        self._counted.inner = self._inner  # two that hold each other would wait for the collector
        await self._counted.fetch(self._tokens)
        self._context = self._inner(self._call)
        return await self._context.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._context.__aexit__(kind, error, trace)


def _over(limits: Limits, tokens: int, now: float) -> RateLimited:
    error = RateLimited(
        "A limit of this key, its tenant, its tier or this route is used up.",
        code="rate_limit_exceeded",
        retry_after_s=limits.next_at(now, tokens) - now,
    )
    error.allowed = limits.allowed(now)
    return error
