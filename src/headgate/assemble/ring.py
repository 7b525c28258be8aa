"""The keys of all providers: those of the configuration, what has been said of them, and how they do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence

from headgate.config.tree import ProviderKey, Settings
from headgate.core.keyring import NOTHING_SAID, Held, KeyState, Notice, held
from headgate.core.secret import fingerprint
from headgate.ports.clock import Clock
from headgate.ports.notices import Notices, NoticesGone

REMIND_S = 86_400.0
"""Seconds between two reminders that a key should be rotated."""

log = logging.getLogger("headgate")
events = logging.getLogger("headgate.events")


class KeyRing:
    """What the operator has said of keys, from all `places`; the first keeps a copy of the others, so that a
    revoked key stays revoked while the others are away."""

    def __init__(self, clock: Clock, places: Sequence[Notices] = ()) -> None:
        self._clock = clock
        self._places = places
        self.notices: dict[str, Notice] = {}

    def of(self, keys: Sequence[ProviderKey]) -> Iterator[tuple[ProviderKey, Held]]:
        """A provider's keys, with those they were rotated to behind them."""
        named = [(key.name or str(number), key.key) for number, key in enumerate(keys, start=1)]
        for one in held(named, self.notices):
            key = keys[one.of]
            if one.secret != key.key:
                key = key.model_copy(update={"key": one.secret, "name": one.name})
            yield key, one

    async def look(self) -> bool:
        """Reads all places; whether anything new is said that decides which keys may be used."""
        before = {name: (one.revoked_at, one.successor) for name, one in self.notices.items()}
        for place in self._places:
            try:
                said = await place.all()
            except NoticesGone as error:
                log.warning("what is said of provider keys cannot be read: %s", error)
                continue
            for name, notice in said.items():
                self.notices[name] = self.notices.get(name, NOTHING_SAID).merged(notice)
        after = {name: (one.revoked_at, one.successor) for name, one in self.notices.items()}
        return any(after[name] != before.get(name, (None, None)) for name in after)

    async def remember(self, settings: Settings) -> None:
        """Writes down when each key was first seen, and in the first place what the others say."""
        for provider in settings.providers.values():
            for key, one in self.of(provider.keys):
                if one.notice.seen_at is None and key.rotate_every_days is not None:
                    name = fingerprint(one.secret)
                    seen = Notice(seen_at=self._clock.wall())
                    self.notices[name] = one.notice.merged(seen)
                    await self._post(name, self._places)
        for name in self.notices:
            await self._post(name, self._places[:1])

    async def _post(self, name: str, places: Sequence[Notices]) -> None:
        for place in places:
            try:
                await place.post(name, self.notices[name])
            except NoticesGone as error:
                log.warning("what is said of provider keys cannot be written: %s", error)

    async def follow(self, changed: Callable[[], None], settings: Callable[[], Settings]) -> None:
        """Calls `changed` whenever something new is said, within a second. Ends by being cancelled."""

        async def at(place: Notices) -> None:
            async for _ in place.changes():
                if await self.look():
                    changed()
                    await self.remember(settings())

        async with asyncio.TaskGroup() as group:
            for place in self._places:
                group.create_task(at(place))
            group.create_task(self._remind(settings))

    async def _remind(self, settings: Callable[[], Settings]) -> None:
        while True:
            await self.remember(settings())
            for provider, name, _ in self.due(settings()):
                fields = {"provider": provider, "key": name}
                events.warning("key_rotation_due", extra={"fields": fields})
            await self._clock.sleep(REMIND_S)

    def due(self, settings: Settings) -> Iterator[tuple[str, str, float]]:
        """Keys that should have been rotated: provider, name, seconds ago."""
        wall = self._clock.wall()
        for name, provider in settings.providers.items():
            for key, one in self.of(provider.keys):
                at = one.rotation_due_at(key.rotate_every_days)
                if at is not None and at <= wall and one.usable():
                    yield name, one.name, wall - at

    def said(self, settings: Settings) -> dict[tuple[str, str], KeyState]:
        """What the operator says of each key, by provider and name."""
        wall = self._clock.wall()
        return {
            (name, one.name): one.notice.state(wall)
            for name, provider in settings.providers.items()
            for _, one in self.of(provider.keys)
        }

    async def close(self) -> None:
        for place in self._places:
            await place.close()
