"""Deadline: the caller's time is absolute, so that neither retries nor waiting can extend it.

Covers the stream too: what is not said by then is not said. Stands inside the meter, which records it,
and outside everything that waits.

Known weakness: to a breaker below, a deadline looks like a client hanging up; a silent upstream is only
noticed by `timeout`, which is why that stands inside the breaker.
"""

from __future__ import annotations

from types import TracebackType

from headgate.core.call import Call, Reply
from headgate.core.errors import DeadlineExceeded
from headgate.pipeline.scope import Scope
from headgate.pipeline.service import Service
from headgate.ports.clock import Clock


class Deadline:
    def __init__(self, inner: Service, *, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock

    def __call__(self, call: Call) -> _Bounded:
        return _Bounded(self._inner, call, self._clock)


class _Bounded:
    """One call and its deadline. A hand-written context: it is entered on every request."""

    __slots__ = ("_call", "_clock", "_inner", "_opened", "_scope")

    def __init__(self, inner: Service, call: Call, clock: Clock) -> None:
        self._inner = inner
        self._call = call
        self._clock = clock

    async def __aenter__(self) -> Reply:
        if self._clock.now() >= self._call.deadline_at:
            raise self._too_late()
        self._scope = Scope(self._clock, self._call.deadline_at)
        try:
            self._opened = self._inner(self._call)
            return await self._opened.__aenter__()
        except BaseException as error:
            self._leave(error)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        try:
            swallowed = await self._opened.__aexit__(kind, error, trace)
        except BaseException as changed:
            self._leave(changed)
            raise
        self._leave(None if swallowed else error)
        return swallowed

    def _leave(self, error: BaseException | None) -> None:
        if self._scope.left(error):
            raise self._too_late() from None

    def _too_late(self) -> DeadlineExceeded:
        seconds = self._call.deadline_at - self._call.started_at
        return DeadlineExceeded(f"The deadline of {seconds:g} s has passed.", code="deadline")
