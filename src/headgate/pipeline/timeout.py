"""Timeout: patience with one upstream.

`first_byte_s` until a stream opens, `idle_s` between its pieces while somebody waits for one, `total_s` for
the whole. A non-streamed answer has no first byte before its last: it gets `total_s`. Patience ends with the
upstream's last byte, however long the caller takes to be told. A slow reader is not the upstream's fault: the
idle clock stops while the caller is being written to, and who is still reading when `total_s` is over has had
his time, which tells nothing about the upstream. Stands inside the breaker, so that a silent upstream counts
as a failed one. Holds one alarm per call.

Known weakness: `total_s` counts the reader's time too.
"""

from __future__ import annotations

import msgspec

from headgate.core.call import Call, Reply, Seen
from headgate.core.errors import DeadlineExceeded, UpstreamInterrupted, UpstreamUnavailable
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
        return _Patient(self._inner, call, patience=self._patience, clock=self._clock)


class _Patient(Passage, eq=False, kw_only=True):
    """One call being timed."""

    patience: Patience
    clock: Clock
    started_at: float = 0.0
    scope: Scope | None = None
    watch: _Watch | None = None

    @property
    def _wait_s(self) -> float:
        """How long the first byte may take."""
        patience = self.patience
        if self.call.payload.stream:
            return min(patience.first_byte_s, patience.total_s)
        return patience.total_s

    def begin(self) -> None:
        self.started_at = now = self.clock.now()
        wait_s = self._wait_s if self.call.payload.stream else self.patience.total_s
        self.scope = Scope(self.clock, now + wait_s)

    def opened(self, reply: Reply) -> None:
        scope = self.scope
        if scope is None or not reply.stream:
            if scope is not None:
                scope.lift()
            return
        ends_at = self.started_at + self.patience.total_s
        self.watch = _Watch(reply.seen, scope, self.patience.idle_s, ends_at, self.clock)

    def moved(self) -> None:
        if self.scope is not None:
            self.scope.move()

    def ended(self, error: BaseException | None, reply: Reply | None) -> BaseException | None:
        if self.watch:
            self.watch.stop()
        if self.scope is None or not self.scope.left(error):
            return error
        if reply is None:
            return UpstreamUnavailable(f"The upstream was silent for {self._wait_s:g} s.")
        if self.watch and self.watch.held:
            seconds = self.patience.total_s
            return DeadlineExceeded(f"The answer was not taken within {seconds:g} s.", code="deadline")
        return UpstreamInterrupted("The upstream stopped in the middle of its answer.")


class _Watch:
    """An eye on a stream.

    One alarm per idle period, not per piece: the stream itself notes since when it has been waiting for its
    upstream; the alarm, when it rings, looks whether that was long enough ago, and otherwise comes back when
    it would be. `held` becomes true where time runs out while nobody waits for the upstream.
    """

    __slots__ = ("_alarm", "_clock", "_ends_at", "_idle_s", "_scope", "_seen", "held")

    def __init__(self, seen: Seen, scope: Scope, idle_s: float, ends_at: float, clock: Clock) -> None:
        self._seen = seen
        self._scope = scope
        self._idle_s = idle_s
        self._ends_at = ends_at
        self._clock = clock
        self.held = False
        scope.disarm()
        self._alarm: Alarm = clock.at(min(clock.now() + idle_s, ends_at), self._look)

    def stop(self) -> None:
        self._alarm.cancel()
        self._alarm = OFF

    def _look(self) -> None:
        if self._seen.over:
            return
        now, since = self._clock.now(), self._seen.waiting_since
        due = min((now if since is None else since) + self._idle_s, self._ends_at)
        if now >= due:
            self.held = since is None
            self._scope.fire()
        else:
            self._alarm = self._clock.at(due, self._look)
