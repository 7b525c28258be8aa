"""Defer: the last rung of the ladder. Nobody can answer now, and the caller takes the answer later.

Stands below admit, which refuses for nothing, and above quota and route: what is kept is the request as it
came, and whoever makes it again goes the whole way as any other request does. Only for callers who say so
(`Prefer: respond-async`, RFC 7240), only before the first byte, only where nobody is at fault but the
providers, and only for those whose privacy lets their words rest on a disk. The caller waits until its own
patience ends (`wait=N`), or nearly its deadline. When it is told of a job, the store has the job; where the
store is away, or full, it is told what it would have been told otherwise. Holds nothing but the opened reply.

Known weakness: whose patience ends while a provider is at work makes it work twice, and pays twice; and what
`admit` refuses becomes no job.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from random import Random
from types import TracebackType

import msgspec

from headgate.core.call import Call, Later, Reply
from headgate.core.errors import (
    AllUpstreamsFailed,
    GatewayError,
    OverLimit,
    Overloaded,
    UpstreamUnavailable,
)
from headgate.core.job import NOBODY_BEGAN, Deferred, Job, Plan, deposited, may_rest, patience_until
from headgate.pipeline.scope import Scope
from headgate.pipeline.service import Service
from headgate.ports.clock import Clock
from headgate.ports.jobs import JobsGone

OUTAGE = (UpstreamUnavailable, AllUpstreamsFailed, Overloaded, OverLimit)
"""Nobody answered, and the request is not at fault."""


class Defer:
    def __init__(
        self,
        inner: Service,
        *,
        keep: Callable[[Job], Awaitable[bool]],
        durable: bool,
        allowed: Callable[[str], bool],
        plan: Plan,
        clock: Clock,
        chance: Random,
        new_id: Callable[[], str],
    ) -> None:
        """`keep` returns when the job is kept, False where there is no room for it. `allowed`: whether the
        rung is there, by the name asked for. `new_id` gives ids that grow with time."""
        self.inner = inner
        self.clock = clock
        self._keep = keep
        self._durable = durable
        self._allowed = allowed
        self._plan = plan
        self._chance = chance
        self._new_id = new_id

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        later = call.later
        if later is None or not self._allowed(call.payload.model) or not may_rest(call):
            return self.inner(call)
        return _Patient(self, call, later)

    async def deferred(self, call: Call, because: GatewayError) -> Exception:
        """What to raise: that there is a job now, or why there is none."""
        now_us = int(self.clock.wall() * 1e6)
        job = deposited(call, self._new_id(), now_us, self._plan, because, self._chance)
        try:
            if await self._keep(job):
                return Deferred(job, because, durable=self._durable)
        except JobsGone:
            pass
        return because


class _Patient(msgspec.Struct, eq=False):
    """One request whose caller takes an answer later."""

    _defer: Defer
    _call: Call
    _later: Later
    _opened: AbstractAsyncContextManager[Reply] | None = None

    async def __aenter__(self) -> Reply:
        defer, call = self._defer, self._call
        scope = Scope(defer.clock, patience_until(call, self._later))
        try:
            self._opened = defer.inner(call)
            reply = await self._opened.__aenter__()
            scope.lift()
        except BaseException as error:
            if scope.left(error):
                because: GatewayError = Overloaded("Nobody began to answer in time.", code=NOBODY_BEGAN)
            elif isinstance(error, OUTAGE):
                because = error
            else:
                raise
        else:
            return reply
        because.__traceback__ = None
        raise await defer.deferred(call, because)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return None if self._opened is None else await self._opened.__aexit__(kind, error, trace)
