"""Requests of a day: counted to the last, over processes and days."""

from __future__ import annotations

import asyncio

from budgeted import Away, House, free
from headgate.adapters.memory.accounts import MemoryAccounts
from headgate.core.account import spent_nano
from headgate.core.budget import Budget
from headgate.core.errors import Overloaded, RateLimited, UpstreamUnavailable
from headgate.core.expected import Usual
from headgate.pipeline.cashier import Cashier, Rules
from headgate.pipeline.quota import Quotas, Under
from headgate.ports.accounts import Accounts
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


class Counted(House):
    """A house whose caller may make so many requests a day, and has no budget."""

    def __init__(self, *acts: Act, most: int, accounts: Accounts | None = None) -> None:
        super().__init__(*acts, accounts=accounts)
        self.bank.close_others([])
        self.slots = [self.bank.slot(Budget("key/k/requests", most, "day", each=1))]
        cashier = Cashier(self.bank, Rules(), clock())
        under = {asked().caller.key: Under(None, Usual(), self.slots[0])}
        self.requests = Quotas(self.up, known=under, of=lambda call: None, cashier=cashier, clock=clock())


async def made(house: Counted, calls: int) -> list[str]:
    """What became of so many calls, one after the other."""
    found = []
    for _ in range(calls):
        told = await fate(house.requests, asked(chain=("m",)))
        found.append("served" if isinstance(told, list) else type(told).__name__)
    return found


def test_so_many_requests_a_day_and_when_it_has_ended_as_many_again() -> None:
    async def story() -> None:
        house = Counted(most=3)
        async with house.open():
            assert await made(house, 4) == ["served"] * 3 + ["RateLimited"]
            refused = await fate(house.requests, asked(chain=("m",)))
            assert isinstance(refused, RateLimited)
            assert refused.retry_after_s is not None
            assert 0 < refused.retry_after_s <= 86_400
            assert "key/k, until " in refused.message
            await clock().sleep(refused.retry_after_s)
            house.bank.turn(house.slots[0])
            assert await made(house, 4) == ["served"] * 3 + ["RateLimited"]

    run(story())


def test_what_we_refuse_ourselves_is_no_request_of_the_day() -> None:
    async def story() -> None:
        house = Counted(fails(Overloaded("full")), fails(UpstreamUnavailable("down")), answers(b"ok"), most=2)
        async with house.open():
            told = await made(house, 4)
            assert told == ["Overloaded", "UpstreamUnavailable", "served", "RateLimited"]
            assert free([slot.purse for slot in house.slots])

    run(story())


def test_processes_share_the_requests_of_a_day_to_the_last() -> None:
    async def story() -> None:
        accounts = MemoryAccounts(clock())
        houses = [Counted(most=100, accounts=accounts) for _ in range(3)]
        for number, house in enumerate(houses):
            house.bank._name = f"p{number}"
        async with houses[0].open(), houses[1].open(), houses[2].open():
            told = await asyncio.gather(*(made(houses[number % 3], 5) for number in range(30)))
        served = sum(one.count("served") for one in told)
        assert 95 <= served <= 100
        assert {what for one in told for what in one} == {"served", "RateLimited"}

    run(story())


def test_what_one_process_holds_and_does_not_need_another_has_within_seconds() -> None:
    async def story() -> None:
        accounts = MemoryAccounts(clock())
        holds, needs = (Counted(most=20, accounts=accounts) for _ in range(2))
        needs.bank._name = "another"
        async with holds.open(), needs.open():
            assert await made(holds, 2) == ["served"] * 2
            await clock().sleep(0.5)
            assert holds.slots[0].purse.lease > 2
            began = clock().now()
            told = await asyncio.gather(*(made(needs, 1) for _ in range(20)))
            assert clock().now() - began < 5.0
            assert sorted(one[0] for one in told) == ["RateLimited"] * 2 + ["served"] * 18
            assert needs.bank._number < 60  # messages: nobody asks as fast as the store answers

    run(story())


def test_while_the_store_is_away_requests_that_nobody_can_count_are_let_through() -> None:
    async def story() -> None:
        accounts = Away(clock())
        house = Counted(most=1000, accounts=accounts)
        async with house.open():
            accounts.away = True
            await clock().sleep(90.0)
            assert await made(house, 2) == ["served"] * 2
            accounts.away = False
            await clock().sleep(1.0)
            account = (await accounts.read(["key/k/requests"]))["key/k/requests"]
            assert spent_nano(account, house.slots[0].purse.period)[0] == 2

    run(story())


def test_cancelled_at_every_turn_no_request_stays_reserved() -> None:
    """Two calls, of whom one waits until the store has been asked."""

    async def scene(loop: TurningLoop) -> None:
        house = Counted(answers(b"a", 1.0, b"b"), most=2)
        async with house.open():
            await asyncio.gather(
                *(loop.on_the_block(drain(house.requests, asked(chain=("m",)))) for _ in range(2))
            )
            assert free([slot.purse for slot in house.slots])
            assert not house.up.open

    cancelled_at_every_turn(scene)
