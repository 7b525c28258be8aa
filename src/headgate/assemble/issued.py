"""Keys that were made at run time, as this process knows them: from the store, or as they were last seen.

Known weakness: while the store is away nobody learns of a revocation; `/health` says how old the snapshot is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from headgate.config.callers import Budget, Key
from headgate.config.tree import Settings
from headgate.core.issued import NOBODY, Issued, Snapshot
from headgate.core.price import NANO
from headgate.core.secret import Secret
from headgate.ports.clock import Clock
from headgate.ports.ledger import LedgerGone
from headgate.ports.store import Store

EVERY_S = 0.5
"""Between two looks at the store: what is said there all know within a second."""
STALE_S = 5.0
"""Whoever has not heard of the store for so long may not know of every key."""
FIRST_S = 1.5
"""How long the start waits for the store: then it serves by what it saw last."""

ALL = -1
"""No generation is this one: asked for what it has beyond it, the store tells everything."""

log = logging.getLogger("headgate")


class IssuedKeys:
    """`file` keeps the latest snapshot, for a start without the store."""

    def __init__(self, store: Store, file: Path, clock: Clock) -> None:
        self.snapshot = NOBODY
        self._store = store
        self._file = file
        self._clock = clock
        self._seen_at: float | None = None
        self._known = ALL
        self._keys: tuple[Snapshot, Sequence[tuple[Key, Issued]]] = self.snapshot, ()

    def keys(self) -> Sequence[tuple[Key, Issued]]:
        """As if they stood in the configuration. Only those that have changed are made anew: there may be
        thousands, and whoever changes one waits for all."""
        if self._keys[0] is not self.snapshot:
            self._keys = self.snapshot, self._made(self.snapshot)
        return self._keys[1]

    def _made(self, of: Snapshot) -> Sequence[tuple[Key, Issued]]:
        before = {one: key for key, one in self._keys[1]}
        return [(before.get(one) or _as_key(one), one) for one in of.keys]

    async def start(self) -> None:
        """Before the gateway is built: from the store, or from the file where it is away."""
        with suppress(OSError, msgspec.MsgspecError):
            self.snapshot = msgspec.msgpack.decode(self._file.read_bytes(), type=Snapshot)
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_S):
                await self._look()

    async def follow(self, changed: Callable[[], Awaitable[None]]) -> None:
        """Calls `changed` whenever there is something new. Ends by being cancelled."""
        while True:
            await self._clock.sleep(EVERY_S)
            if await self._look():
                await changed()

    async def _look(self) -> bool:
        """A store that is seen for the first time, or again, tells everything: it may be another, or an
        earlier one, that counts by chance as many changes."""
        try:
            found = await self._store.snapshot(self._known)
        except LedgerGone:
            self._known = ALL
            return False
        self._seen_at = self._clock.now()
        if found is None:
            return False
        self._known = found.generation
        keys = await asyncio.to_thread(self._taken, found)
        if keys is None:
            return False
        self.snapshot, self._keys = found, (found, keys)
        return True

    def _taken(self, found: Snapshot) -> Sequence[tuple[Key, Issued]] | None:
        """Its keys, where it is something new, which is written down then."""
        if found == self.snapshot:
            return None
        self._write(found)
        return self._made(found)

    def _write(self, found: Snapshot) -> None:
        fresh = self._file.with_suffix(".new")
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh.touch(mode=0o600)
            fresh.write_bytes(msgspec.msgpack.encode(found))
            fresh.replace(self._file)
        except (OSError, OverflowError) as error:
            log.warning("the snapshot of keys cannot be written (%s)", error)

    def is_current(self) -> bool:
        """Whether a key of which nothing is known here was not made anywhere."""
        return self._seen_at is not None and self._clock.now() - self._seen_at < STALE_S

    async def close(self) -> None:
        await self._store.close()

    def condition(self) -> dict[str, Any]:
        """For people: how old what is known of keys is."""
        age = None if self._seen_at is None else round(self._clock.now() - self._seen_at, 1)
        return {"generation": self.snapshot.generation, "keys": len(self.snapshot.keys), "age_s": age}


def with_issued(settings: Settings, found: IssuedKeys | None) -> Iterator[tuple[Key, Issued | None]]:
    """Keys of the configuration, and those made at run time as if they stood there. A name in the
    configuration wins; a tier that is gone is none."""
    names = {key.name for key in settings.keys}
    yield from ((key, None) for key in settings.keys)
    yield from ((key, one) for key, one in (found.keys() if found else ()) if one.name not in names)


def _as_key(one: Issued) -> Key:
    """Its text is not known to anybody any more; nothing is ever compared with what stands there instead."""
    return Key.model_construct(
        name=one.name,
        key=Secret(one.digest.hex()),
        tenant=one.tenant,
        tier=one.tier,
        models=one.models,
        regions=one.regions,
        privacy=one.privacy,
        rpm=one.rpm,
        tpm=one.tpm,
        budget=tuple(Budget(usd=Decimal(nano) / NANO, per=per) for nano, per in one.budgets),
    )
