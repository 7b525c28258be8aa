"""Quota: the caller's own limits. Those of a minute, of its key, tenant and tier and of what it asks for; and
the requests that its key may make from midnight to midnight, in all processes together, counted to the last
one. Over one of them a request is refused (429) and told when to come again.

Stands below admit, which refuses for nothing, and above route and everything that costs something or answers:
a kept answer is a request too. A request takes its part of every limit or of none; of tokens as many as this
caller's requests usually take, settled by what the answer reports. Where there is room nobody waits; where a
day seems to have none left, whoever knows is asked. What we refuse ourselves further down is given back. What
was taken is held until the answer has ended.

Where several processes share a limit, a request whose part is not in hand here waits for it, for a moment.

Stands a second time below route, for `agent:auto` alone: only there it is known behind which agent's route a
request is.

Known weakness: an answer from a cache counts as a request, though nobody was asked; and while the store is
away, of a day's requests, what nobody can count is let through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType
from typing import Any

import msgspec

from headgate.core.call import Call, Operation, Reply
from headgate.core.errors import RateLimited, Refused
from headgate.core.expected import PLAIN_BYTES, Expected, Usual
from headgate.core.purse import Purse, Slot
from headgate.core.quota import Limits
from headgate.core.reuse import BYPASS, MISS
from headgate.pipeline.cashier import Cashier
from headgate.pipeline.service import Passage, Service
from headgate.ports.clock import Clock

EMBEDDINGS = Operation.EMBEDDINGS
ONE = Expected(1, 1, 0, True)
FETCHED_WITHIN_S = 0.5
"""How long a request waits for its part of what several processes share."""
LOOK_S = 0.005


class Under(msgspec.Struct, frozen=True):
    """What a call is under, and what its caller's requests take: limits of a minute, and requests of a
    day."""

    limits: Limits | None
    usual: Usual
    day: Slot | None = None


class Quotas:
    def __init__(
        self,
        inner: Service,
        *,
        known: Mapping[str, Under],
        of: Callable[[Call], Under | None],
        clock: Clock,
        cashier: Cashier | None = None,
    ) -> None:
        """`of` finds what a call is under; `known` has it by the name of the key, so far as it has been found
        and does not depend on the call. `cashier` is asked for requests of a day."""
        self.inner = inner
        self.cashier = cashier
        self.clock = clock
        self._known = known
        self._of = of

    def __call__(self, call: Call, taken: Any = None) -> AbstractAsyncContextManager[Reply]:
        """`taken`: of limits of a minute, where that had to be waited for."""
        under = self._known.get(call.caller.key) or self._of(call)
        if under is None:
            return self.inner(call)
        now, limits = self.clock.now(), under.limits
        if limits is not None and taken is None:
            size, line = len(call.payload.raw), call.line
            if line.allowed is None:
                line.allowed = limits.allowed
            if size <= PLAIN_BYTES or not limits.metered:
                taken = limits.take(now, under.usual.tokens(size) if limits.metered else 0)
            if taken is None and (taken := self._closer(limits, under.usual, call, now)) is None:
                return _Fetching(self, limits, under.usual, call)
        day, cashier = under.day, self.cashier
        if day is None or cashier is None:
            return _Counted(self.inner, call, under=under, taken=taken)
        purse = day.purse if self.clock.wall() < day.ends_at else cashier.bank.turn(day)
        if purse.take(1, now):
            return _Counted(self.inner, call, under=under, taken=taken, purse=purse)
        wait = partial(_Waiting, self, cashier, under=under, purse=purse)
        return _Counted(wait, call, under=under, taken=taken)

    def _closer(self, limits: Limits, usual: Usual, call: Call, now: float) -> Any:
        """There is no room for what is usual; there may be for what this request can take. None, where its
        part may only not be here yet."""
        tokens = _tokens(limits, usual, call)
        taken = limits.take(now, tokens) if limits.metered else None
        if taken is None and not limits.fetched:
            raise _over(limits, tokens, now)
        return taken


def _tokens(limits: Limits, usual: Usual, call: Call) -> int:
    """That this request can take."""
    if not limits.metered:
        return 0
    return usual.closer(call.payload.raw, answers=call.payload.operation is not EMBEDDINGS)


class _Counted(Passage, eq=False, kw_only=True):
    """`taken` of the limits of a minute, and one request from the `purse` of a day, before this was made: who
    stands above enters it at once."""

    under: Under
    taken: Any = None
    purse: Purse | None = None

    def ended(self, error: BaseException | None, reply: Reply | None) -> BaseException | None:
        under, taken, purse, used = self.under, self.taken, self.purse, 0
        if reply is None and isinstance(error, Refused):
            self._given_back()
            return error
        if purse is not None:
            purse.settle(1, 1)
        if (limits := under.limits) is None or taken is None:
            return error
        if limits.metered and reply is not None and ((reuse := reply.reuse) is MISS or reuse is BYPASS):
            usage, payload = reply.usage(), self.call.payload
            used = usage.input + usage.cache_read + usage.cache_write + usage.output + usage.reasoning
            if error is None and under.usual.due():
                under.usual.learn(len(payload.raw), usage, answers=payload.operation is not EMBEDDINGS)
        limits.settle(taken, used)
        return error

    def _given_back(self) -> None:
        """It has come to nothing, by no doing of the caller's."""
        if self.under.limits is not None and self.taken is not None:
            self.under.limits.cancel(self.taken)
        if self.purse is not None:
            self.purse.settle(1, 0)


class _Fetching:
    """A request whose part of what several processes share may have room that is not in hand here: it is
    asked for, and comes in a moment."""

    def __init__(self, layer: Quotas, limits: Limits, usual: Usual, call: Call) -> None:
        self._layer = layer
        self._limits = limits
        self._usual = usual
        self._call = call

    async def __aenter__(self) -> Reply:
        self._opened = self._layer(self._call, await self._taken())
        return await self._opened.__aenter__()

    async def _taken(self) -> Any:
        """Raises `RateLimited` where it does not come."""
        limits, clock, taken = self._limits, self._layer.clock, None
        tokens, until = _tokens(limits, self._usual, self._call), clock.now() + FETCHED_WITHIN_S
        while taken is None:
            now = clock.now()
            at = limits.next_at(now, tokens)
            if at > until:
                raise _over(limits, tokens, now)
            await clock.sleep(max(at - now, LOOK_S))
            taken = limits.take(clock.now(), tokens)
        return taken

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._opened.__aexit__(kind, error, trace)


class _Waiting:
    """A request for which there is none of the day in hand."""

    def __init__(self, layer: Quotas, cashier: Cashier, call: Call, under: Under, purse: Purse) -> None:
        self._layer = layer
        self._cashier = cashier
        self._call = call
        self._under = under
        self._purse = purse
        self._counted: _Counted | None = None

    async def __aenter__(self) -> Reply:
        layer, cashier, call, purse = self._layer, self._cashier, self._call, self._purse
        until = min(call.deadline_at, layer.clock.now() + cashier.rules.max_wait_s)
        await cashier.room((purse,), lambda: ONE, until)
        purse.reserve(1, layer.clock.now())
        self._counted = _Counted(layer.inner, call, under=self._under, purse=purse)
        return await self._counted.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return None if self._counted is None else await self._counted.__aexit__(kind, error, trace)


def _over(limits: Limits, tokens: int, now: float) -> RateLimited:
    error = RateLimited(
        "A limit of this key, its tenant, its tier or this route is used up.",
        code="rate_limit_exceeded",
        retry_after_s=limits.next_at(now, tokens) - now,
    )
    error.allowed = limits.allowed(now)
    return error
