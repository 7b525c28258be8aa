"""A circuit breaker as a pure state machine: no clock, no I/O (Nygard, *Release It!*, 2nd ed., ch. 5).

Closed counts failures in a row; at `threshold` it opens. Open admits nobody for `recovery_s`, then lets
one probe through (half-open). The probe's ending decides: success closes, failure opens again, and an
ending that proves nothing (cancelled, or refused as our own mistake) leaves room for the next probe.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


_CLOSED = State.CLOSED


class Ending(StrEnum):
    """What a call that was let through has shown about its upstream."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    IGNORED = "ignored"
    """Nothing: it was cancelled, or the upstream found fault with the request."""
    FATAL = "fatal"
    """More of the same is certain (our key is refused): open at once, whatever the count."""


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """`since` is when the present state began, in the clock's seconds. `epoch` counts transitions: an
    ending is only listened to in the epoch its call was admitted in, so that a call that outlives its
    state can neither close a breaker that has opened meanwhile nor fail the probe of another."""

    threshold: int = 5
    recovery_s: float = 60.0
    state: State = State.CLOSED
    failures: int = 0
    since: float = 0.0
    epoch: int = 0
    probing: bool = False

    def admits(self, now: float) -> bool:
        """Whether a call may pass at `now`."""
        if self.state is State.CLOSED:
            return True
        if self.state is State.OPEN:
            return now >= self.since + self.recovery_s
        return not self.probing

    @property
    def spotless(self) -> bool:
        """Closed without a failure: another success changes nothing."""
        return not self.failures and self.state is _CLOSED

    def ready_at(self, now: float) -> float:
        """The earliest time a call may pass. While a probe is out that is unknown: `now`."""
        return self.since + self.recovery_s if self.state is State.OPEN else now

    def admitted(self, now: float) -> Breaker:
        """After letting one call through, which `admits` had allowed."""
        if self.state is State.CLOSED:
            return self
        if self.state is State.OPEN:
            return msgspec.structs.replace(self._to(State.HALF_OPEN, now), probing=True)
        return msgspec.structs.replace(self, probing=True)

    def settled(self, ending: Ending, *, epoch: int, now: float) -> Breaker:
        """After a call admitted in `epoch` has ended."""
        if epoch != self.epoch:
            return self
        match ending:
            case Ending.SUCCEEDED:
                return self._succeeded(now)
            case Ending.IGNORED:
                return msgspec.structs.replace(self, probing=False) if self.probing else self
            case Ending.FAILED if self.state is State.CLOSED and self.failures + 1 < self.threshold:
                return msgspec.structs.replace(self, failures=self.failures + 1)
        return msgspec.structs.replace(self._to(State.OPEN, now), failures=self.failures + 1)

    def _succeeded(self, now: float) -> Breaker:
        if self.state is State.CLOSED:
            return self if not self.failures else msgspec.structs.replace(self, failures=0)
        return msgspec.structs.replace(self._to(State.CLOSED, now), failures=0)

    def _to(self, state: State, now: float) -> Breaker:
        return msgspec.structs.replace(self, state=state, since=now, epoch=self.epoch + 1, probing=False)
