"""Requests of a day: a key may make so many from midnight to midnight, in all processes together, counted to
the last one. Over them it is refused (429) and told when the next day begins.

Stands beside quota, above everything that answers: a kept answer is a request too. Where there is room nobody
waits. What we refuse ourselves further down is none. Holds its request until the answer has ended.

Known weakness: while the store is away, what nobody can count is let through.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType

from headgate.core.call import Call, Reply
from headgate.core.errors import Refused
from headgate.core.expected import Expected
from headgate.core.purse import Purse
from headgate.pipeline.cashier import Cashier
from headgate.pipeline.service import Passage, Service
from headgate.ports.clock import Clock

ONE = Expected(1, 1, 0, True)


class Requests:
    def __init__(
        self, inner: Service, *, purse: Callable[[Call], Purse | None], cashier: Cashier, clock: Clock
    ) -> None:
        """`purse`: of the day that is, if the call's key has one."""
        self.inner = inner
        self.cashier = cashier
        self._purse = purse
        self.clock = clock

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        purse = self._purse(call)
        if purse is None:
            return self.inner(call)
        now = self.clock.now()
        if purse.room(now) < 1:
            return _Waiting(self, call, purse)
        return _One(self.inner, call, purse=purse, at=now)


class _One(Passage, eq=False, kw_only=True):
    purse: Purse
    at: float

    def begin(self) -> None:
        self.purse.reserve(1, self.at)

    def ended(self, error: BaseException | None, reply: Reply | None) -> BaseException | None:
        counts = error is None or reply is not None or not isinstance(error, Refused)
        self.purse.settle(1, 1 if counts else 0)
        return error


class _Waiting:
    """A request for which there is none in hand."""

    def __init__(self, layer: Requests, call: Call, purse: Purse) -> None:
        self._layer = layer
        self._call = call
        self._purse = purse
        self._one: _One | None = None

    async def __aenter__(self) -> Reply:
        layer, call, purse = self._layer, self._call, self._purse
        cashier, clock = layer.cashier, layer.clock
        until = min(call.deadline_at, clock.now() + cashier.rules.max_wait_s)
        await cashier.room((purse,), lambda: ONE, until)
        self._one = _One(layer.inner, call, purse=purse, at=clock.now())
        return await self._one.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return None if self._one is None else await self._one.__aexit__(kind, error, trace)
