"""A budget layer, its bank and its store, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from headgate.adapters.memory.accounts import MemoryAccounts
from headgate.assemble.bank import Bank
from headgate.core.account import Ask, Told, spent_nano
from headgate.core.budget import Budget
from headgate.core.expected import Expectations
from headgate.core.price import NANO, Price
from headgate.core.purse import Purse, Slot
from headgate.core.usage import Usage
from headgate.pipeline.budget import Budgets
from headgate.pipeline.cashier import Cashier, Rules
from headgate.ports.accounts import Accounts
from headgate.ports.ledger import LedgerGone
from scripted import (
    Act,
    Scripted,
)
from virtual import clock

PRICE = Price(input=0, output=10_000 * NANO)
"""A cent a token of output: a hundred tokens are a dollar."""
CENT = NANO // 100


def usage(cents: int) -> Usage:
    return Usage(input=1, output=cents)


class House:
    """A layer, a bank, its store."""

    def __init__(
        self,
        *acts: Act,
        usd: float = 1.0,
        tenant: float = 50.0,
        accounts: Accounts | None = None,
        name: str = "p",
        **rules: float,
    ) -> None:
        self.up = Scripted(*acts, price=PRICE)
        self.up.usage = usage(10)
        self.accounts = accounts or MemoryAccounts(clock())
        self.bank = Bank("memory", self.accounts, clock(), name=name, folder=None)
        self.slots = [
            self.bank.slot(Budget("key/k/month", int(usd * NANO), "month")),
            self.bank.slot(Budget("tenant/t/day", int(tenant * NANO), "day")),
        ]
        self.expectations = Expectations()
        for _ in range(40):
            self.expectations.usual("m", "k").learn(2, usage(10))
        self.layer = self.over(Rules(**rules))  # type: ignore[arg-type]  # numbers alone

    def over(self, rules: Rules | None = None, *, allow_unpriced: bool = False) -> Budgets:
        return Budgets(
            self.up,
            payers=lambda caller, name: self.slots,
            name=None,
            cashier=Cashier(self.bank, rules or Rules(), clock()),
            prices={"m": PRICE},
            unpriced=() if allow_unpriced else ("x", "y"),
            expectations=self.expectations,
            clock=clock(),
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        await self.bank.start()
        running = asyncio.create_task(self.bank.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait({running})
            await self.bank.close()

    async def spent(self, slot: Slot | None = None) -> int:
        """As the store knows it."""
        await clock().sleep(1.0)
        purse = (slot or self.slots[0]).purse
        account = (await self.accounts.read([purse.account]))[purse.account]
        return spent_nano(account, purse.period)[0] // CENT


def free(purses: Sequence[Purse]) -> bool:
    return not any(purse.reserved or purse.short for purse in purses)


class Away(MemoryAccounts):
    """A store that may be away."""

    away = False

    async def tell(self, holder: str, number: int, asks: Sequence[Ask]) -> list[Told]:
        if self.away:
            raise LedgerGone("away")
        return await super().tell(holder, number, asks)
