"""Budgets of keys, tenants, tiers and routes: whose they are, and where it is kept what was spent of them."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

from headgate.adapters.memory.accounts import MemoryAccounts
from headgate.adapters.notices import folder_of
from headgate.adapters.shared import Folder
from headgate.adapters.sqlite import SqliteAccounts
from headgate.assemble.bank import Bank
from headgate.assemble.kept import Kept, Machine, Prices
from headgate.assemble.ledgers import kept_in
from headgate.assemble.terms import Agreed, Payer, payers
from headgate.config.tree import Settings
from headgate.core.call import Call, Caller
from headgate.core.expected import Expectations
from headgate.core.price import Price
from headgate.core.purse import Slot
from headgate.core.router import AGENT, AUTO
from headgate.pipeline.budget import Budgets
from headgate.pipeline.cashier import Cashier, Rules
from headgate.pipeline.service import Layer
from headgate.ports.accounts import Accounts
from headgate.ports.clock import Clock

T = TypeVar("T")
Slots = tuple[Slot, ...]

log = logging.getLogger("headgate")


def accounts(
    settings: Settings, clock: Clock, file: Path | None, folder: Folder | None
) -> tuple[str, Accounts]:
    """Where it is kept what was spent, and what kind of store that is: PostgreSQL, if the books are there;
    else Redis, if replicas share one; else the file of the books. Without books, for as long as the gateway
    runs.

    Raises:
        ImportError: where its client is not installed.
    """
    store = settings.store
    url = store.url.reveal() if store.url else ""
    if url.startswith("postgres"):
        from headgate.adapters.postgres import PostgresAccounts

        return "postgresql", PostgresAccounts(url, schema=store.namespace)
    if store.redis is not None:
        from headgate.adapters.redis import RedisAccounts

        return "redis", RedisAccounts(store.redis.reveal(), namespace=store.namespace)
    if file is not None and url != "off":
        path = urlsplit(url).path.removeprefix("/") if url else ""
        return "sqlite", SqliteAccounts(_file(file, path), clock)
    if folder is not None:
        return "sqlite", SqliteAccounts(folder.counters.with_name("accounts.db"), clock)
    return "memory", MemoryAccounts(clock)


def _file(file: Path, path: str) -> Path:
    return file.resolve().parent / path if path else folder_of(file) / "books.db"


def bank(settings: Settings, clock: Clock, file: Path | None, folder: Folder | None) -> Bank | None:
    """It costs nothing while there is no budget. None where its client is not installed."""
    name = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
    kept = kept_in(settings, file) / "spent" if file is not None else None
    try:
        kind, found = accounts(settings, clock, file, folder)
        return Bank(kind, found, clock, name=name, folder=kept)
    except ImportError:
        log.error("budgets cannot be kept: the store's client is not installed")
    except OSError as error:
        log.error("budgets: %s cannot be written (%s)", error.filename, error.strerror)
    return None


class Payers:
    """Who pays for a call: the slots of its key, tenant and tier, and of the name it asks for."""

    def __init__(self, by_payer: Mapping[Payer, Slots], by_route: Mapping[str, Slots]) -> None:
        self._by_payer = by_payer
        self._by_route = by_route
        self.any = any(by_payer.values())
        self.name = under if by_route else None

    def __call__(self, caller: Caller, name: str) -> Slots:
        return self._slots(caller) + self._by_route.get(name, ())

    def _slots(self, caller: Caller) -> Slots:
        return sum((self._by_payer.get(one, ()) for one in payers(caller)), ())


def under(call: Call) -> str:
    """The name that is asked for; where an agent was chosen for the request, that agent's."""
    decision, name = call.decision, call.payload.model
    return f"{AGENT}{decision.agent}" if name == AUTO and decision and decision.agent else name


def by_route(settings: Settings, of: Mapping[Payer, T]) -> dict[str, T]:
    """By the name that is asked for: a route's, or that of an agent behind which it stands."""
    found = {name: one for (kind, name), one in of.items() if kind == "route"}
    agents = {
        f"agent:{name}": found[one.route] for name, one in settings.agents.items() if one.route in found
    }
    return found | agents


class Purses:
    """The purses of one generation: of money, and of a day's requests by the name of the key."""

    def __init__(self, settings: Settings, agreed: Agreed, bank: Bank) -> None:
        found: dict[Payer, Slots] = {}
        for payer, budget in agreed.budgets:
            found[payer] = (*found.get(payer, ()), bank.slot(budget))
        self.days = {name: bank.slot(most) for name, most in agreed.a_day}
        bank.close_others([*self.days.values(), *(slot for slots in found.values() for slot in slots)])
        self.money = Payers(found, by_route(settings, found))


class Allotted:
    """The layers of one generation that hold what may be used: nothing, where nobody has a budget."""

    def __init__(
        self, settings: Settings, prices: Prices, machine: Machine, kept: Kept, agreed: Agreed
    ) -> None:
        self._settings = settings
        self._prices = prices
        self._kept = kept
        self._clock = machine.clock
        self._bank = machine.bank
        self.days: Mapping[str, Slot] = {}
        self.cashier: Cashier | None = None
        if self._bank is not None:
            self._purses = Purses(settings, agreed, self._bank)
            self.days, self.cashier = self._purses.days, self._cashier(self._bank)

    def budgets(self) -> Iterator[Layer]:
        if self.cashier is None or not self._purses.money.any:
            return
        known = _known(self._settings, self._prices)
        refused = self._settings.budgets.unknown_price == "refuse"
        yield partial(
            Budgets,
            payers=self._purses.money,
            name=self._purses.money.name,
            cashier=self.cashier,
            prices=known,
            unpriced=self._settings.models.keys() - known.keys() if refused else (),
            expectations=self._kept("expectations", None, Expectations),
            clock=self._clock,
        )

    def _cashier(self, bank: Bank) -> Cashier:
        terms = self._settings.budgets
        rules = Rules(allow_unknown=terms.store_away == "allow", max_wait_s=terms.max_wait_s)
        return Cashier(bank, rules, self._clock)


def _known(settings: Settings, prices: Prices) -> Mapping[str, Price]:
    found = dict(prices)
    found |= {name: model.price.per_class() for name, model in settings.models.items() if model.price}
    return {name: price for name, price in found.items() if name in settings.models}
