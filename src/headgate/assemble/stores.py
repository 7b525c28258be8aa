"""Which stores a process shares with others, if any."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from headgate.adapters.notices import FolderNotices, folder_of
from headgate.adapters.shared import Folder
from headgate.adapters.sqlite import SqliteCounters, SqliteLedger
from headgate.assemble.books import Books
from headgate.assemble.gateway import Gateway
from headgate.assemble.ring import KeyRing
from headgate.assemble.sharing import Sharing
from headgate.config.tree import Settings
from headgate.ports.clock import Clock
from headgate.ports.ledger import Ledger
from headgate.ports.notices import Notices

NO_CLIENT = "store.redis is set, but the client is not installed (pip install 'headgate[redis]')"

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


def ledger(settings: Settings, file: Path | None) -> tuple[str, Ledger] | None:
    """The store of the books, and what kind it is: as it is configured, or a file beside the configuration.

    Raises:
        ImportError: where its client is not installed.
    """
    url = settings.store.url.reveal() if settings.store.url else ""
    if url == "off" or file is None:
        return None
    if url.startswith("postgres"):
        from headgate.adapters.postgres import PostgresLedger

        return "postgresql", PostgresLedger(url, schema=settings.store.namespace)
    path = urlsplit(url).path.removeprefix("/") if url else ""
    return "sqlite", SqliteLedger(file.resolve().parent / path if path else folder_of(file) / "books.db")


def _books(settings: Settings, clock: Clock, file: Path | None) -> Books | None:
    """None where they are switched off, or nobody has said where: a gateway without a configuration file
    writes nothing to the disk. Where it cannot write, it serves without."""
    try:
        found = ledger(settings, file)
        if found is None or file is None:
            return None
        folder = file.resolve().parent / settings.store.folder if settings.store.folder else folder_of(file)
        name = f"{int(clock.wall()):x}-{uuid4().hex[:12]}"
        days = settings.store.requests_days, settings.store.usage_days
        return Books(*found, folder / "journal", clock, name=name, days=days)
    except ImportError:
        log.error("store.url is set, but the client is not installed (pip install 'headgate[postgres]')")
    except OSError as error:
        log.error("no books are kept: %s cannot be written (%s)", error.filename, error.strerror)
    return None


class Stores:
    """What a process shares with others: limits, what is said of keys, and the books."""

    def __init__(self, settings: Settings, clock: Clock, folder: Folder | None, file: Path | None) -> None:
        self.sharing = _sharing(settings, clock, folder)
        found = places(settings, file)
        self.ring = KeyRing(clock, found) if found else None
        self.books = _books(settings, clock, file)

    async def start(self) -> None:
        """Before the gateway is built: it must know which keys it may use."""
        if self.ring is not None:
            await self.ring.look()

    async def run(self, gateway: Gateway) -> AsyncIterator[Coroutine[Any, Any, None]]:
        """What goes on beside the requests."""
        if self.sharing is not None:
            await self.sharing.start()
            yield self.sharing.run()
        if self.ring is not None:
            yield self.ring.follow(partial(_renew, gateway), lambda: gateway.settings)
        if self.books is not None:
            yield self.books.run()

    async def close(self) -> None:
        if self.sharing is not None:
            await self.sharing.close()
        if self.ring is not None:
            await self.ring.close()
        if self.books is not None:
            await self.books.close()


def _renew(gateway: Gateway) -> None:
    """Something new has been said of provider keys."""
    log.warning("provider keys changed: generation %d", gateway.reload(gateway.settings))
