"""Limits that are shared with other processes: talks to the store beside the requests, never in their way."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

from headgate.core.hand import Hand
from headgate.core.holder import Holder
from headgate.core.leased import LeasedWindows
from headgate.core.listeners import Listeners
from headgate.ports.clock import Alarm, Clock
from headgate.ports.counters import Counters, StoreGone

FIRST_S = 1.5
"""How long the start waits for the store: then it serves without."""

log = logging.getLogger("headgate")


class Sharing:
    """This process among those that share a store. `processes`: how many to reckon with while nobody has been
    able to say. Whoever must know when there may be more room listens to `refilled`."""

    def __init__(self, kind: str, counters: Counters, clock: Clock, *, name: str, processes: int) -> None:
        self.kind = kind
        self.refilled = Listeners()
        self.holder = Holder(name, {}, clock.now(), processes=processes)
        self._counters = counters
        self._clock = clock
        self._due = asyncio.Event()
        self._alarm: Alarm | None = None
        self._alarm_at = 0.0
        self._error = ""

    def allowance(self, scope: str, *, frugal: bool = False) -> LeasedWindows:
        """What a key allows, of which other processes know by the same `scope`. `frugal`: who finds nothing
        in hand waits for it."""
        return LeasedWindows(scope, self.holder, self._urge, frugal=frugal)

    def _urge(self, hand: Hand, now: float) -> None:
        if self.holder.urge(hand, now) < self._alarm_at:
            self._set_alarm()

    def _set_alarm(self) -> None:
        """The next message is due when the holder says so, which may be sooner than it said before."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = max(self.holder.next_at, self._clock.now())
        self._alarm = self._clock.at(self._alarm_at, self._due.set)

    async def start(self) -> None:
        """The first message, so that there is something in hand when the first request comes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_S):
                await self._talk()

    async def run(self) -> None:
        """Sends a message whenever one is due. Ends by being cancelled."""
        while True:
            self._due.clear()
            self._set_alarm()
            await self._due.wait()
            await self._talk()

    async def _talk(self, *, leaving: bool = False) -> None:
        holder, clock = self.holder, self._clock
        hello = holder.hello(clock.now(), leaving=leaving)
        try:
            reply = await self._counters.sync(hello)
        except StoreGone as error:
            self._lost(error)
            return
        was_alone = holder.alone
        if holder.heard(reply, clock.now()):
            self.refilled()
        if was_alone and not holder.alone:
            log.warning("limits are shared again: %s is back", self.kind)

    def _lost(self, error: StoreGone) -> None:
        self._error = str(error)
        if self.holder.lost(self._clock.now(), nobody_there=error.nobody_there):
            log.warning(
                "limits are not shared: %s cannot be reached (%s); going on with 1/%d of every limit",
                self.kind,
                error,
                self.holder.holders,
            )
            self.refilled()

    async def close(self) -> None:
        """Gives everything back, if somebody is there to take it."""
        if self._alarm is not None:
            self._alarm.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_S):
                if not self.holder.alone:
                    await self._talk(leaving=True)
                await self._counters.close()

    def condition(self) -> dict[str, Any]:
        """For people."""
        holder = self.holder
        found: dict[str, Any] = {
            "store": self.kind,
            "state": "alone" if holder.alone else "shared",
            "processes": holder.holders,
        }
        return {**found, "error": self._error} if holder.alone else found
