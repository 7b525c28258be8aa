"""Limit: has this upstream room? So many calls at once, so many requests and tokens a minute under its key,
and none before a throttle's `retry_at`.

Full means refused, now: waiting is the queue's business, which stands above. Inside the breaker, since a
full upstream is not a sick one. A permit is held from before the first byte until the stream has ended;
`Permits` may be shared by all upstreams of one provider, `KeyLimits` by all of one key. Of the key's tokens
so many are reserved as the call is expected to take, and settled by what the answer reports; a call that
breaks off keeps what was reserved, one that never arrived gives all of it back. While less than half of the
key's tokens are in use a rough estimate does, and nobody counts the request's characters. Also measures what
`load()` reports: peak-EWMA of the time to the first byte, with a penalty for a throttle; a call that was
given up before it has taken as long as it was waited for.

Known weakness: the permits are this process's own; workers do not share them.
"""

from __future__ import annotations

from asyncio import CancelledError
from typing import Any

from headgate.core.allowance import FREE, Grant
from headgate.core.call import Call, Operation, Reply
from headgate.core.errors import (
    KeyRejected,
    Overloaded,
    Scope,
    Unsupported,
    UpstreamError,
    UpstreamRejected,
    UpstreamThrottled,
)
from headgate.core.keylimits import KeyLimits
from headgate.core.listeners import Wake, together
from headgate.core.load import PeakEwma
from headgate.core.pace import Haste
from headgate.core.permits import Permits
from headgate.core.standing import Standing
from headgate.core.tokens import Estimator, Measured, measure
from headgate.core.window import Windows
from headgate.pipeline.service import Passage, Service
from headgate.ports.clock import Clock

THROTTLE_S = 1.0
"""How long to stay away after a 429 that names no time, or none; doubled for each in a row, to a minute."""
THROTTLE_MAX_S = 60.0
PAUSE_MAX_S = 3600.0
"""No upstream is left alone for longer than this on its own word: then it is asked once more."""


class Limit:
    def __init__(
        self,
        inner: Service,
        *,
        permits: Permits,
        clock: Clock,
        key: KeyLimits | None = None,
        estimator: Estimator | None = None,
    ) -> None:
        self._inner = inner
        self.key = key or KeyLimits(Windows(FREE))
        self.estimator = estimator or Estimator()
        self._permits = permits
        self._clock = clock
        self.latency = PeakEwma()
        self.in_flight = 0
        self._waiting = 0
        self._retry_at = 0.0
        self._throttles = 0

    def __call__(self, call: Call) -> _Permit:
        return _Permit(self._inner, call, limit=self)

    def ready(self, call: Call | None = None) -> bool:
        if self._permits.free <= 0 or (self._retry_at and self._clock.now() < self._retry_at):
            return False
        if not self.key.limited:
            return True
        now = self._clock.now()
        return self.key.fits(now, self._tokens(call, now), _haste(call))

    def ready_at(self, call: Call | None = None) -> float:
        if not self.key.limited:
            return self._retry_at
        now = self._clock.now()
        return max(self._retry_at, self.key.next_at(now, self._tokens(call, now), _haste(call)))

    def recovers_at(self) -> float:
        """Full is not sick, and neither is a throttle."""
        return 0.0

    def refill(self, calls: int) -> float:
        now = self._clock.now()
        return max(self._retry_at, now + self._permits.refill_s(calls), self.key.refill(now, calls))

    def room(self, until: float) -> float:
        now = self._clock.now()
        if until < self._retry_at:
            return 0.0
        return min(self._permits.room(until - now), self.key.room(now, until))

    def watch(self, wake: Wake) -> Wake:
        return together(self._permits.watch(wake), self.key.watch(wake))

    def headroom(self) -> float:
        key = self.key
        return max(1.0 - key.allowance.fullness(self._clock.now()), 0.0) if key.limited else 1.0

    def load(self) -> float:
        return self.latency.load(self.in_flight, self._clock.now(), waiting=self._waiting > 0)

    def condition(self) -> dict[str, Any]:
        now = self._clock.now()
        limits = self.key.condition(now)
        return {
            "in_flight": self.in_flight,
            "latency_ms": round(self.latency.latency(now) * 1e3, 1),
            **({"limits": limits} if limits else {}),
        }

    def take(self, call: Call) -> tuple[float, Grant | None]:
        """A permit: the time it was taken, and what the key granted. Raises `Overloaded`."""
        now, grant = self._clock.now(), None
        if self._permits.free <= 0 or now < self._retry_at:
            raise _full(self._retry_at - now)
        if self.key.limited:
            tokens = self._tokens(call, now)
            grant = self.key.reserve(now, tokens, call.line.haste)
            if grant is None:
                raise _full(self.key.next_at(now, tokens, call.line.haste) - now)
        self._permits.free -= 1
        self.in_flight += 1
        self._waiting += 1
        return now, grant

    def _tokens(self, call: Call | None, now: float) -> int:
        """What to reserve for it."""
        if not self.key.metered:
            return 0
        if call is None:
            return self.key.usual
        answers = call.payload.operation is not Operation.EMBEDDINGS
        tokens = self.estimator.roughly(len(call.payload.raw), answers=answers)
        if self.key.roomy(tokens):
            return tokens
        return self.estimator.reserve(_measured(call), answers=answers)

    def give_back(self, taken_at: float, reply: Reply | None, error: BaseException | None) -> None:
        self.in_flight -= 1
        if reply is None:
            self._waiting -= 1
            if isinstance(error, CancelledError):
                now = self._clock.now()
                self.latency.at_least(now - taken_at, now)
        self._permits.give_back(self._clock.now() - taken_at)

    def answered(self, taken_at: float, grant: Grant | None, standing: Standing | None) -> None:
        """The first byte has arrived."""
        now = self._clock.now()
        if grant is not None or standing is not None:
            self.key.answered(grant, standing, now)
        self._waiting -= 1
        self.latency.observe(now - taken_at, now)
        self._throttles = 0

    def settle(self, call: Call, grant: Grant, reply: Reply | None, error: BaseException | None) -> None:
        """The key's part of a call is over, however it ended."""
        now = self._clock.now()
        if reply is None:
            if _never_arrived(error):
                self.key.cancel(grant, now)
            else:
                self.key.settle(grant, 0 if isinstance(error, UpstreamRejected) else grant.tokens, now)
            return
        if not self.key.metered:
            self.key.settle(grant, grant.tokens, now)
            return
        usage = reply.seen.usage
        if error is not None or usage is None:
            self.key.settle(grant, max(grant.tokens, reply.usage().total), now)
            return
        self.key.settle(grant, usage.total, now)
        if self.estimator.curious(now):
            self.estimator.learn(_measured(call), len(call.payload.raw), grant.tokens, usage)

    def refused(self, error: UpstreamThrottled, grant: Grant | None, taken_at: float) -> None:
        """The upstream has said that it has no room. Where it does not say how the key stands, all that the
        key serves is left alone for as long as it wants."""
        now = self._clock.now()
        if grant is not None or error.standing is not None:
            self.key.throttled(grant, error.standing, now)
        if grant is not None and error.standing is None and error.scope is Scope.KEY and error.retry_after_s:
            self.key.pause(error.retry_after_s, now)
        self.throttled(error.retry_after_s, taken_at)

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
    grant: Grant | None = None

    def begin(self) -> None:
        self.taken_at, self.grant = self.limit.take(self.call)

    def opened(self, reply: Reply) -> None:
        self.limit.answered(self.taken_at, self.grant, reply.seen.standing)

    def ended(self, error: BaseException | None, reply: Reply | None) -> BaseException | None:
        if isinstance(error, UpstreamThrottled):
            self.limit.refused(error, self.grant, self.taken_at)
        elif self.grant is not None:
            self.limit.settle(self.call, self.grant, reply, error)
        self.limit.give_back(self.taken_at, reply, error)
        return error


def _full(wait_s: float) -> Overloaded:
    return Overloaded("The upstream has no room.", retry_after_s=min(max(0.0, wait_s), PAUSE_MAX_S))


def _haste(call: Call | None) -> Haste:
    return Haste.STEADY if call is None else call.line.haste


def _measured(call: Call) -> Measured:
    """Counted once a request, whoever asks."""
    if call.line.measured is None:
        call.line.measured = measure(call.payload.raw)
    return call.line.measured


def _never_arrived(error: BaseException | None) -> bool:
    """The provider has not seen it, or counts it for nothing: the connection failed, the key is none, or the
    request could not even be written."""
    if isinstance(error, UpstreamError):
        return not error.reached or isinstance(error, KeyRejected)
    return isinstance(error, Unsupported)
