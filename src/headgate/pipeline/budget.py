"""Budget: money is reserved before it is spent, on the caller's key, tenant and tier and on the route, on all
of them or on none, and settled when the answer has ended, by what it cost.

Stands below route, which names the models and so the prices, and below everything that answers from here: an
answer that was kept costs nothing, and is given to who has spent everything. Above the batch, so that each
pays his own part; above mirror, cascade and fallback, so that a call is reserved for once however often it is
tried. Where there is room nobody waits. Where there seems to be none, whoever knows is asked; money that is
only reserved for others is waited for, since most of it comes back. Holds what is reserved until the answer
has ended.

A stream that outgrows what was reserved for it reserves more; where there is no more, it is cut.

Known weakness: an answer that does not stream, and costs more than was expected, is paid all the same. Who
began a call that others share pays for it, even where he hangs up; the ledger books it to who stays.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType

import msgspec

from headgate.core.call import Call, Caller, Discarded, Operation, Reply
from headgate.core.errors import Overloaded
from headgate.core.expected import PLAIN_BYTES, Expectations, Expected, Usual
from headgate.core.price import Price
from headgate.core.purse import Purse, Slot
from headgate.core.reuse import BYPASS, MISS
from headgate.core.usage import CHARS_PER_TOKEN
from headgate.pipeline.cashier import AGAIN_S, Cashier, lacking
from headgate.pipeline.service import Passage, Service
from headgate.ports.clock import Clock

MORE = 2
"""A stream that needs more reserves one part in so many of what it has."""
STALL_S = 2.0
"""How long a stream waits for more."""
_PER_MILLION = 1_000_000


BILLS = 10_000
"""So many are remembered."""


class Bill(msgspec.Struct, frozen=True):
    """Of calls of one key to one model under one name: who pays, at what price, where that is known, and
    what they take."""

    slots: Sequence[Slot]
    price: Price | None
    usual: Usual


class Budgets:
    def __init__(
        self,
        inner: Service,
        *,
        payers: Callable[[Caller, str], Sequence[Slot]],
        name: Callable[[Call], str] | None,
        cashier: Cashier,
        prices: Mapping[str, Price],
        unpriced: Collection[str],
        expectations: Expectations,
        clock: Clock,
    ) -> None:
        """`payers`: of a caller, under the name that a call is for; `name` says which, where such names have
        budgets. `prices` by model id, of those whose price is known; `unpriced` are the others,
        unless they may serve."""
        self.inner = inner
        self.cashier = cashier
        self._payers = payers
        self._name = name
        self._bills: dict[tuple[str, str, str], Bill] = {}
        self.clock = clock
        self.expectations = expectations
        self._prices = prices
        self._unpriced = frozenset(unpriced)

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        bill = self._bill(call)
        if not bill.slots:
            return self.inner(call)
        if self._unpriced and not self._unpriced.isdisjoint(call.chain):
            call = self._priced(call)
            bill = self._bill(call)
        now, wall, size, price = self.clock.now(), self.clock.wall(), len(call.payload.raw), bill.price
        if price is None or size > PLAIN_BYTES:
            return self._otherwise(call, bill)
        nano, purses = bill.usual.nano(price, size), list[Purse]()
        for slot in bill.slots:
            purse = slot.purse if wall < slot.ends_at else self.cashier.bank.turn(slot)
            if not purse.take(nano, now):
                for taken in purses:
                    taken.release(nano)
                return self._otherwise(call, bill)
            purses.append(purse)
        paid = len(call.line.discarded)
        return _Held(self.inner, call, layer=self, purses=purses, reserved=nano, usual=bill.usual, paid=paid)

    def _bill(self, call: Call) -> Bill:
        of = call.caller.key, call.chain[0], "" if self._name is None else self._name(call)
        return self._bills.get(of) or self._draw(call.caller, of)

    def _draw(self, caller: Caller, of: tuple[str, str, str]) -> Bill:
        """Names are the configuration's: others have not come so far."""
        key, model, name = of
        if len(self._bills) >= BILLS:
            self._bills.clear()
        bill = Bill(self._payers(caller, name), self._prices.get(model), self.expectations.usual(model, key))
        self._bills[of] = bill
        return bill

    def _otherwise(self, call: Call, bill: Bill) -> AbstractAsyncContextManager[Reply]:
        """Where nobody knows what it will cost, nothing is reserved; where that has to be found out, or there
        is not enough in hand, it is waited for."""
        wall, bank = self.clock.wall(), self.cashier.bank
        purses = [slot.purse if wall < slot.ends_at else bank.turn(slot) for slot in bill.slots]
        if bill.price is not None:
            return _Waiting(self, call, purses)
        for purse in purses:
            purse.reserve(0, self.clock.now())
        paid = len(call.line.discarded)
        return _Held(self.inner, call, layer=self, purses=purses, reserved=0, paid=paid)

    def _priced(self, call: Call) -> Call:
        """Without models whose price nobody knows."""
        prices = self._prices
        chain = tuple(model for model in call.chain if model in prices)
        if not chain:
            raise Overloaded(
                f"This call has a budget, and what '{call.chain[0]}' costs is not known.",
                code="price_unknown",
                retry_after_s=AGAIN_S,
            )
        return msgspec.structs.replace(call, chain=chain)

    def expected(self, call: Call) -> Expected:
        """What it will probably cost, by its first choice."""
        payload, model = call.payload, call.chain[0]
        price = self._prices.get(model)
        if price is None:
            return _NOTHING
        answers = payload.operation is not Operation.EMBEDDINGS
        usual = self.expectations.usual(model, call.caller.key)
        return usual.expected(price, payload.raw, answers=answers)


def _afford(purses: Sequence[Purse], expected: Expected) -> Expected:
    """What to reserve: no more than is left, for who is alone with his budget. The last of it would never be
    spent otherwise; and that he costs more is one call's error at most."""
    if not all([purse.alone for purse in purses]):  # noqa: C419 - half the time of a generator
        return expected
    left = min(purse.left() for purse in purses)
    return msgspec.structs.replace(expected, nano=min(expected.nano, left)) if left > 0 else expected


def _sum(answers: Sequence[Discarded]) -> int:
    """What they cost, so far as that is known."""
    return sum(one.cost_nano or 0 for one in answers)


_NOTHING = Expected(0, 0, 0, True)


class _Held(Passage, eq=False, kw_only=True):
    """`reserved`: before this was made, so that who stands above enters it at once. `usual`: what calls to
    the first choice take, as long as that serves. `fixed`: it cannot cost more than is reserved. `paid`: so
    many answers were put aside, and paid for, when the same request was here before."""

    layer: Budgets
    purses: Sequence[Purse]
    reserved: int
    usual: Usual | None = None
    fixed: bool = False
    paid: int = 0

    def opened(self, reply: Reply) -> None:
        if reply.source.model_id != self.call.chain[0] and not reply.reuse.hit:
            self._moved(reply)
        if reply.stream and not self.fixed and (price := reply.source.price) is not None and price.output:
            reply.body = _Growing(self, reply, price)

    def _moved(self, reply: Reply) -> None:
        """Another model serves than the one for which was reserved: whether or not there is room, it is being
        paid."""
        self.usual = None
        price, raw = reply.source.price, self.call.payload.raw
        if price is None:
            return
        expected = self.usually(reply).expected(price, raw)
        more = expected.nano - self.reserved
        if more > 0:
            for purse in self.purses:
                purse.reserve(more, self.layer.clock.now())
            self.reserved, self.fixed = expected.nano, expected.capped

    async def more(self) -> int:
        """Reserves more for a stream; what is reserved for it now."""
        layer = self.layer
        nano = max(1, self.reserved // MORE)
        now = layer.clock.now()
        if lacking(self.purses, nano, now):
            await self._awaited(nano, now)
        for purse in self.purses:
            purse.reserve(nano, now)
        self.reserved += nano
        return self.reserved

    async def _awaited(self, nano: int, now: float) -> None:
        """Who is being answered is not cut off because nobody can know."""
        try:
            more = Expected(nano, nano, 0, True)
            await self.layer.cashier.room(self.purses, lambda: more, now + STALL_S)
        except Overloaded as error:
            error.__traceback__ = None

    def ended(self, error: BaseException | None, reply: Reply | None) -> BaseException | None:
        call, cost = self.call, 0
        if reply is not None and ((reuse := reply.reuse) is MISS or reuse is BYPASS):
            cost = reply.own_nano() or 0
            if error is None:
                usual = self.usual or self.usually(reply)
                if usual.due():
                    usual.learn(len(call.payload.raw), reply.usage())
            if reply.discarded:  # whatever this answer's own price is
                cost += _sum(reply.discarded)
        if discarded := call.line.discarded:
            cost += _sum(discarded[self.paid :])
        reserved = self.reserved
        for purse in self.purses:
            purse.settle(reserved, cost)
        return error

    def usually(self, reply: Reply) -> Usual:
        """What such calls to the model that serves usually take."""
        return self.layer.expectations.usual(reply.source.model_id, self.call.caller.key)


class _Growing:
    """A stream that must not outgrow what is reserved for it."""

    __slots__ = ("_asked", "_body", "_held", "_most", "_price", "_seen")

    def __init__(self, held: _Held, reply: Reply, price: Price) -> None:
        self._held = held
        self._body = reply.body
        self._seen = reply.seen
        self._price = price
        self._asked = held.usually(reply).asked(price, held.call.payload.raw)
        self._most = self._chars(held.reserved)

    def _chars(self, nano: int) -> int:
        """So much text may that be."""
        return max(0, nano - self._asked) * _PER_MILLION * CHARS_PER_TOKEN // max(1, self._price.output)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._seen.output_chars > self._most and not self._seen.over:
            self._most = self._chars(await self._held.more())
        return await self._body.__anext__()


class _Waiting:
    """A call that has not enough in hand."""

    def __init__(self, layer: Budgets, call: Call, purses: Sequence[Purse]) -> None:
        self._layer = layer
        self._call = call
        self._purses = purses
        self._held: _Held | None = None

    async def __aenter__(self) -> Reply:
        layer, call, purses = self._layer, self._call, self._purses
        until = min(call.deadline_at, layer.clock.now() + layer.cashier.rules.max_wait_s)
        expected = await layer.cashier.room(purses, lambda: _afford(purses, layer.expected(call)), until)
        for purse in purses:
            purse.reserve(expected.nano, layer.clock.now())
        nano, fixed = expected.nano, expected.capped
        paid = len(call.line.discarded)
        self._held = _Held(
            layer.inner, call, layer=layer, purses=purses, reserved=nano, fixed=fixed, paid=paid
        )
        return await self._held.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return None if self._held is None else await self._held.__aexit__(kind, error, trace)
