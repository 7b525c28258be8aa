"""Budgets of this process: talks to the store of the accounts beside the requests, and for those who wait.

Known weakness: what was spent in the last 20 ms before a process is killed nobody knows; what a process on
another host had spent since it last spoke, some 250 ms, is known only when that host has a process again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from headgate.adapters.totals import TotalsFile, orphans
from headgate.core.account import Told
from headgate.core.budget import Budget, Period, period_at, period_from
from headgate.core.purse import Purse, Slot
from headgate.ports.accounts import Accounts
from headgate.ports.clock import Alarm, Clock
from headgate.ports.ledger import LedgerGone

NOTE_S = 0.02
"""Between what is spent and its being written down here."""
TELL_S = 0.25
"""And its being told to the store."""
LOOK_S = 1.0
"""Between two looks at what is held."""
ADOPT_S = 5.0
"""Between two looks for what processes have left that are gone."""
AGAIN_S = 0.5
"""To a store that is away."""
FIRST_S = 1.5
"""How long the start waits for the store."""

log = logging.getLogger("headgate")


class Earlier(Protocol):
    """Who finds out what was spent of a budget before anybody counted."""

    async def begin(self, budgets: Mapping[tuple[str, int], tuple[Budget, int, int]], /) -> None: ...


Alert = Callable[[Budget, int, int], None]
"""Told of a budget, of the percent of it that were passed, and of what was spent."""


class Bank:
    """`pipeline.budget.Bank`. `name` is this process's among all that share the accounts; `folder`: where it
    writes down what it has spent, once there is a budget. Build it inside the loop it serves."""

    def __init__(
        self, kind: str, accounts: Accounts, clock: Clock, *, name: str, folder: Path | None
    ) -> None:
        self.kind = kind
        self.accounts = accounts
        self.slots: dict[str, Slot] = {}
        self.alerts: list[Alert] = []
        self.earlier: Earlier | None = None
        self._clock = clock
        self._name = name
        self._folder = folder
        self._file: TotalsFile | None = None
        self._number = 0
        self._error = ""
        self._unwritten = False
        self._due = asyncio.Event()
        self._alarms: dict[str, Alarm] = {}
        self._changed: set[Purse] = set()
        self._dirty: set[Purse] = set()
        self._open: dict[tuple[str, int], Purse] = {}
        self._new: dict[tuple[str, int], tuple[Budget, int, int]] = {}
        self._gone: dict[tuple[str, int], int] = {}
        self._asking: list[tuple[Sequence[Purse], asyncio.Future[None]]] = []
        self._waiting: list[asyncio.Future[None]] = []

    # ── budgets ──

    def slot(self, budget: Budget) -> Slot:
        """The one of that account, which from now on has these terms; what was spent is not forgotten."""
        slot = self.slots.get(budget.account)
        if slot is None:
            period = period_at(self._clock.wall(), budget.per, budget.zone)
            slot = self.slots[budget.account] = Slot(budget, period, self._purse(budget, period))
            if not budget.each:  # how many requests there were before nobody asks
                self._new[budget.account, period.day] = budget, int(period.starts_at * 1e6), self._wall_us()
            self._write_down()
        elif slot.budget != budget:
            slot.budget = budget
            slot.purse.limit = budget.nano
            slot.period = period_from(slot.period.day, budget.per, budget.zone)
            slot.ends_at = slot.period.ends_at
        return slot

    def close_others(self, slots: Sequence[Slot]) -> None:
        """There are these budgets, and no others. What is reserved of another is settled all the same."""
        for name in self.slots.keys() - {slot.budget.account for slot in slots}:
            purse = self.slots.pop(name).purse
            purse.leave()
            self._gone[name, purse.period] = self._wall_us()
            self._dirty.add(purse)

    def _wall_us(self) -> int:
        return int(self._clock.wall() * 1e6)

    async def _begin(self) -> None:
        """It is said which budgets there are now, and which no more: what was spent before is found out."""
        new, gone = self._new, self._gone
        if gone:
            await self.accounts.leave(gone)
        self._gone = {}
        if new and self.earlier is not None:
            await self.earlier.begin(new)
        self._new = {}

    def retell(self, budget: Budget) -> None:
        """More was spent of it than is known here: what is in hand goes back."""
        if (slot := self.slots.get(budget.account)) is not None:
            slot.purse.short_elsewhere = True
            self._dirty.add(slot.purse)
            self._due.set()

    def _write_down(self) -> None:
        if self._file is None and self._folder is not None:
            try:
                self._file = TotalsFile(self._folder, self._name)
            except OSError as error:
                log.error("what is spent cannot be written down here (%s)", error.strerror)
                self._folder = None

    def turn(self, slot: Slot) -> Purse:
        """The purse of the period that has begun. There is no way back: a clock that is set back opens
        nothing."""
        period = period_at(self._clock.wall(), slot.budget.per, slot.budget.zone)
        if period.day > slot.period.day:
            self._enter(slot, period)
        else:  # the end of the period was moved
            slot.period, slot.ends_at = period, period.ends_at
        return slot.purse

    def _enter(self, slot: Slot, period: Period) -> None:
        slot.enter(period, self._purse(slot.budget, period))

    def _purse(self, budget: Budget, period: Period) -> Purse:
        """The one there is, if there is one: a total never begins anew."""
        now, known = self._clock.now(), self._open.get((budget.account, period.day))
        purse = known or Purse(budget.account, period.day, budget.nano, now, budget.each, self._spent)
        purse.limit, purse.used_at = budget.nano, now
        self._open[budget.account, period.day] = purse
        self._dirty.add(purse)
        return purse

    def renews_at(self, purse: Purse) -> float:
        slot = self.slots.get(purse.account)
        return slot.ends_at if slot else 0.0

    # ── requests ──

    def _spent(self, purse: Purse) -> None:
        """Of it something was settled: those who wait may look again, the store will hear."""
        self._changed.add(purse)
        if "note" not in self._alarms:
            self._alarm("note", NOTE_S, self._note)
        if self._waiting:
            self._wake()

    async def ask(self, purses: Sequence[Purse]) -> None:
        future = asyncio.get_running_loop().create_future()
        self._asking.append((purses, future))
        self._due.set()
        await future

    async def change(self, until: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        alarm = self._clock.at(until, lambda: _done(future))
        try:
            await future
        finally:
            alarm.cancel()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            _done(future)

    def _alarm(self, name: str, after_s: float, action: Callable[[], None]) -> None:
        def ring() -> None:
            del self._alarms[name]
            action()

        if name not in self._alarms:
            self._alarms[name] = self._clock.at(self._clock.now() + after_s, ring)

    def _note(self) -> None:
        """On this host's disk, so that it is known though this process is killed."""
        changed, self._changed = self._changed, set()
        for purse in changed:
            purse.changed = False
        self._dirty |= changed
        self._alarm("tell", TELL_S, self._due.set)
        if self._file is None:
            return
        try:
            self._file.write({(purse.account, purse.period): purse.total for purse in changed})
        except OSError as error:
            if not self._unwritten:
                log.error("what was spent cannot be written down (%s)", error.strerror)
            self._unwritten = True
        else:
            self._unwritten = False

    # ── beside the requests ──

    async def start(self) -> None:
        """A little of everything, so that the first request finds something."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_S):
                await self._adopt()
                await self._talk()

    async def run(self) -> None:
        """Ends by being cancelled."""
        adopt_at = self._clock.now()
        self._alarm("look", LOOK_S, self._look)
        while True:
            await self._talk()
            if self._clock.now() >= adopt_at and not self._error:
                adopt_at = self._clock.now() + ADOPT_S
                await self._adopt()
            await self._due.wait()
            self._due.clear()

    def _look(self) -> None:
        now = self._clock.now()
        self._dirty.update(purse for purse in self._open.values() if purse.due(now))
        self._due.set()
        self._alarm("look", LOOK_S, self._look)

    async def _talk(self) -> None:
        asking, self._asking = self._asking, []
        purses, self._dirty = self._dirty, set()
        for wanted, _ in asking:
            purses.update(wanted)
        now = self._clock.now()
        due = [purse for purse in purses if purse.due(now)]
        try:
            if due or self._new or self._gone:
                await self._tell(due)
        finally:
            for _, future in asking:
                _done(future)
        now = self._clock.now()
        if any(purse.short and purse.room(now) >= purse.least for purse in due):
            self._wake()

    async def _tell(self, purses: Sequence[Purse]) -> None:
        self._number += 1
        asks = [purse.ask(self._clock.now()) for purse in purses]
        try:
            await self._begin()
            answers = await self.accounts.tell(self._name, self._number, asks) if asks else []
        except LedgerGone as error:
            if not self._error:
                log.error("budgets cannot be looked up in %s (%s): what is in hand is used", self.kind, error)
            self._error = str(error)
            for purse in purses:
                purse.lost = True
            self._dirty.update(purses)
            self._alarm("tell", AGAIN_S, self._due.set)
            return
        if self._error:
            log.warning("budgets are looked up in %s again", self.kind)
        self._error = ""
        for purse, told in zip(purses, answers, strict=True):
            purse.heard(told)
            self._heard(purse, told)
            if told.short and not purse.short and purse.room(self._clock.now()) > 0:
                self._dirty.add(purse)  # somebody waits for what is not needed here
                self._due.set()

    def _heard(self, purse: Purse, told: Told) -> None:
        slot = self.slots.get(purse.account)
        if slot is None or purse is not slot.purse:
            if purse.over and purse.period < told.latest:
                self._open.pop((purse.account, purse.period), None)
            return
        if not slot.budget.each:
            self._alert(slot.budget, told)
        if told.latest > purse.period:
            self._enter(slot, period_from(told.latest, slot.budget.per, slot.budget.zone))

    def _alert(self, budget: Budget, told: Told) -> None:
        for percent in told.crossed:
            for alert in self.alerts:
                alert(budget, percent, told.spent)

    async def _adopt(self) -> None:
        folder = self._folder
        if folder is None or not self.slots:
            return
        for left in await asyncio.to_thread(lambda: list(orphans(folder))):
            try:
                if left.totals:
                    await self.accounts.bury(left.name, left.totals)
            except LedgerGone:
                left.leave()
                continue
            left.done()
            log.info("what process %s had spent, which is gone, has been taken over", left.name)

    async def close(self) -> None:
        """Gives everything back, if somebody is there to take it."""
        for alarm in self._alarms.values():
            alarm.cancel()
        for purse in self._open.values():
            purse.leave()
        for _, future in self._asking:
            _done(future)
        self._wake()
        told = False
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_S):
                if self._open:
                    await self._tell(list(self._open.values()))
                told = not self._error
                await self.accounts.close()
        if self._file is not None:
            self._file.close(told=told)

    def condition(self) -> dict[str, Any]:
        """For people."""
        found: dict[str, Any] = {"store": self.kind, "state": "away" if self._error else "ok"}
        if self._error:
            found["error"] = self._error.partition(":")[0]
        return {**found, "budgets": len(self.slots)}

    def levels(self) -> Iterable[tuple[str, float]]:
        """How much of each budget is spent, as a share, so far as this process knows."""
        for name, slot in self.slots.items():
            purse = slot.purse
            yield name, 1.0 - purse.left() / purse.limit if purse.limit else 1.0


def _done(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
