"""Fallback: pools in order, under one attempt budget, until one opens.

Entering is the point of no return: until the first byte any failure of an upstream sends the request on,
after it none does. A pool that is not ready is passed over without an attempt. A failure that speaks of a
key asks the same pool again, for its other keys; anything wider moves on. When every pool has been asked,
the round begins again after a back-off, within the budget of attempts and of retries, as long as a pool that
has words for the request may soon be ready. Stands above the pools, below everything that belongs to the
request. Holds the opened reply.

Known weakness: a stream that is cut later is not resumed elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from random import Random
from types import TracebackType

import msgspec

from headgate.core.call import Call, Reply
from headgate.core.errors import (
    AllUpstreamsFailed,
    GatewayError,
    Overloaded,
    Scope,
    Unsupported,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from headgate.core.retry import Backoff, RetryBudget
from headgate.pipeline.service import Upstream
from headgate.ports.clock import Clock
from headgate.ports.recorder import Recorder

Opened = AbstractAsyncContextManager[Reply]

RECOVERABLE = (UpstreamUnavailable, Overloaded, Unsupported)
"""What another pool may be able to serve: one has failed, has no room, or has no words for the request."""

GRAIN_S = 0.002
"""Who waits until an upstream is ready waits this much longer: a timer may ring a little early, and would
find it not ready by a hair."""


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """`attempts` upstream calls per request at most, except that every pool of a chain is owed one; and as
    many rounds at most, where pools have no room."""

    attempts: int = 3
    backoff: Backoff = Backoff()


class Fallback:
    def __init__(
        self,
        pools: Mapping[str, Upstream],
        *,
        retry: Retry,
        budget: RetryBudget,
        clock: Clock,
        chance: Random,
        recorder: Recorder,
    ) -> None:
        """`pools`: model id → the pool that serves it."""
        self._pools = pools
        self._retry = retry
        self._budget = budget
        self._clock = clock
        self._chance = chance
        self._recorder = recorder

    def __call__(self, call: Call) -> _Falling:
        return _Falling(self, call)

    def first(self, call: Call) -> Opened:
        """The first choice, not entered yet. Nearly every request ends there."""
        self._budget.deposit()
        return self._pools[call.chain[0]](call)

    async def carry_on(self, call: Call, error: Exception) -> tuple[Opened, Reply]:
        """After the first choice has failed with `error`: the first context that opens, entered, and its
        reply."""
        tries = _Tries(max(self._retry.attempts, len(call.chain)))
        again = self._noted(call.chain[0], tries, error)
        round_, chain = 0, call.chain if again else call.chain[1:]
        while True:
            for place, model in enumerate(chain):
                if model in tries.refusals:
                    continue
                owed = len(chain) - place - 1 if not round_ else 0
                found = await self._ask(call, model, tries, owed)
                if found is not None:
                    self._served(call, found[1], tries)
                    return found
            round_, chain = round_ + 1, call.chain
            wait_s = self._wait_s(call, tries, round_)
            if wait_s is None:
                raise self._gave_up(call, tries)
            await self._clock.sleep(wait_s)

    async def _ask(self, call: Call, model: str, tries: _Tries, owed: int) -> tuple[Opened, Reply] | None:
        """One pool's turn, or `None` when it is somebody else's. Leaves `owed` attempts over."""
        pool = self._pools[model]
        while tries.left > owed:
            try:
                opened = pool(call)
                return opened, await opened.__aenter__()
            except RECOVERABLE as error:
                if not self._noted(model, tries, error):
                    return None
            except UpstreamRejected as error:
                error.attempts = len(tries.failures) + 1
                raise
        return None

    def _noted(self, model: str, tries: _Tries, error: Exception) -> bool:
        """Keeps the books of a failure. Whether the same pool may be asked again at once.

        Without its traceback: that knows the frames that know the books, and the request would be kept by it.
        """
        error.__traceback__ = None
        if isinstance(error, UpstreamUnavailable):
            tries.failed(model, error)
            return error.scope is Scope.KEY
        if isinstance(error, Unsupported):
            tries.cannot(model, error)
        return False

    def _served(self, call: Call, reply: Reply, tries: _Tries) -> None:
        if tries.failures:
            reply.attempts = len(tries.failures) + 1
        served = reply.source.model_id
        if served != call.chain[0]:
            reply.fallback_from = call.chain[0]
            self._recorder.fell_back(call, call.chain[0], served, tries.reason(call.chain[0]))

    def _wait_s(self, call: Call, tries: _Tries, round_: int) -> float | None:
        """Seconds until another round is worth it; `None` where it is not, or not allowed."""
        if tries.left <= 0 or round_ >= self._retry.attempts or tries.hopeless(call.chain):
            return None
        now, backoff = self._clock.now(), self._retry.backoff
        ready_in = self._ready_at(call, tries) - now
        wait_s = max(ready_in + GRAIN_S, backoff.wait_s(round_, self._chance))
        if ready_in > backoff.cap_s or now + wait_s >= call.deadline_at:
            return None
        return None if tries.failures and not self._budget.withdraw() else wait_s

    def _ready_at(self, call: Call, tries: _Tries) -> float:
        """When the first of those that have words for the request may be ready."""
        return min(self._pools[model].ready_at() for model in call.chain if model not in tries.refusals)

    def _gave_up(self, call: Call, tries: _Tries) -> GatewayError:
        if tries.hopeless(call.chain):
            return tries.refusals[call.chain[0]]
        soonest = self._ready_at(call, tries)
        return gave_up(call, tries, retry_after_s=max(soonest - self._clock.now(), 1.0))


class _Falling:
    """One request's way through the pools. A hand-written context: it is entered on every request."""

    __slots__ = ("_call", "_fallback", "_opened")

    def __init__(self, fallback: Fallback, call: Call) -> None:
        self._fallback = fallback
        self._call = call

    async def __aenter__(self) -> Reply:
        try:
            self._opened = self._fallback.first(self._call)
            return await self._opened.__aenter__()
        except RECOVERABLE as error:
            failure = error
        self._opened, reply = await self._fallback.carry_on(self._call, failure)
        return reply

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._opened.__aexit__(kind, error, trace)


class _Tries:
    """What one request has tried so far."""

    def __init__(self, attempts: int) -> None:
        self.left = attempts
        self.failures: list[tuple[str, UpstreamUnavailable]] = []
        self.refusals: dict[str, Unsupported] = {}

    def failed(self, model: str, error: UpstreamUnavailable) -> None:
        self.left -= 1
        self.failures.append((model, error))

    def cannot(self, model: str, error: Unsupported) -> None:
        """This model's dialect has no words for the request, and never will."""
        self.refusals[model] = error

    def hopeless(self, chain: tuple[str, ...]) -> bool:
        return all(model in self.refusals for model in chain)

    def reason(self, model: str) -> GatewayError:
        """Why `model` did not serve."""
        for failed, error in self.failures:
            if failed == model:
                return error
        return self.refusals.get(model) or Overloaded("No upstream of the pool was ready.")


def gave_up(call: Call, tries: _Tries, *, retry_after_s: float) -> GatewayError:
    """The one error that stands for all that was tried."""
    name = call.payload.model
    if not tries.failures:
        return Overloaded(
            f"No upstream for '{name}' is ready; the next may be in {retry_after_s:.0f} s.",
            code="no_upstream_ready",
            retry_after_s=retry_after_s,
        )
    last = tries.failures[-1][1]
    error: UpstreamUnavailable | AllUpstreamsFailed
    if all(isinstance(failure, UpstreamThrottled) for _, failure in tries.failures):
        error = UpstreamThrottled(last.message, status=429, retry_after_s=retry_after_s)
    else:
        error = AllUpstreamsFailed(
            f"Every upstream for '{name}' failed; the last said: {last.message}", status=last.status
        )
    error.attempts = len(tries.failures)
    error.__cause__ = ExceptionGroup("attempts", [failure for _, failure in tries.failures])
    return error
