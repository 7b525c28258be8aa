"""Budgets: reserved before, settled by what it cost, on all purses or on none; waited for, and cut."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import msgspec
import pytest

from budgeted import CENT, Away, House, free, usage
from headgate.adapters.memory.accounts import MemoryAccounts
from headgate.core.account import Ask, Told, spent_nano
from headgate.core.budget import Budget
from headgate.core.call import Call, Discarded, Reply, Source
from headgate.core.errors import BudgetSpent, Overloaded, UpstreamUnavailable
from headgate.core.expected import Expectations
from headgate.core.price import NANO
from headgate.core.reuse import Reuse
from headgate.pipeline.cashier import Rules
from headgate.pipeline.service import Service
from scripted import (
    Act,
    TurningLoop,
    answers,
    asked,
    cancelled_at_every_turn,
    drain,
    fails,
    fate,
)
from virtual import clock, run


def test_each_pays_what_it_cost_and_who_has_nothing_left_is_refused_until_the_period_ends() -> None:
    async def story() -> None:
        house = House()
        async with house.open():
            for _ in range(9):
                assert await drain(house.layer, asked(chain=("m",))) == [b"ok"]
            assert await house.spent() == await house.spent(house.slots[1]) == 90
            assert await drain(house.layer, asked(chain=("m",))) == [b"ok"]
            refused = await fate(house.layer, asked(chain=("m",)))
            assert isinstance(refused, BudgetSpent)
            assert refused.code == "insufficient_quota"
            assert "key/k, until " in refused.message
            assert await house.spent() == await house.spent(house.slots[1]) == 100
            assert house.up.calls == 10
            assert free([slot.purse for slot in house.slots])

    run(story())


@pytest.mark.parametrize("used", [0, 1])
@pytest.mark.parametrize("later_s", [0.0, 2.0, 8.0, 100.0])
def test_one_call_may_need_all_that_is_left_while_others_hold_a_little_and_are_silent(
    used: int, later_s: float
) -> None:
    """Several processes, each with its first little of a budget, used or not: what they do not need comes
    back within seconds, however small it is."""

    async def story() -> None:
        accounts = MemoryAccounts(clock())
        houses = [House(usd=0.4, accounts=accounts, name=f"p{number}") for number in range(4)]
        async with AsyncExitStack() as open_:
            for house in houses:
                await open_.enter_async_context(house.open())
            for house in houses[1 : 1 + used]:
                house.up.usage = usage(1)
                assert await drain(house.layer, asked(chain=("m",))) == [b"ok"]
            await clock().sleep(later_s)
            house, begun = houses[0], clock().now()
            house.expectations = Expectations()  # of a model that nobody has heard much is expected
            house.layer = house.over()
            assert await drain(house.layer, asked(chain=("m",))) == [b"ok"]
            assert clock().now() - begun < 6.0

    run(story())


def test_who_asks_for_nothing_asks_nobody() -> None:
    """A budget that nobody uses any more costs a message a minute, one that nobody has used none."""

    class Counted(MemoryAccounts):
        told = 0

        async def tell(self, holder: str, number: int, asks: Sequence[Ask]) -> list[Told]:
            self.told += len(asks)
            return await super().tell(holder, number, asks)

    async def story() -> None:
        accounts = Counted(clock())
        house = House(accounts=accounts)
        async with house.open():
            house.slots.pop()  # the tenant's stays unused
            await drain(house.layer, asked(chain=("m",)))
            await clock().sleep(100.0)
            before = accounts.told
            await clock().sleep(600.0)
            assert 5 <= accounts.told - before <= 11

    run(story())


def test_all_or_none() -> None:
    """Where one of them has nothing left, nothing is taken of the others."""

    async def story() -> None:
        house = House(usd=50.0, tenant=0.0)
        async with house.open():
            assert isinstance(await fate(house.layer, asked(chain=("m",))), BudgetSpent)
            assert await house.spent() == house.up.calls == 0
            assert free([slot.purse for slot in house.slots])

    run(story())


def test_nobody_waits_while_there_is_room() -> None:
    class Slow(MemoryAccounts):
        asked = 0

        async def tell(self, holder: str, number: int, asks: Sequence[Ask]) -> list[Told]:
            self.asked += 1
            await clock().sleep(0.5)
            return await super().tell(holder, number, asks)

    async def story() -> None:
        accounts = Slow(clock())
        house = House(usd=1000.0, tenant=1000.0, accounts=accounts)
        async with house.open():
            before = clock().now()
            for _ in range(20):
                await drain(house.layer, asked(chain=("m",)))
            assert clock().now() == before
            assert accounts.asked == 1
            assert await house.spent() == 200

    run(story())


def test_what_is_reserved_for_others_is_waited_for_and_most_of_it_comes_back() -> None:
    """Twenty at once, each of whom might cost 12 cents and costs 10: ten are served, and ten refused."""

    async def story() -> None:
        house = House(answers(b"ok", after_s=2.0))
        async with house.open():
            fates = await asyncio.gather(*(fate(house.layer, asked(chain=("m",))) for _ in range(20)))
            assert sum(one == [b"ok"] for one in fates) == 10
            assert sum(isinstance(one, BudgetSpent) for one in fates) == 10
            assert await house.spent() == 100

    run(story())


def test_who_waits_too_long_is_told_why() -> None:
    async def story() -> None:
        house = House(answers(b"ok", after_s=100.0), usd=0.15, max_wait_s=3.0)
        async with house.open():
            first = asyncio.create_task(fate(house.layer, asked(chain=("m",))))
            await clock().sleep(1.0)
            begun = clock().now()
            refused = await fate(house.layer, asked(chain=("m",)))
            assert isinstance(refused, BudgetSpent)
            assert "reserved for calls under way" in refused.message
            assert 3.0 <= clock().now() - begun < 3.5
            assert await first == [b"ok"]

    run(story())


@pytest.mark.parametrize(("act", "cents"), [(fails(UpstreamUnavailable("down")), 0), (answers(b"a"), 10)])
def test_what_came_to_nothing_costs_nothing(act: Act, cents: int) -> None:
    async def story() -> None:
        house = House(act)
        async with house.open():
            await fate(house.layer, asked(chain=("m",)))
            assert await house.spent() == cents
            assert free([slot.purse for slot in house.slots])

    run(story())


def test_a_kept_answer_costs_nothing() -> None:
    async def story() -> None:
        house = House()
        async with house.open():
            async with house.layer(asked(chain=("m",))) as reply:
                reply.reuse = Reuse.STALE
            assert await house.spent() == 0

    run(story())


ASIDE = Discarded(Source(provider="p", model_id="w", model_name="w"), usage(5), 5 * CENT)


class PutsAside:
    """A cascade's weak answer, that costs five cents and is not told."""

    def __init__(self, inner: Service) -> None:
        self.inner = inner

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        call.line.discarded += (ASIDE,)
        return self.inner(call)


def test_an_answer_that_was_put_aside_is_paid_once_however_often_the_request_comes() -> None:
    """The ladder asks again for the same request, through the same layer."""

    async def story() -> None:
        house = House(fails(UpstreamUnavailable("down")), fails(UpstreamUnavailable("down")), answers(b"a"))
        house.layer.inner = PutsAside(house.up)
        async with house.open():
            call = asked(chain=("m",))
            for cents in (5, 10, 25):
                await fate(house.layer, call)
                assert await house.spent() == cents

    run(story())


def test_an_answer_that_was_put_aside_is_paid_though_the_others_price_is_not_known() -> None:
    async def story() -> None:
        house = House()
        async with house.open(), house.layer(asked(chain=("m",))) as reply:
            reply.discarded = (ASIDE,)
            reply.source = msgspec.structs.replace(reply.source, price=None)
        assert house.slots[0].purse.total == 5 * CENT

    run(story())


def test_a_stream_that_outgrows_what_was_reserved_reserves_more() -> None:
    async def story() -> None:
        house = House(answers(b"a", b"b", b"c", b"d"))
        async with house.open(), house.layer(asked(chain=("m",))) as reply:
            purse = house.slots[0].purse
            before = purse.reserved
            reply.seen.output_chars = 4 * 40
            assert await anext(reply.body) == b"a"
            assert purse.reserved > before
            reply.seen.usage = usage(40)
        assert purse.total == 40 * CENT

    run(story())


def test_a_stream_for_which_there_is_no_more_is_cut() -> None:
    async def story() -> None:
        house = House(answers(b"a", b"b"), usd=0.13)
        async with house.open():

            async def grown() -> None:
                async with house.layer(asked(chain=("m",))) as reply:
                    reply.seen.usage = None
                    reply.seen.output_chars = 4 * 20
                    await anext(reply.body)

            with pytest.raises(BudgetSpent):
                await grown()
            assert await house.spent() == 20
            assert free([slot.purse for slot in house.slots])

    run(story())


def test_a_model_whose_price_nobody_knows_does_not_serve() -> None:
    async def story() -> None:
        house = House()
        async with house.open():
            await drain(house.layer, asked(chain=("x", "m")))
            refused = await fate(house.layer, asked(chain=("x", "y")))
            assert isinstance(refused, Overloaded)
            assert refused.code == "price_unknown"
            await drain(house.over(allow_unpriced=True), asked(chain=("x", "y")))
            assert [call.chain for call in house.up.seen] == [("m",), ("x", "y")]

    run(story())


def test_while_the_store_is_away_what_is_in_hand_is_used_and_then_it_is_as_the_operator_says() -> None:
    async def story() -> None:
        accounts = Away(clock())
        house = House(usd=1000.0, tenant=1000.0, accounts=accounts)
        async with house.open():
            await drain(house.layer, asked(chain=("m",)))
            accounts.away = True
            await clock().sleep(30.0)
            assert await drain(house.layer, asked(chain=("m",))) == [b"ok"]
            await clock().sleep(60.0)
            refused = await fate(house.layer, asked(chain=("m",)))
            assert isinstance(refused, Overloaded)
            assert refused.code == "budget_unavailable"
            assert await drain(house.over(Rules(allow_unknown=True)), asked(chain=("m",))) == [b"ok"]
            accounts.away = False
            await clock().sleep(1.0)
            assert await drain(house.layer, asked(chain=("m",))) == [b"ok"]
            assert await house.spent() == 40

    run(story())


def test_a_new_period_begins_with_nothing_spent_and_settles_what_began_in_the_last() -> None:
    async def story() -> None:
        house = House(answers(b"a"))
        async with house.open():
            old = house.slots[1].purse
            call: Call = asked(chain=("m",))
            async with house.layer(call):
                await clock().sleep(86_400.0)
                fresh = house.bank.turn(house.slots[1])
                assert fresh is not old
                assert fresh.period == old.period + 1
            await clock().sleep(1.0)
            account = (await house.accounts.read(["tenant/t/day"]))["tenant/t/day"]
            assert [spent_nano(account, old.period + one)[0] // CENT for one in (0, 1)] == [10, 0]

    run(story())


def test_a_budget_that_is_changed_or_taken_away_under_a_call_is_settled_all_the_same() -> None:
    async def story() -> None:
        house = House(answers(b"ok", after_s=2.0))
        async with house.open():
            purse = house.slots[0].purse
            under_way = asyncio.create_task(drain(house.layer, asked(chain=("m",))))
            await clock().sleep(0.5)
            reserved = purse.reserved
            assert house.bank.slot(Budget("key/k/month", NANO // 20, "month", "Asia/Kolkata")).purse is purse
            assert purse.reserved == reserved > purse.limit == NANO // 20
            house.bank.close_others(house.slots[1:])  # or its key was revoked
            assert await under_way == [b"ok"]
            assert await house.spent() == await house.spent(house.slots[1]) == 10
            assert free([slot.purse for slot in house.slots])
            again = house.bank.slot(Budget("key/k/month", NANO // 20, "month"))
            assert (again.purse, again.purse.total) == (purse, 10 * CENT)
            assert isinstance(await fate(house.layer, asked(chain=("m",))), BudgetSpent)

    run(story())


def test_cancelled_at_every_turn_nothing_stays_reserved() -> None:
    """Two calls, for one of whom there is no room until the other has ended."""

    async def scene(loop: TurningLoop) -> None:
        house = House(answers(b"a", 1.0, b"b"), usd=0.13)
        async with house.open():
            await asyncio.gather(
                *(loop.on_the_block(drain(house.layer, asked(chain=("m",)))) for _ in range(2))
            )
            assert free([slot.purse for slot in house.slots])
            assert not house.up.open

    cancelled_at_every_turn(scene)
