"""Timeout: patience with one upstream.

`first_byte_s` until a stream opens, `idle_s` between its pieces while somebody waits for one, `total_s` for
the whole. A non-streamed answer has no first byte before its last: it gets `total_s`. Patience ends with the
upstream's last byte, however long the caller takes to be told. Stands inside the breaker, so that a silent
upstream counts as a failed one. Holds two alarms per call.

Known weakness: a slow reader is not the upstream's fault, so the idle clock stops while the caller is being
written to; `total_s` does not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from headgate.core.call import Call, Reply
from headgate.core.errors import UpstreamInterrupted, UpstreamUnavailable
from headgate.pipeline.scope import OFF, Scope
from headgate.pipeline.service import Passage, Service
from headgate.ports.clock import Alarm, Clock


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds."""

    first_byte_s: float = 30.0
    idle_s: float = 30.0
    total_s: float = 300.0


class Timeout:
    def __init__(self, inner: Service, *, patience: Patience, clock: Clock) -> None:
        self._inner = inner
        self._patience = patience
        self._clock = clock

    def __call__(self, call: Call) -> _Patient:
        return _Patient(self._inner, call, self._patience, self._clock)


class _Patient(Passage):
    """One call being timed."""

    __slots__ = ("_clock", "_patience", "_reply", "_scope", "_started_at", "_watch")

    def __init__(self, inner: Service, call: Call, patience: Patience, clock: Clock) -> None:
        super().__init__(inner, call)
        self._patience = patience
        self._clock = clock
        self._reply: Reply | None = None
        self._watch: _Watch | None = None

    @property
    def _wait_s(self) -> float:
        """How long the first byte may take."""
        patience = self._patience
        if self.call.payload.stream:
            return min(patience.first_byte_s, patience.total_s)
        return patience.total_s

    def begin(self) -> None:
        self._started_at = now = self._clock.now()
        self._scope = Scope(self._clock, now + self._wait_s)

    def opened(self, reply: Reply) -> None:
        self._reply = reply
        if not reply.stream:
            self._scope.lift()
            return
        patience, ends_at = self._patience, self._started_at + self._patience.total_s
        reply.body = self._watch = _Watch(reply.body, self._scope, patience.idle_s, ends_at, self._clock)

    def ended(self, error: BaseException | None) -> BaseException | None:
        if self._watch:
            self._watch.stop()
        if not self._scope.left(error):
            return error
        if self._reply is None:
            return UpstreamUnavailable(f"The upstream was silent for {self._wait_s:g} s.")
        return UpstreamInterrupted("The upstream stopped in the middle of its answer.")


class _Watch:
    """A stream's body with an eye on the clock.

    One alarm per idle period, not per piece: each piece only notes when waiting began; the alarm, when it
    rings, looks whether that was long enough ago, and otherwise comes back when it would be.
    """

    __slots__ = ("_alarm", "_body", "_clock", "_idle_s", "_scope", "_waiting_since")

    def __init__(
        self, body: AsyncIterator[bytes], scope: Scope, idle_s: float, ends_at: float, clock: Clock
    ) -> None:
        self._body = body
        self._scope = scope
        self._idle_s = idle_s
        self._clock = clock
        self._waiting_since: float | None = None
        scope.move(ends_at)
        self._alarm: Alarm = clock.at(clock.now() + idle_s, self._look)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        self._waiting_since = self._clock.now()
        try:
            return await self._body.__anext__()
        except StopAsyncIteration:
            self.stop()
            self._scope.lift()
            raise
        finally:
            self._waiting_since = None

    def stop(self) -> None:
        self._alarm.cancel()
        self._alarm = OFF

    def _look(self) -> None:
        now = self._clock.now()
        due = (now if self._waiting_since is None else self._waiting_since) + self._idle_s
        if now >= due:
            self._scope.fire()
        else:
            self._alarm = self._clock.at(due, self._look)
