"""Degrade: the ladder below the last fallback. When nobody who should answer does, something lesser may.

    a local model, which was not in the chain        and may serve this caller
    an answer that is kept and past its time         stale, with its age
    an answer written by the operator                from a pattern
    the error                                        as it was; `defer`, above, may make a job of it

Each rung can be switched off, by route. Stands above coalesce, so that everybody climbs down for himself, and
below the cache, which has looked for a fresh answer. Comes into play only before the first byte, and for
failures that are nobody's fault but the providers': a request that is wrong stays wrong. With `after_s` it
does not wait any longer for somebody to begin. Holds nothing but the opened reply.

Where all that any route has is a stale answer, a request of which nothing is kept passes by.

Known weakness: what hangs is only cut short where `after_s` says so; else the request's time may be over
before the ladder is reached.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import ClassVar

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
from headgate.pipeline.replay import Retell, in_form, replayed, written
from headgate.pipeline.scope import Scope
from headgate.pipeline.service import Hit, Passage, Service
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
        ttl_s: float,
        retell: Retell | None = None,
    ) -> None:
        """`ladders` by the name asked for, where it is not the `usual` one. `may_serve`: whether a model may
        serve a caller though it is not in the chain. `ttl_s`: for how long a written answer is good.
        `retell`: a stale answer in the form that the request wants, if it can be had."""
        self.inner = inner
        self._ladders = ladders
        self._usual = usual
        self._cache = cache
        bare = all(one.after_s is None and not one.local for one in (usual, *ladders.values())) and not cans
        self._bare = bare and cache is not None and not cache.deep
        """Whether all that any ladder has is a stale answer, and where there is none nothing."""
        self._cans = cans
        self._may_serve = may_serve
        self._clock = clock
        self._ttl_s = ttl_s
        self._retell = retell

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        if self._bare and (call.identity is None or not call.identity.kept):
            return self.inner(call)
        ladder = self._ladders.get(call.payload.model, self._usual)
        if ladder.after_s is None:
            return _Climbing(self.inner, call, degrade=self, ladder=ladder)
        return _Hurried(self.inner, call, degrade=self, ladder=ladder, after_s=ladder.after_s)

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
            answer = in_form(self._cache, call.identity, call.payload, wall, self._retell, stale=True)
            answer = answer or await self._cache.seek(call.identity, wall)
            if answer is not None and call.wants.bears(wall - answer.stored_at, answer.left_s(wall)):
                return replayed(answer, Reuse.STALE, self._clock, wall)
        if ladder.template and not call.wants.no_cache:
            found = self._cans.told(call.payload.asked())
            return written(call, *found, self._clock, self._ttl_s) if found else None
        return None


class _Climbing(Passage, eq=False, kw_only=True):
    """One request's way down, if it comes to that."""

    saves: ClassVar[tuple[type[BaseException], ...]] = OUTAGE
    degrade: Degrade
    ladder: Ladder

    async def save(self, error: BaseException) -> tuple[AbstractAsyncContextManager[Reply], Reply]:
        try:
            opened = self.degrade.elsewhere(self.call, self.ladder)
            if opened is not None:
                reply = await opened.__aenter__()
                reply.degraded, reply.fallback_from = Rung.LOCAL, self.call.chain[0]
                return opened, reply
        except OUTAGE as also:
            also.__traceback__ = None  # what comes first is what the caller is told
        kept = await self.degrade.kept(self.call, self.ladder)
        if kept is None:
            raise error
        kept.degraded = Rung.STALE if kept.reuse is Reuse.STALE else Rung.TEMPLATE
        return Hit(kept), kept


class _Hurried(_Climbing, eq=False, kw_only=True):
    """The same, where nobody waits any longer than `after_s` for somebody to begin."""

    saves: ClassVar[tuple[type[BaseException], ...]] = (*OUTAGE, CancelledError)
    after_s: float
    scope: Scope | None = None

    def begin(self) -> None:
        self.scope = self.degrade.bound(self.after_s)

    def opened(self, reply: Reply) -> None:
        if self.scope is not None:
            self.scope.lift()

    def ended(self, error: BaseException | None, reply: Reply | None) -> BaseException | None:
        """Of a call that nobody could save."""
        return self._late(error) or error

    async def save(self, error: BaseException) -> tuple[AbstractAsyncContextManager[Reply], Reply]:
        late = self._late(error)
        if late is None and isinstance(error, CancelledError):
            raise error
        return await _Climbing.save(self, late or error)

    def _late(self, error: BaseException | None) -> GatewayError | None:
        """Whether it was the time that ended the call. The bound is looked at once."""
        scope, self.scope = self.scope, None
        if scope is None or not scope.left(error):
            return None
        return Overloaded(f"Nobody began to answer within {self.after_s:g} s.", code=NOBODY_BEGAN)
