"""Hedge: where a first byte is long in coming, the request is asked a second time elsewhere; who begins first
serves, the other is let go of at once.

Elsewhere is another key of the same model, where the budget of attempts has one to spare, else the next
model of the chain; never the same upstream. Only where there is room for it without waiting, and for one
more: where others wait, where the house is under strain, or where it would use up what a key allows, it is
not made. Once for each request, for a small share of them, and not once something has failed: then it is a
matter of retries. A call that is let go of looks to its upstream like one that was cancelled: its breaker
learns nothing, its permit comes back, its key keeps what was reserved. It is booked as having cost as much as
the winner had taken by then. Stands between fallback and the pools, since both calls must not go to the same
place; the first is made in the request's own task, the second in one of its own. Holds both until one has
begun, then that one.

Known weakness: what a second call may cost is not reserved beforehand. Of an answer that is not streamed the
first byte is its last, so that a long one is taken for a slow one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from types import TracebackType

import msgspec

from headgate.core.call import Call, Discarded, Reply, Source, outrun, put_aside
from headgate.core.errors import GatewayError, UpstreamError, UpstreamUnavailable
from headgate.core.hedging import Bet, Terms, Times
from headgate.core.retry import RetryBudget
from headgate.core.usage import Usage, estimate
from headgate.pipeline.scope import Leash
from headgate.pipeline.service import Chosen, Pool, Service, taken_over
from headgate.ports.clock import Clock
from headgate.ports.recorder import Recorder

Opened = AbstractAsyncContextManager[Reply]


class Stake(msgspec.Struct, frozen=True):
    """What a route says of hedges, and the share that it has left."""

    terms: Terms
    share: RetryBudget


class Stakes:
    """By the name of the route; `usual` where it says nothing."""

    def __init__(self, routes: Mapping[str, Stake | None], usual: Stake | None) -> None:
        self._routes = routes
        self._usual = usual

    def of(self, call: Call) -> Stake | None:
        """Whether the call may be hedged by its route, and how."""
        name = call.payload.model if call.decision is None else call.decision.route
        return self._routes.get(name, self._usual)


class Parting:
    """Routes that hedge go one way, all others the other."""

    def __init__(self, plain: Service, hedged: Service, *, stakes: Stakes) -> None:
        self._plain = plain
        self._hedged = hedged
        self._of = stakes.of

    def __call__(self, call: Call) -> Opened:
        return self._plain(call) if self._of(call) is None else self._hedged(call)


class Table:
    """What the hedges of one generation have in common."""

    def __init__(
        self,
        pools: Mapping[str, Pool],
        *,
        stakes: Stakes,
        attempts: int,
        times: Mapping[tuple[str, bool], Times],
        taken: Callable[[str], bool],
        calm: Callable[[], bool],
        clock: Clock,
        recorder: Recorder,
    ) -> None:
        """`attempts`: upstream calls for a request at most. `times` by model and whether it streams.
        `taken`: whether a request waits for that model; `calm`: whether the house has room."""
        self.pools = pools
        self.stakes = stakes
        self.times = times
        self.clock = clock
        self.recorder = recorder
        self._attempts = attempts
        self._taken = taken
        self._calm = calm

    def seat(self, call: Call) -> Stake | None:
        """Whether a second call may be made for it. Counts each request once."""
        stake, line = self.stakes.of(call), call.line
        if stake is None or line.may_hedge is False:
            return None
        if line.may_hedge is None:
            line.may_hedge = True
            stake.share.deposit()
        return stake

    def elsewhere(self, call: Call, stake: Stake, model: str, source: Source) -> Chosen | None:
        """Another upstream than `source`, of that model, that has room for it now and for one more."""
        if not self._calm():
            return None
        second = msgspec.structs.replace(call, hedge=True)
        for name, pool in self._places(call, stake.terms, model, source):
            spare = pool.ready(second) and pool.refill(2) <= self.clock.now()
            if spare and not self._taken(name):
                return pool.choose(second) if stake.share.withdraw() else None
        return None

    def _places(self, call: Call, terms: Terms, model: str, source: Source) -> Iterator[tuple[str, Pool]]:
        if terms.another_key(call.chain, self._attempts):
            others = self.pools[model].without(source)
            if others is not None:
                yield model, others
        for other in terms.other_models(call.chain, model):
            yield other, self.pools[other]


class Hedge:
    """One model's pool, as fallback asks it."""

    def __init__(self, table: Table, model: str) -> None:
        self._table = table
        self._model = model
        self._pool = table.pools[model]

    def __call__(self, call: Call) -> _Race:
        return _Race(self._table, self._model, call)

    def ready(self, call: Call | None = None) -> bool:
        return self._pool.ready(call)

    def ready_at(self, call: Call | None = None) -> float:
        return self._pool.ready_at(call)


class _Race:
    """One request's calls to a model and, where that is slow, elsewhere."""

    __slots__ = (
        "_asked_at",
        "_call",
        "_first",
        "_leash",
        "_model",
        "_opened",
        "_second",
        "_stake",
        "_table",
        "_task",
    )

    def __init__(self, table: Table, model: str, call: Call) -> None:
        self._table = table
        self._model = model
        self._call = call
        self._leash: Leash | None = None
        self._opened: Opened | None = None
        self._second: Chosen | None = None
        self._task: asyncio.Task[Reply] | None = None

    async def __aenter__(self) -> Reply:
        table, call = self._table, self._call
        self._first = table.pools[self._model].choose(call)
        self._stake = stake = table.seat(call)
        times = table.times[self._model, call.payload.stream]
        delay_s = None if stake is None else stake.terms.delay_s(times)
        self._asked_at = now = table.clock.now()
        if delay_s is not None:
            self._leash = Leash(table.clock, now + delay_s, self._late)
        reply: Reply | None = None
        failure: BaseException | None = None
        try:
            reply = await self._first.opened.__aenter__()
        except BaseException as error:  # noqa: BLE001  # raised below, unless the second call saves it
            failure = error
        leash, self._leash = self._leash, None
        late = leash is not None and leash.left(failure)
        if late or reply is not None:  # of who was let go of, so far
            times.observe(table.clock.now() - self._asked_at)
        try:
            if reply is not None:
                return await self._first_begun(reply)
            return await self._first_ended(failure, late=late)  # type: ignore[arg-type]  # it is one or the other
        finally:
            failure = None  # its traceback knows this frame

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return None if self._opened is None else await self._opened.__aexit__(kind, error, trace)

    def _late(self) -> None:
        """For so long there has been no first byte."""
        if self._stake is None or not self._call.line.may_hedge:
            return
        second = self._table.elsewhere(self._call, self._stake, self._model, self._first.source)
        if second is not None:
            self._call.line.may_hedge = False
            self._second = second
            self._task = asyncio.get_running_loop().create_task(_entered(second.opened))
            self._task.add_done_callback(self._heard)

    def _heard(self, task: asyncio.Task[Reply]) -> None:
        """The second has begun; or it has failed, and the first goes on."""
        error = _failure(task)
        if error is not None and not isinstance(error, GatewayError | asyncio.CancelledError):
            told = {"message": "a hedge failed", "exception": error, "task": task}
            task.get_loop().call_exception_handler(told)
        if self._leash is not None and error is None:
            self._leash.pull()

    # ── how it ends ──

    async def _first_begun(self, reply: Reply) -> Reply:
        self._opened = self._first.opened
        if self._task is None:
            return reply
        try:
            aside = await self._let_go(self._task, reply.usage())
        except BaseException as error:
            self._call.line.discarded += put_aside(reply)
            await self._opened.__aexit__(type(error), error, error.__traceback__)
            raise
        reply.attempts += 1
        reply.discarded += aside
        return reply

    async def _first_ended(self, failure: BaseException, *, late: bool) -> Reply:
        """It has failed, or was let go of because the second has begun."""
        unavailable, task = isinstance(failure, UpstreamUnavailable), self._task
        try:
            if unavailable:
                self._call.line.may_hedge = False
            if task is None:
                raise failure
            if not late and not unavailable:
                await self._abandoned(task)
                raise failure
            await self._waited_for(task)
            error = _failure(task)
            if error is not None:
                raise self._both(failure, error) from None
            return self._second_serves(task.result(), late=late)
        finally:
            del failure

    async def _waited_for(self, task: asyncio.Task[Reply]) -> None:
        try:
            await asyncio.wait({task})
        except BaseException:
            await self._abandoned(task)
            raise

    def _second_serves(self, reply: Reply, *, late: bool) -> Reply:
        chain, second = self._call.chain, self._second
        assert second is not None
        self._opened = second.opened
        taken_over(second.opened)
        self._told(Bet.WON)
        if late:
            reply.discarded += (outrun(self._first.source, reply.usage()),)
        reply.attempts += 1
        reply.asked_at = self._asked_at
        if second.source.model_id != chain[0]:
            reply.fallback_from = chain[0]
        return reply

    def _both(self, failure: BaseException, error: BaseException) -> BaseException:
        """What is told of two that have failed: of one that found fault with the request, else of the
        first."""
        self._told(Bet.FAILED)
        if isinstance(error, UpstreamUnavailable) and isinstance(failure, UpstreamUnavailable):
            error.__traceback__ = None  # that knows the frames that know the request
            failure.beside = self._told_model, error
            return failure
        if isinstance(error, UpstreamError):
            error.attempts += 1
            return error
        return failure

    async def _abandoned(self, task: asyncio.Task[Reply]) -> None:
        """Nobody waits any more: it is not known what the second has taken, beside the prompt."""
        prompt = estimate(prompt_chars=len(self._call.payload.raw), output_chars=0)
        aside = await self._let_go(task, prompt, Bet.GONE)
        self._call.line.discarded += aside

    async def _let_go(
        self, task: asyncio.Task[Reply], taken: Usage, bet: Bet = Bet.LOST
    ) -> tuple[Discarded, ...]:
        """Ends the second call and waits until nothing of it is left. What there is to pay for it, where it
        may have taken so much."""
        second = self._second
        assert second is not None
        task.cancel()
        gone = await _over(task)
        aside: tuple[Discarded, ...] = ()
        if task.cancelled():
            aside = (outrun(second.source, taken),)
        elif task.exception() is None:  # both have begun
            aside = put_aside(task.result(), hedge=True)
            await _left(second.opened)
        else:
            bet = Bet.FAILED
        self._told(bet)
        if gone is not None:
            self._call.line.discarded += aside
            raise gone
        return aside

    def _told(self, bet: Bet) -> None:
        self._table.recorder.hedged(self._call, self._model, self._told_model, bet)

    @property
    def _told_model(self) -> str:
        return self._second.source.model_id if self._second is not None else ""


async def _entered(opened: Opened) -> Reply:
    return await opened.__aenter__()


async def _left(opened: Opened) -> None:
    """Leaves what has begun and is not wanted, as if it had been cancelled."""
    with suppress(GatewayError, asyncio.CancelledError):
        await opened.__aexit__(asyncio.CancelledError, asyncio.CancelledError(), None)


async def _over(task: asyncio.Task[Reply]) -> asyncio.CancelledError | None:
    """Waits until it has ended, whatever happens meanwhile. The cancellation that came, if one did."""
    gone = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            gone = error
    return gone


def _failure(task: asyncio.Task[Reply]) -> BaseException | None:
    return asyncio.CancelledError() if task.cancelled() else task.exception()
