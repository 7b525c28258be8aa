"""Timeout: patience with one upstream.

`first_byte_s` until a stream opens, `idle_s` between its pieces while somebody waits for one, `total_s` for
the whole. A non-streamed answer has no first byte before its last: it gets `total_s`. Stands inside the
breaker, so that a silent upstream counts as a failed one. Holds one timer per call.

Known weakness: a slow reader is not the upstream's fault, so the idle clock stops while the caller is being
written to; `total_s` does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType

import msgspec

from headgate.core.call import Call, Reply
from headgate.core.errors import UpstreamInterrupted, UpstreamUnavailable
from headgate.pipeline.service import Service


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds."""

    first_byte_s: float = 30.0
    idle_s: float = 30.0
    total_s: float = 300.0


class Timeout:
    def __init__(self, inner: Service, *, patience: Patience) -> None:
        self._inner = inner
        self._patience = patience

    def __call__(self, call: Call) -> _Patient:
        return _Patient(self._inner, call, self._patience)


class _Patient:
    """One call being timed. A hand-written context: it is entered on every attempt."""

    __slots__ = ("_call", "_inner", "_opened", "_patience", "_scope", "_watch")

    def __init__(self, inner: Service, call: Call, patience: Patience) -> None:
        self._inner = inner
        self._call = call
        self._patience = patience
        self._watch: _Watch | None = None

    async def __aenter__(self) -> Reply:
        patience, streams = self._patience, self._call.payload.stream
        wait_s = min(patience.first_byte_s, patience.total_s) if streams else patience.total_s
        self._scope = asyncio.timeout(wait_s)
        await self._scope.__aenter__()
        try:
            self._opened = self._inner(self._call)
            reply = await self._opened.__aenter__()
        except BaseException as error:
            await self._leave(error, UpstreamUnavailable(f"The upstream was silent for {wait_s:g} s."))
            raise
        if streams:
            self._watch = _Watch(reply.body, self._scope, patience.idle_s, patience.total_s - wait_s)
            reply.body = self._watch
        return reply

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if self._watch:
            self._watch.stop()
        try:
            swallowed = await self._opened.__aexit__(kind, error, trace)
        except BaseException as changed:
            await self._leave(changed, self._silent())
            raise
        await self._leave(None if swallowed else error, self._silent())
        return swallowed

    async def _leave(self, error: BaseException | None, silence: Exception) -> None:
        """Disarms the scope. If it was the scope that cancelled the call, raises `silence` instead."""
        try:
            await self._scope.__aexit__(type(error) if error else None, error, None)
        except TimeoutError:
            raise silence from None

    def _silent(self) -> UpstreamInterrupted:
        return UpstreamInterrupted("The upstream stopped answering in the middle of its answer.")


class _Watch:
    """A stream's body with an eye on the clock.

    One timer per idle period, not per piece: each piece only notes when waiting began; the timer, when it
    fires, looks whether that was long enough ago, and otherwise comes back when it would be.
    """

    __slots__ = ("_body", "_ends_at", "_idle_s", "_loop", "_scope", "_timer", "_waiting_since")

    def __init__(
        self, body: AsyncIterator[bytes], scope: asyncio.Timeout, idle_s: float, left_s: float
    ) -> None:
        self._body = body
        self._scope = scope
        self._idle_s = idle_s
        self._loop = asyncio.get_running_loop()
        self._waiting_since = 0.0
        now = self._loop.time()
        self._ends_at = now + left_s
        self._scope.reschedule(None)
        self._timer = self._loop.call_at(min(now + idle_s, self._ends_at), self._look)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        self._waiting_since = self._loop.time()
        piece = await self._body.__anext__()
        self._waiting_since = 0.0
        return piece

    def stop(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        quiet_until = (self._waiting_since or now) + self._idle_s
        due = min(quiet_until, self._ends_at)
        if now >= due:
            self._scope.reschedule(now)
        else:
            self._timer = self._loop.call_at(due, self._look)
