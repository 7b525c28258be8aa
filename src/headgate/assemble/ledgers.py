"""Where the books are kept: the store, and the folder for what it does not have yet."""

from __future__ import annotations

import logging
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from headgate.adapters.notices import folder_of
from headgate.adapters.sqlite import SqliteLedger
from headgate.assemble.books import Books
from headgate.assemble.issued import IssuedKeys
from headgate.config.tree import Settings
from headgate.core.record import Record
from headgate.core.retention import Days
from headgate.ports.clock import Clock
from headgate.ports.journal import Journal, NotKept
from headgate.ports.store import Store

log = logging.getLogger("headgate")


def ledger(settings: Settings, file: Path | None) -> tuple[str, Store] | None:
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


def books(settings: Settings, clock: Clock, file: Path | None) -> Books | None:
    """None where they are switched off, or nobody has said where: a gateway without a configuration file
    writes nothing to the disk. Where it cannot write, it serves without."""
    try:
        found = ledger(settings, file)
        if found is None or file is None:
            return None
        folder = kept_in(settings, file)
        name = f"{int(clock.wall()):x}-{uuid4().hex[:12]}"
        store = settings.store
        days = Days(requests=store.requests_days, usage=store.usage_days, audit=store.audit_days)
        return Books(*found, folder / "journal", clock, name=name, days=days)
    except ImportError:
        log.error("store.url is set, but the client is not installed (pip install 'headgate[postgres]')")
    except OSError as error:
        log.error("no books are kept: %s cannot be written (%s)", error.filename, error.strerror)
    return None


class Nowhere:
    """A `ports.Journal` of a process that found no place for one: what a strict route promises cannot be
    kept."""

    async def keep(self, record: Record) -> None:
        raise NotKept("there is no place for a journal")


def journal(settings: Settings, kept: Books | None, file: Path | None) -> Journal | None:
    """Where rows of strict routes are waited for; None where there are to be no books."""
    wanted = file is not None and not (settings.store.url and settings.store.url.reveal() == "off")
    return kept or (Nowhere() if wanted else None)


def kept_in(settings: Settings, file: Path) -> Path:
    """The folder for what a process may not lose."""
    return file.resolve().parent / settings.store.folder if settings.store.folder else folder_of(file)


def issued(settings: Settings, clock: Clock, file: Path | None) -> IssuedKeys | None:
    """Where there is a store for books, keys may be made at run time, and are good though no journal can be
    written here. By a connection of their own: who waits for rows to be written should not wait to learn of
    a revocation."""
    try:
        found = ledger(settings, file)
    except ImportError:  # has been told
        return None
    if found is None or file is None:
        return None
    return IssuedKeys(found[1], kept_in(settings, file) / "keys.snapshot", clock)
