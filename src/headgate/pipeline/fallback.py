"""Fallback: pools in order, under one attempt budget, until one opens.

Entering is the point of no return: until the first byte any failure of an upstream sends the request on,
after it none does. A pool that is not ready, or for which others wait already, is passed over without an
attempt. A failure that speaks of a key asks the same pool again, for its other keys; anything wider moves on.
When every pool has been asked and one of them failed that is ready still, the round begins again after a
back-off, within the budget of attempts and of retries. When none is ready the request waits in the queue, for
whichever is first. Stands above the pools, below everything that belongs to the request. Holds the opened
reply.

Known weakness: a stream that is cut later is not resumed elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import ClassVar, Protocol

import msgspec

from headgate.core.call import Call, Queued, Reply
from headgate.core.errors import (
    AllUpstreamsFailed,
    GatewayError,
    OverLimit,
    Overloaded,
    Scope,
    Unsupported,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from headgate.core.retry import Backoff, RetryBudget
from headgate.pipeline.service import Passage
from headgate.ports.clock import Clock
from headgate.ports.recorder import Recorder

Opened = AbstractAsyncContextManager[Reply]

RECOVERABLE = (UpstreamUnavailable, Overloaded, Unsupported)
"""What another pool may be able to serve: one has failed, has no room, or has no words for the request."""

VAIN_TURNS = 16
"""Whose turn it was so often and who found no room all the same has waited enough."""


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """`attempts` upstream calls per request at most, except that every pool of a chain is owed one."""

    attempts: int = 3
    backoff: Backoff = Backoff()


class Asked(Protocol):
    """What fallback wants of a pool; of `pipeline.service.Upstream` a part."""

    def __call__(self, call: Call, /) -> Opened: ...
    def ready(self, call: Call | None = None) -> bool: ...
    def ready_at(self, call: Call | None = None) -> float: ...


class Turn(Protocol):
    """It is this pool's turn to serve a request, which has waited as told."""

    @property
    def model(self) -> str: ...
    @property
    def queued(self) -> Queued: ...


class Turns(Protocol):
    """Where requests wait for room."""

    def taken(self, model: str, /) -> bool:
        """Whether somebody waits for that pool, or for what it draws on, already."""
        ...

    async def turn(self, call: Call, models: Sequence[str], waited_s: float, /) -> Turn:
        """Waits until one of the pools has room for the call and it is its turn; that pool must then be asked
        at once. Raises `Overloaded` or `OverLimit`, with the time, where there is no point in waiting."""
        ...


class Fallback:
    def __init__(
        self,
        pools: Mapping[str, Asked],
        *,
        retry: Retry,
        budget: RetryBudget,
        queue: Turns,
        clock: Clock,
        chance: Random,
        recorder: Recorder,
    ) -> None:
        """`pools`: model id → the pool that serves it."""
        self._pools = pools
        self._retry = retry
        self._budget = budget
        self._queue = queue
        self._clock = clock
        self._chance = chance
        self._recorder = recorder

    def __call__(self, call: Call) -> _Falling:
        return _Falling(self._first, call, fallback=self)

    def _first(self, call: Call) -> Opened:
        """The first choice, not entered yet. Nearly every request ends there."""
        self._budget.deposit()
        model = call.chain[0]
        if self._queue.taken(model):
            raise Overloaded("Others wait for it.")
        return self._pools[model](call)

    async def carry_on(self, call: Call, error: BaseException) -> tuple[Opened, Reply]:
        """After the first choice has failed with `error`: the first context that opens, entered, and its
        reply."""
        tries = _Tries(max(self._retry.attempts, len(call.chain)))
        again = self._noted(call.chain[0], tries, error)
        chain = call.chain if again else call.chain[1:]
        while True:
            for place, model in enumerate(chain):
                if model in tries.refusals:
                    continue
                owed = sum(tries.owes(later) for later in chain[place + 1 :])
                found = await self._ask(call, model, tries, owed)
                if found is not None:
                    self._served(call, found[1], tries)
                    return found
            chain = await self._next(call, tries)

    async def _ask(self, call: Call, model: str, tries: _Tries, owed: int) -> tuple[Opened, Reply] | None:
        """One pool's turn, or `None` when it is somebody else's. Leaves `owed` attempts over."""
        pool, granted, tries.turn = self._pools[model], tries.turn == model, None
        if not granted and self._queue.taken(model):
            return None
        while tries.left > owed:
            try:
                opened = pool(call)
                return opened, await opened.__aenter__()
            except RECOVERABLE as error:
                if not self._noted(model, tries, error):
                    return None
            except UpstreamRejected as error:
                error.attempts += len(tries.failures)
                raise
        return None

    def _noted(self, model: str, tries: _Tries, error: BaseException) -> bool:
        """Keeps the books of a failure. Whether the same pool may be asked again at once.

        Without its traceback: that knows the frames that know the books, and the request would be kept by it.
        """
        error.__traceback__ = None
        if isinstance(error, UpstreamUnavailable):
            tries.failed(model, error)
            if error.beside is not None:
                tries.failed(*error.beside)
            return error.scope is Scope.KEY
        if isinstance(error, Unsupported):
            tries.cannot(model, error)
        return False

    def _served(self, call: Call, reply: Reply, tries: _Tries) -> None:
        reply.attempts += len(tries.failures)
        served = reply.source.model_id
        if served != call.chain[0]:
            reply.fallback_from = call.chain[0]
            self._recorder.fell_back(call, call.chain[0], served, tries.reason(call.chain[0]))
        reply.queued = tries.queued

    async def _next(self, call: Call, tries: _Tries) -> tuple[str, ...]:
        """Waits until another round is worth it. The chain it should follow; raises where it is not, or not
        allowed."""
        able = tuple(model for model in call.chain if model not in tries.refusals)
        if not able:
            raise tries.refusals[call.chain[0]]
        failed, tries.noted = len(tries.failures) > tries.noted, len(tries.failures)
        owed = tuple(model for model in able if tries.owes(model))
        chain = await self._turn(call, owed, tries) if owed and tries.left > 0 else None
        if chain is not None:
            return chain
        if tries.left <= 0 or (failed and not self._may_retry(tries)):
            raise self._gave_up(call, able, tries)
        if failed and any(self._pools[model].ready(call) and not self._queue.taken(model) for model in able):
            await self._back_off(call, able, tries)
            return able
        chain = await self._turn(call, able, tries)
        if chain is None:
            raise self._gave_up(call, able, tries)
        return chain

    def _may_retry(self, tries: _Tries) -> bool:
        tries.again += 1
        return tries.again < self._retry.attempts and self._budget.withdraw()

    async def _back_off(self, call: Call, models: Sequence[str], tries: _Tries) -> None:
        wait_s = self._retry.backoff.wait_s(tries.again, self._chance)
        if self._clock.now() + wait_s >= call.deadline_at:
            raise self._gave_up(call, models, tries)
        await self._clock.sleep(wait_s)

    async def _turn(self, call: Call, models: Sequence[str], tries: _Tries) -> tuple[str, ...] | None:
        """Waits for room at whichever of the pools has it first; these pools in the order in which to ask
        them. `None` where there is no point in waiting and something else can be said: others have failed."""
        tries.turns += 1
        if tries.turns > VAIN_TURNS:
            return None
        try:
            turn = await self._queue.turn(call, models, tries.queued.waited_s if tries.queued else 0.0)
        except (Overloaded, OverLimit) as refused:
            refused.__traceback__ = None  # that knows the frame that knows what waited
            if not tries.failures:
                raise
            tries.passed.update(models)
            return None
        tries.queued, tries.turn = turn.queued, turn.model
        return (turn.model, *(model for model in models if model != turn.model))

    def _gave_up(self, call: Call, models: Sequence[str], tries: _Tries) -> GatewayError:
        soonest = min(self._pools[model].ready_at(call) for model in models)
        return gave_up(call, tries, retry_after_s=max(soonest - self._clock.now(), 1.0))


class _Falling(Passage, eq=False, kw_only=True):
    """One request's way through the pools."""

    saves: ClassVar[tuple[type[BaseException], ...]] = RECOVERABLE
    fallback: Fallback

    async def save(self, error: BaseException) -> tuple[Opened, Reply]:
        return await self.fallback.carry_on(self.call, error)


class _Tries:
    """What one request has tried so far. `again`: rounds begun anew after failures, of which `noted` were
    before this one; `turns`: how often it was let go in the queue, the last time for the pool `turn`;
    `passed`: pools that it could not wait for."""

    def __init__(self, attempts: int) -> None:
        self.left = attempts
        self.again = 0
        self.noted = 0
        self.turns = 0
        self.turn: str | None = None
        self.passed: set[str] = set()
        self.queued: Queued | None = None
        self.failures: list[tuple[str, UpstreamUnavailable]] = []
        self.refusals: dict[str, Unsupported] = {}

    def failed(self, model: str, error: UpstreamUnavailable) -> None:
        self.left -= 1
        self.failures.append((model, error))

    def cannot(self, model: str, error: Unsupported) -> None:
        """This model's dialect has no words for the request, and never will."""
        self.refusals[model] = error

    def owes(self, model: str) -> bool:
        """Whether it has not been asked yet, and could be."""
        if model in self.refusals or model in self.passed:
            return False
        return all(model != failed for failed, _ in self.failures)

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
