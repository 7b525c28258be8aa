"""Degrade: the ladder below the last fallback. When nobody who should answer does, something lesser may.

    a local model, which was not in the chain        and may serve this caller
    an answer that is kept and past its time         stale, with its age
    an answer written by the operator                from a pattern
    the error                                        as it was; `defer`, above, may make a job of it

Each rung can be switched off, by route. Stands above coalesce, so that everybody climbs down for himself, and
below the cache, which has looked for a fresh answer. Comes into play only before the first byte, and for
failures that are nobody's fault but the providers': a request that is wrong stays wrong. With `after_s` it
does not wait any longer for somebody to begin. Holds nothing but the opened reply.

Known weakness: what hangs is only cut short where `after_s` says so; else the request's time may be over
before the ladder is reached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType

import msgspec

from headgate.core.call import Call, Reply
from headgate.core.canned import Cans
from headgate.core.errors import (
    AllUpstreamsFailed,
    GatewayError,
    OverLimit,
    Overloaded,
    UpstreamUnavailable,
)
from headgate.core.job import NOBODY_BEGAN
from headgate.core.reuse import Reuse, Rung
from headgate.pipeline.replay import replayed, written
from headgate.pipeline.scope import Scope
from headgate.pipeline.service import Service
from headgate.ports.cache import Cache
from headgate.ports.clock import Clock

OUTAGE = (UpstreamUnavailable, AllUpstreamsFailed, Overloaded, OverLimit)
"""Nobody answered, and the request is not at fault."""


class Ladder(msgspec.Struct, frozen=True, kw_only=True):
    """The rungs that may be used. `local`: models that are asked though they are not in the chain."""

    local: tuple[str, ...] = ()
    stale: bool = True
    template: bool = True
    after_s: float | None = None


class Degrade:
    def __init__(
        self,
        inner: Service,
        *,
        ladders: Mapping[str, Ladder],
        usual: Ladder,
        cache: Cache | None,
        cans: Cans,
        may_serve: Callable[[Call, str], bool],
        clock: Clock,
    ) -> None:
        """`ladders` by the name asked for, where it is not the `usual` one. `may_serve`: whether a model may
        serve a caller though it is not in the chain."""
        self.inner = inner
        self._ladders = ladders
        self._usual = usual
        self._cache = cache
        self._cans = cans
        self._may_serve = may_serve
        self._clock = clock

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        return _Climbing(self, call, self._ladders.get(call.payload.model, self._usual))

    def bound(self, after_s: float) -> Scope:
        return Scope(self._clock, self._clock.now() + after_s)

    def elsewhere(self, call: Call, ladder: Ladder) -> AbstractAsyncContextManager[Reply] | None:
        """The local models that are left to ask, if there are any."""
        chain = tuple(
            model for model in ladder.local if model not in call.chain and self._may_serve(call, model)
        )
        if not chain:
            return None
        return self.inner(msgspec.structs.replace(call, chain=chain, identity=None))

    async def kept(self, call: Call, ladder: Ladder) -> Reply | None:
        """What is here: an answer that is past its time, or one that the operator has written."""
        if ladder.stale and self._cache is not None and call.identity is not None:
            wall = self._clock.wall()
            answer = self._cache.get(call.identity, wall) or await self._cache.seek(call.identity, wall)
            if answer is not None and call.wants.bears(wall - answer.stored_at, answer.left_s(wall)):
                return replayed(answer, Reuse.STALE, self._clock)
        if ladder.template and not call.wants.no_cache:
            found = self._cans.told(call.payload.asked())
            return written(call, *found, self._clock) if found else None
        return None


class _Climbing(msgspec.Struct, eq=False):
    """One request's way down, if it comes to that."""

    _degrade: Degrade
    _call: Call
    _ladder: Ladder
    _opened: AbstractAsyncContextManager[Reply] | None = None

    async def __aenter__(self) -> Reply:
        try:
            if self._ladder.after_s is not None:
                return await self._in_time(self._ladder.after_s)
            self._opened = opened = self._degrade.inner(self._call)
            return await opened.__aenter__()
        except OUTAGE as error:
            error.__traceback__, failure = None, error
        return await self._down(failure)

    async def _in_time(self, after_s: float) -> Reply:
        """Whoever begins to answer within that time. Raises what else happened."""
        scope = self._degrade.bound(after_s)
        try:
            self._opened = self._degrade.inner(self._call)
            reply = await self._opened.__aenter__()
            scope.lift()
        except BaseException as error:
            if not scope.left(error):
                raise
            failure = Overloaded(f"Nobody began to answer within {after_s:g} s.", code=NOBODY_BEGAN)
        else:
            return reply
        raise failure

    async def _down(self, error: GatewayError) -> Reply:
        self._opened = None
        try:
            opened = self._degrade.elsewhere(self._call, self._ladder)
            if opened is not None:
                reply = await opened.__aenter__()
                self._opened, reply.degraded, reply.fallback_from = opened, Rung.LOCAL, self._call.chain[0]
                return reply
        except OUTAGE as also:
            also.__traceback__ = None  # what comes first is what the caller is told
        kept = await self._degrade.kept(self._call, self._ladder)
        if kept is None:
            raise error
        kept.degraded = Rung.STALE if kept.reuse is Reuse.STALE else Rung.TEMPLATE
        return kept

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return None if self._opened is None else await self._opened.__aexit__(kind, error, trace)
