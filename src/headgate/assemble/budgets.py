"""Budgets of keys, tenants, tiers and routes: whose they are, and where it is kept what was spent of them."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from headgate.adapters.memory.accounts import MemoryAccounts
from headgate.adapters.notices import folder_of
from headgate.adapters.shared import Folder
from headgate.adapters.sqlite import SqliteAccounts
from headgate.assemble.bank import Bank, Slot
from headgate.assemble.issued import with_issued
from headgate.assemble.kept import Kept, Machine, Prices
from headgate.assemble.ledgers import kept_in
from headgate.config import callers as config
from headgate.config.tree import Settings
from headgate.core.budget import Budget, account
from headgate.core.call import Call
from headgate.core.expected import Expectations
from headgate.core.price import Price
from headgate.core.purse import Purse
from headgate.pipeline.budget import Budgets, Rules
from headgate.pipeline.service import Layer
from headgate.ports.accounts import Accounts
from headgate.ports.clock import Clock

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


def every(settings: Settings, issued: Iterable[config.Key]) -> Iterator[tuple[str, str, Budget]]:
    """All there are: (kind, name, budget)."""
    usual = settings.budgets.time_zone
    zones = {name: tenant.time_zone or usual for name, tenant in settings.tenants.items()}
    named: list[tuple[str, str, str, Sequence[config.Budget]]] = []
    named += [("key", key.name, zones.get(key.tenant or key.name, usual), key.budget) for key in issued]
    named += [("tenant", name, zones[name], tenant.budget) for name, tenant in settings.tenants.items()]
    named += [("tier", name, usual, tier.budget) for name, tier in settings.tiers.items()]
    named += [("route", name, usual, route.budget) for name, route in settings.routes.items()]
    for kind, name, zone, budgets in named:
        for one in budgets:
            yield kind, name, Budget(account(kind, name, one.per), one.nano, one.per, zone)


class Payers:
    """Who pays for a call: the purses of its key, tenant and tier, and of the name it asks for."""

    def __init__(self, settings: Settings, keys: Sequence[config.Key], bank: Bank, clock: Clock) -> None:
        slots: dict[tuple[str, str], tuple[Slot, ...]] = {}
        for kind, name, budget in every(settings, keys):
            slots[kind, name] = (*slots.get((kind, name), ()), bank.slot(budget))
        self._bank = bank
        self._clock = clock
        self._by_key = {
            key.name: (
                slots.get(("key", key.name), ())
                + slots.get(("tenant", key.tenant or key.name), ())
                + slots.get(("tier", key.tier), ())
            )
            for key in keys
        }
        self._by_route = {name: found for (kind, name), found in slots.items() if kind == "route"}
        for name, agent in settings.agents.items():
            if agent.route in self._by_route:
                self._by_route[f"agent:{name}"] = self._by_route[agent.route]
        self.any = bool(slots)

    def __call__(self, call: Call) -> Sequence[Purse]:
        slots = self._by_key.get(call.caller.key, ()) + self._by_route.get(call.payload.model, ())
        if not slots:
            return ()
        wall = self._clock.wall()
        return [slot.purse if wall < slot.ends_at else self._bank.turn(slot) for slot in slots]


def budgets(settings: Settings, prices: Prices, machine: Machine, kept: Kept) -> Iterator[Layer]:
    """Nothing, where there is no budget."""
    bank = machine.bank
    if bank is None:
        return
    payers = Payers(settings, [key for key, _ in with_issued(settings, machine.issued)], bank, machine.clock)
    if not payers.any:
        return
    terms = settings.budgets
    yield partial(
        Budgets,
        payers=payers,
        bank=bank,
        prices=_known(settings, prices),
        expectations=kept("expectations", None, Expectations),
        rules=Rules(
            allow_unpriced=terms.unknown_price == "allow",
            allow_unknown=terms.store_away == "allow",
            max_wait_s=terms.max_wait_s,
        ),
        clock=machine.clock,
    )


def _known(settings: Settings, prices: Prices) -> Mapping[str, Price]:
    found = dict(prices)
    found |= {name: model.price.per_class() for name, model in settings.models.items() if model.price}
    return {name: price for name, price in found.items() if name in settings.models}
