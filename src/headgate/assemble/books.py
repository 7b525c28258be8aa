"""The books of one process: rows go to its journal, and from there to the store, beside the requests.
A row that the store will not have for what it says holds up nobody: an act in the audit log has all of it.

Known weakness: such a row is in no sum.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from headgate.adapters.journal import Journal, JournalFailed, Reader, orphans
from headgate.core.attempt import failed
from headgate.core.audit import Act, Noting
from headgate.core.breaker import State
from headgate.core.call import Call, Outcome, Source
from headgate.core.captured import Captured
from headgate.core.denials import SOON_S, Asked, Denials, denied
from headgate.core.entry import HEDGE, entry
from headgate.core.errors import GatewayError, Overloaded, UpstreamInterrupted
from headgate.core.fleet import Fleet
from headgate.core.hedging import Bet
from headgate.core.journaled import Row, refused
from headgate.core.record import Record
from headgate.core.retention import Days
from headgate.core.waiting import Left
from headgate.ports.clock import Alarm, Clock
from headgate.ports.journal import NotKept
from headgate.ports.ledger import LedgerGone, RowRefused
from headgate.ports.store import Store

BATCH_ROWS = 1000
GATHER_S = 0.1
"""Between two batches for the store, unless there is a whole one already."""
LOOK_S = 5.0
"""Between two looks for journals whose process is gone."""
FORGET_S = 3600.0
FORGET_ROWS = 5000
AWAY_S, AWAY_MAX_S = 0.5, 5.0
"""How long to leave a store alone that does not answer; doubled each time."""
LAST_S = 3.0
"""For what is left when the process stops; the next one does the rest."""

_UNWRITTEN = Overloaded("What was asked could not be written down.")

log = logging.getLogger("headgate")


class Books:
    """A `ports.Recorder` and a `ports.Journal`. Build it inside the loop it serves; raises `OSError` where
    the folder cannot be written."""

    def __init__(
        self, kind: str, ledger: Store, folder: Path, clock: Clock, *, name: str, days: Days
    ) -> None:
        self.kind = kind
        self.ledger = ledger
        self._days = days
        self._folder = folder
        self._clock = clock
        self._due = asyncio.Event()
        self._journal = Journal(folder, name, news=self._due.set)
        self._reader = Reader(self._journal.folder, self._journal.recent)
        self._stored = 0
        self._error = ""
        self._pause_s = AWAY_S
        self._look_at = self._forget_at = clock.now()
        self._alarm: Alarm | None = None
        self._denials = Denials()
        self._telling: Alarm | None = None
        self.dropped = 0
        self._loop = asyncio.get_running_loop()
        self._last: list[Callable[[], None]] = []

    # ── ports.Recorder ──

    def settled(self, record: Record) -> None:
        if record.cause is not None and not self._denied(record):
            return
        if record.reply is None or not record.reply.sealed:
            self._journal.append(entry(record, self._clock.wall()))

    def _denied(self, record: Record) -> bool:
        """Whether it has a row of its own: of a flood of refusals few have."""
        if record.shadow or denied(record.cause) is None:
            return True
        asked = Asked(record.key, record.tenant, record.requested, record.request_id)
        return self.denied(record.cause, asked)

    def denied(self, error: BaseException | None, asked: Asked) -> bool:
        """A request was refused, wherever that was: it is counted, and the audit log is told in a moment.
        Whether it is one of the first of its kind."""
        status = denied(error)
        if status is None or not isinstance(error, GatewayError):
            return True
        early = self._denials.note(status, error, asked, self._clock.now(), self._clock.wall())
        if self._telling is None:
            self._tell_later()
        return early

    def _tell_later(self) -> None:
        """Looks every second, as long as there is something to look for."""
        now = self._clock.now()
        self._telling = None if self._denials.quiet else self._clock.at(now + SOON_S, self._tell)

    def _tell(self) -> None:
        for act in self._denials.due(self._clock.now()):
            self.note(act)
        self._tell_later()

    def note(self, act: Act) -> None:
        """Puts an act where rows wait for the store; it is in the audit log when the store has it."""
        self._journal.append(Noting(act))

    def capture(self, captured: Captured) -> None:
        """The same for what a route keeps of content; while the disk refuses it is left out."""
        if self._journal.error:
            self.dropped += 1
        else:
            self._journal.append(captured)

    def attempt_failed(self, call: Call, source: Source, error: GatewayError) -> None:
        if not isinstance(error, UpstreamInterrupted):  # that one served, and its row is the request's
            call.line.failed = (*call.line.failed, failed(source, error, HEDGE * call.hedge))

    def fell_back(self, call: Call, from_model: str, to_model: str, error: GatewayError) -> None:
        """The row has it."""

    def hedged(self, call: Call, model: str, to: str, bet: Bet) -> None:
        """The row has it."""

    def queued(self, call: Call, seconds: float, left: Left) -> None:
        """The row has it."""

    def fleet_moved(self, chain: Sequence[str], fleet: Fleet, *, is_open: bool, load: float) -> None:
        """Nothing about a request."""

    def breaker_moved(self, source: Source, before: State, after: State, seconds: float) -> None:
        """Nothing about a request."""

    def canary_stopped(self, route: str, model: str, reason: str) -> None:
        """Nothing about a request."""

    # ── ports.Journal ──

    async def keep(self, record: Record) -> None:
        wall = self._clock.wall()
        refused = msgspec.structs.replace(record, outcome=Outcome.REFUSED, cause=_UNWRITTEN)
        try:
            await self._journal.kept(self._journal.append(entry(record, wall), entry(refused, wall)))
        except JournalFailed as error:
            raise NotKept(str(error)) from error

    def soon(self, work: Callable[[], None]) -> None:
        """Does it in the loop, from another thread."""
        self._loop.call_soon_threadsafe(work)

    def before_close(self, work: Callable[[], None]) -> None:
        """Waits for that, in another thread, before the last row is written."""
        self._last.append(work)

    # ── beside the requests ──

    async def run(self) -> None:
        """Takes rows to the store whenever there are some. Ends by being cancelled."""
        while True:
            await self._work()
            self._alarm = self._clock.at(self._look_at, self._due.set)
            await self._due.wait()
            self._alarm.cancel()
            self._due.clear()
            if self.waiting < BATCH_ROWS:
                await self._clock.sleep(GATHER_S)

    async def _work(self) -> None:
        now = self._clock.now()
        try:
            await self._drain(self._reader, self._journal.name, self._journal)
            if now >= self._look_at:
                self._look_at = now + LOOK_S
                await self._adopt()
            if now >= self._forget_at:
                self._forget_at = now + FORGET_S
                await self._forget()
        except LedgerGone as error:
            await self._gone(error)
        else:
            if self._error:
                log.warning("the books are kept in %s again", self.kind)
            self._error, self._pause_s = "", AWAY_S

    async def _gone(self, error: LedgerGone) -> None:
        if not self._error:
            log.error("the books cannot be kept in %s (%s): rows wait in the journal", self.kind, error)
        self._error = str(error)
        self._look_at = max(self._look_at, self._clock.now() + self._pause_s)
        await self._clock.sleep(self._pause_s)
        self._pause_s = min(AWAY_MAX_S, 2 * self._pause_s)
        self._due.set()

    async def _drain(self, reader: Reader, name: str, writer: Journal | None) -> None:
        """All that can be read now, in order."""
        while writer is None or self._stored < writer.written:
            batch = reader.read(BATCH_ROWS, writer.written if writer else None)
            if batch is None:
                return
            first, entries, spot = batch
            await self._hand_on(name, first, entries)
            reader.go_on(spot)
            if writer is not None:
                self._stored = first + len(entries)

    async def _hand_on(self, name: str, first: int, rows: Sequence[Row]) -> None:
        try:
            await self.ledger.append(name, first, rows)
        except RowRefused as error:
            if half := len(rows) // 2:
                await self._hand_on(name, first, rows[:half])
                await self._hand_on(name, first + half, rows[half:])
                return
            told = refused(rows[0], str(error))
            log.error("%s will not have the row of %s: the audit log has it", self.kind, told.act.target)
            await self.ledger.append(name, first, [told])

    async def _adopt(self) -> None:
        """Takes over what processes that are gone have left."""
        for name, lock in orphans(self._folder):
            try:
                reader = Reader(self._folder / name)
                await self._drain(reader, name, None)
                reader.clear()
                log.info("journal %s of a process that is gone has been taken over", name)
            finally:
                os.close(lock)

    async def _forget(self) -> None:
        old, gone = self._days.old(int(self._clock.wall() * 1e6)), FORGET_ROWS
        while gone == FORGET_ROWS:
            gone = await self.ledger.forget(old, at_most=FORGET_ROWS)

    async def close(self) -> None:
        """Writes what has gathered, and takes it to the store if somebody is there to take it."""
        for alarm in (self._alarm, self._telling):
            if alarm is not None:
                alarm.cancel()
        for work in self._last:
            await asyncio.to_thread(work)
        await self._clock.sleep(0.0)  # what they have handed over by then is done
        for act in self._denials.due():
            self.note(act)
        await asyncio.to_thread(self._journal.close)
        with suppress(LedgerGone, TimeoutError):
            async with asyncio.timeout(LAST_S):
                await self._drain(self._reader, self._journal.name, None)
                self._reader.clear()
        self._journal.release()
        await self.ledger.close()

    @property
    def waiting(self) -> int:
        """Rows that the store does not have yet."""
        return self._journal.next - self._stored

    @property
    def lost(self) -> int:
        return self._journal.lost

    def condition(self) -> dict[str, Any]:
        """For people."""
        journal = self._journal
        state = "unwritten" if journal.error else "waiting" if self._error else "ok"
        found: dict[str, Any] = {"store": self.kind, "state": state, "journal": self.waiting}
        if self.lost:
            found["lost"] = self.lost
        if self.dropped:
            found["captures_dropped"] = self.dropped
        error = journal.error or self._error.partition(":")[0]  # the rest may name paths: it is in the log
        return {**found, "error": error} if error else found
