"""Limit: has this upstream room? So many calls at once, and none before a throttle's `retry_at`.

Full means refused, now: waiting is the queue's business, which stands above. Inside the breaker, since a
full upstream is not a sick one. A permit is held from before the first byte until the stream has ended;
`Permits` may be shared by all upstreams of one provider. Also measures what `load()` reports: peak-EWMA of
the time to the first byte, with a penalty for a throttle.

Known weakness: the permits are this process's own; workers do not share them.
"""

from __future__ import annotations

from typing import Any

from headgate.core.call import Call, Reply
from headgate.core.errors import Overloaded, UpstreamThrottled
from headgate.core.load import PeakEwma
from headgate.core.permits import Permits
from headgate.pipeline.service import Passage, Service
from headgate.ports.clock import Clock

THROTTLE_S = 1.0
"""How long to stay away after a 429 that names no time, or none; doubled for each in a row, to a minute."""
THROTTLE_MAX_S = 60.0
PAUSE_MAX_S = 3600.0
"""No upstream is left alone for longer than this on its own word: then it is asked once more."""


class Limit:
    def __init__(self, inner: Service, *, permits: Permits, clock: Clock) -> None:
        self._inner = inner
        self._permits = permits
        self._clock = clock
        self.latency = PeakEwma()
        self.in_flight = 0
        self._waiting = 0
        self._retry_at = 0.0
        self._throttles = 0

    def __call__(self, call: Call) -> _Permit:
        return _Permit(self._inner, call, limit=self)

    def ready(self) -> bool:
        return self._permits.free > 0 and (not self._retry_at or self._clock.now() >= self._retry_at)

    def ready_at(self) -> float:
        return self._retry_at

    def load(self) -> float:
        return self.latency.load(self.in_flight, self._clock.now(), waiting=self._waiting > 0)

    def condition(self) -> dict[str, Any]:
        return {
            "in_flight": self.in_flight,
            "latency_ms": round(self.latency.latency(self._clock.now()) * 1e3, 1),
        }

    def take(self) -> float:
        """A permit, and the time it was taken. Raises `Overloaded`."""
        now = self._clock.now()
        if self._permits.free <= 0 or now < self._retry_at:
            raise Overloaded("The upstream has no room.", retry_after_s=max(0.0, self._retry_at - now))
        self._permits.free -= 1
        self.in_flight += 1
        self._waiting += 1
        return now

    def give_back(self, *, answered: bool) -> None:
        self._permits.free += 1
        self.in_flight -= 1
        if not answered:
            self._waiting -= 1

    def answered(self, taken_at: float) -> None:
        """The first byte has arrived."""
        now = self._clock.now()
        self._waiting -= 1
        self.latency.observe(now - taken_at, now)
        self._throttles = 0

    def throttled(self, retry_after_s: float | None, taken_at: float) -> None:
        """The upstream has said that it has no room, perhaps for how long.

        What it says to calls that were out when it said so first is the same throttle, not one more in a row.
        """
        now, again = self._clock.now(), taken_at < self._retry_at
        if not retry_after_s or retry_after_s < 0.0:
            pause_s = 0.0 if again else min(THROTTLE_MAX_S, THROTTLE_S * 2.0**self._throttles)
        else:
            pause_s = min(PAUSE_MAX_S, retry_after_s)
        self._retry_at = max(self._retry_at, now + pause_s)
        if not again:
            self._throttles = min(self._throttles + 1, 16)
            self.latency.penalise(pause_s, now)


class _Permit(Passage, eq=False, kw_only=True):
    limit: Limit
    taken_at: float = 0.0
    answered: bool = False

    def begin(self) -> None:
        self.taken_at = self.limit.take()

    def opened(self, reply: Reply) -> None:
        self.answered = True
        self.limit.answered(self.taken_at)

    def ended(self, error: BaseException | None) -> BaseException | None:
        self.limit.give_back(answered=self.answered)
        if isinstance(error, UpstreamThrottled):
            self.limit.throttled(error.retry_after_s, self.taken_at)
        return error
