"""Which stores a process shares with others, if any."""

from __future__ import annotations

import logging
import os
import socket
from contextlib import suppress
from functools import partial
from pathlib import Path
from uuid import uuid4

from headgate.adapters.memory.cache import MemoryCache
from headgate.adapters.notices import FolderNotices, folder_of
from headgate.adapters.shared import Folder
from headgate.adapters.sqlite import SqliteCounters
from headgate.assemble.bank import Bank
from headgate.assemble.budgets import bank
from headgate.assemble.earlier import Earlier
from headgate.assemble.gateway import Gateway
from headgate.assemble.jobs import Intake, jobs
from headgate.assemble.ledgers import books, issued, journal, ledger
from headgate.assemble.likeness import remembered
from headgate.assemble.remembered import Remembered
from headgate.assemble.ring import KeyRing
from headgate.assemble.sharing import Sharing
from headgate.assemble.shelved import Shelved
from headgate.assemble.upkeep import Work
from headgate.config.tree import Settings
from headgate.core.router import AGENT
from headgate.ports.cache import Shelf
from headgate.ports.clock import Clock
from headgate.ports.notices import Notices
from headgate.ports.store import Store
from headgate.server.worker import Worker

NO_CLIENT = "store.redis is set, but the client is not installed (pip install 'headgate[redis]')"

NO_POSTGRES = "cache.semantic.store needs a client that is not installed (pip install 'headgate[postgres]')"

log = logging.getLogger("headgate")


def places(settings: Settings, file: Path | None) -> list[Notices]:
    """Where it is said what becomes of provider keys: beside the configuration file, and in Redis where there
    are replicas."""
    found: list[Notices] = [FolderNotices(folder_of(file))] if file is not None else []
    store = settings.store
    if store.redis is not None:
        with suppress(ImportError):  # `_sharing` says so
            from headgate.adapters.redis import RedisNotices

            found.append(RedisNotices(store.redis.reveal(), namespace=store.namespace))
    return found


def _sharing(settings: Settings, clock: Clock, folder: Folder | None) -> Sharing | None:
    """Redis where it is configured; a file where there are several workers; nothing for a process alone."""
    store, workers = settings.store, settings.server.workers
    name = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
    if store.redis is not None:
        try:
            from headgate.adapters.redis import RedisCounters
        except ImportError:
            log.error(NO_CLIENT)
        else:
            counters = RedisCounters(store.redis.reveal(), namespace=store.namespace)
            processes = store.replicas * workers
            return Sharing("redis", counters, clock, name=name, processes=processes)
    if folder is not None:
        return Sharing("sqlite", SqliteCounters(folder.counters, clock), clock, name=name, processes=workers)
    return None


def shelf(settings: Settings) -> Shelf | None:
    """Where answers are kept behind the memory of a process, if anywhere."""
    cache, redis = settings.cache, settings.store.redis
    if cache.store == "file":
        from headgate.adapters.sqlite import SqliteShelf

        return SqliteShelf(Path(cache.file), max_bytes=cache.store_bytes)
    if cache.store == "redis" and redis is not None:
        try:
            from headgate.adapters.redis import RedisShelf
        except ImportError:
            log.error(NO_CLIENT)
        else:
            return RedisShelf(redis.reveal(), max_bytes=cache.store_bytes, namespace=settings.store.namespace)
    return None


def _questions(settings: Settings, clock: Clock) -> Remembered | None:
    try:
        return remembered(settings, clock)
    except ImportError:
        log.error(NO_POSTGRES)
        return None


class Stores:
    """What a process shares with others, or finds again: limits, what is said of keys, answers, the books."""

    def __init__(self, settings: Settings, clock: Clock, folder: Folder | None, file: Path | None) -> None:
        self._clock = clock
        self._file = file
        self.earlier: Earlier | None = None
        self.sharing = _sharing(settings, clock, folder)
        found = places(settings, file)
        self.ring = KeyRing(clock, found) if found else None
        self.books = books(settings, clock, file)
        self.journal = journal(settings, self.books, file)
        self.issued = issued(settings, clock, file)
        self.bank = bank(settings, clock, file, folder)
        kept = shelf(settings)
        memory = MemoryCache(max_bytes=settings.cache.exact.max_bytes)
        self.answers = Shelved(memory, kept, clock) if kept else None
        self.questions = _questions(settings, clock)
        if self.answers is not None and self.questions is not None:
            self.answers.cleared = self.questions.forget
        self.jobs = Intake(jobs(settings, file))
        self._worker: Worker | None = None

    async def start(self) -> None:
        """Before the gateway is built: it must know which keys it may use."""
        if self.ring is not None:
            await self.ring.look()
        if self.issued is not None:
            await self.issued.start()

    async def run(self, gateway: Gateway) -> dict[str, Work]:
        """What goes on beside the requests, by what people call it."""
        if self.sharing is not None:
            await self.sharing.start()
        self._worker = gateway.worker()
        if self.bank is not None:
            self.earlier = self._spent_before(self.bank, gateway)
            await self.bank.start()
        said = partial(_renew, gateway), lambda: gateway.settings
        found: dict[str, Work | None] = {
            "limits": self.sharing.run if self.sharing is not None else None,
            "answers": self.answers.follow if self.answers is not None else None,
            "questions": self.questions.follow if self.questions is not None else None,
            "provider keys": partial(self.ring.follow, *said) if self.ring is not None else None,
            "books": self.books.run if self.books is not None else None,
            "jobs": self._worker.run if self._worker is not None else None,
            "keys": partial(self.issued.follow, partial(_changed, gateway))
            if self.issued is not None
            else None,
            "budgets": self.bank.run if self.bank is not None else None,
            "spent before": self.earlier.run if self.earlier is not None else None,
        }
        return {name: work for name, work in found.items() if work is not None}

    def _spent_before(self, bank: Bank, gateway: Gateway) -> Earlier | None:
        found = ledger(gateway.settings, self._file) if self.books is not None else None
        return _earlier(found[1], bank, self._clock, gateway) if found else None

    async def close(self) -> None:
        if self._worker is not None:
            await self._worker.stop()
        await self.jobs.store.close()
        for one in (
            self.bank,
            self.earlier,
            self.sharing,
            self.ring,
            self.issued,
            self.books,
            self.questions,
            self.answers,
        ):
            if one is not None:
                await one.close()


def _earlier(store: Store, bank: Bank, clock: Clock, gateway: Gateway) -> Earlier:
    """By a connection of its own: months are read while nobody waits for it."""

    def names(route: str) -> list[str]:
        agents = gateway.settings.agents
        return [route, *(f"{AGENT}{name}" for name, one in agents.items() if one.route == route)]

    bank.earlier = found = Earlier(store, bank.accounts, clock, names=names, told=bank.retell)
    return found


async def _changed(gateway: Gateway) -> None:
    """A key was made, changed or revoked at run time. Where that cannot be used `upkeep` says so, and goes
    on."""
    log.info("keys changed: generation %d", await gateway.renew())


def _renew(gateway: Gateway) -> None:
    """Something new has been said of provider keys."""
    log.warning("provider keys changed: generation %d", gateway.reload(gateway.settings))
