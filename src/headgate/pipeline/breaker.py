"""Breaker: is this upstream well? Leaves a failing one alone for a while, then asks it once.

Stands outside limit and timeout, so that silence counts as failure and a full upstream does not. Every
ending of a call is one of succeeded, failed, fatal or ignored: a cancelled call and one whose request was
at fault prove nothing. A probe has succeeded with its first byte, a call in a closed breaker with its
last. Holds the state between calls; while half-open, the right to probe until the probe has ended.

Known weakness: each process learns for itself; eight workers make eight times `threshold` failures.
"""

from __future__ import annotations

from math import inf
from typing import Any

from headgate.core.breaker import Breaker, Ending, State
from headgate.core.call import Call, Reply, Source
from headgate.core.errors import (
    KeyRejected,
    Overloaded,
    UpstreamError,
    UpstreamInterrupted,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from headgate.core.listeners import Listeners, Wake, together
from headgate.pipeline.service import Passage, Upstream
from headgate.ports.clock import Clock
from headgate.ports.recorder import Recorder

CLOSED, SUCCEEDED = State.CLOSED, Ending.SUCCEEDED


def ending_of(error: BaseException) -> Ending:
    """What a failure has shown about the upstream."""
    match error:
        case KeyRejected():
            return Ending.FATAL
        case UpstreamThrottled() | UpstreamRejected():
            return Ending.IGNORED
        case UpstreamUnavailable() | UpstreamInterrupted():
            return Ending.FAILED
    return Ending.IGNORED


class CircuitBreaker:
    def __init__(
        self, inner: Upstream, *, breaker: Breaker, source: Source, clock: Clock, recorder: Recorder
    ) -> None:
        self._inner = inner
        self.source = source
        self._clock = clock
        self._recorder = recorder
        self.breaker = breaker
        self.last_error: str | None = None
        self._endings = dict.fromkeys(Ending, 0)
        self._listeners = Listeners()

    def __call__(self, call: Call) -> _Guarded:
        return _Guarded(self._inner, call, guard=self)

    def ready(self, call: Call | None = None) -> bool:
        closed = self.breaker.state is CLOSED
        return (closed or self.breaker.admits(self._clock.now())) and self._inner.ready(call)

    def ready_at(self, call: Call | None = None) -> float:
        return max(self.breaker.ready_at(self._clock.now()), self._inner.ready_at(call))

    def recovers_at(self) -> float:
        now = self._clock.now()
        return 0.0 if self.breaker.admits(now) else self.breaker.ready_at(now)

    def refill(self, calls: int) -> float:
        """While a probe is out, nobody knows."""
        if self.breaker.probing:
            return inf
        return max(self.breaker.ready_at(self._clock.now()), self._inner.refill(calls))

    def room(self, until: float) -> float:
        if self.breaker.probing or until < self.breaker.ready_at(until):
            return 0.0
        return self._inner.room(until)

    def watch(self, wake: Wake) -> Wake:
        return together(self._listeners.add(wake), self._inner.watch(wake))

    def load(self) -> float:
        return self._inner.load()

    def headroom(self) -> float:
        return self._inner.headroom()

    def condition(self) -> dict[str, Any]:
        good, bad = (
            self._endings[Ending.SUCCEEDED],
            self._endings[Ending.FAILED] + self._endings[Ending.FATAL],
        )
        return {
            "upstream": self.source.label,
            "state": self.breaker.state,
            "ready": self.ready(),
            **self._inner.condition(),
            "availability": round(good / (good + bad), 4) if good + bad else None,
            "last_error": self.last_error,
        }

    def admit(self) -> int:
        """Lets a call through and names the epoch its ending belongs to. Raises `Overloaded`."""
        now = self._clock.now()
        if not self.breaker.admits(now):
            wait = max(0.0, self.breaker.ready_at(now) - now)
            raise Overloaded("The upstream's breaker is open.", retry_after_s=wait)
        self._move(self.breaker.admitted(now), now)
        return self.breaker.epoch

    def settle(self, ending: Ending, epoch: int) -> None:
        self._endings[ending] += 1
        if ending is SUCCEEDED and self.breaker.spotless:
            return
        now = self._clock.now()
        self._move(self.breaker.settled(ending, epoch=epoch, now=now), now)

    def failed(self, call: Call, error: UpstreamError) -> None:
        if not isinstance(error, UpstreamRejected):  # that was the caller's fault
            self.last_error = type(error).__name__ + (f" ({error.status})" if error.status else "")
        self._recorder.attempt_failed(call, self.source, error)

    def probe_answered(self, epoch: int) -> int:
        """A call of `epoch` has its first byte while a probe is out: if it is the probe, the breaker closes,
        and what becomes of the rest of the answer counts in the epoch returned."""
        if epoch == self.breaker.epoch:
            now = self._clock.now()
            self._move(self.breaker.settled(Ending.SUCCEEDED, epoch=epoch, now=now), now)
            return self.breaker.epoch
        return epoch

    def _move(self, after: Breaker, now: float) -> None:
        before, self.breaker = self.breaker, after
        if before.state is not after.state:
            self._recorder.breaker_moved(self.source, before.state, after.state, now - before.since)
        if before.probing and not after.probing:
            self._listeners()


class _Guarded(Passage, eq=False, kw_only=True):
    guard: CircuitBreaker
    epoch: int = 0

    def begin(self) -> None:
        breaker = self.guard.breaker
        self.epoch = breaker.epoch if breaker.state is CLOSED else self.guard.admit()

    def opened(self, reply: Reply) -> None:
        if self.guard.breaker.probing:
            self.epoch = self.guard.probe_answered(self.epoch)

    def ended(self, error: BaseException | None, reply: Reply | None) -> BaseException | None:
        if error is None:
            self.guard.settle(SUCCEEDED, self.epoch)
            return None
        if isinstance(error, UpstreamError):
            self.guard.failed(self.call, error)
        self.guard.settle(ending_of(error), self.epoch)
        return error
