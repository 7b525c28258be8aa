"""What one process holds of one window that it shares with others: slices in hand, and what it has used.
Pure.

Amounts are units, times this process's own clock in seconds; a `Dial` turns them into the store's
milliseconds.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from math import ceil, inf

import msgspec

from headgate.core.lease import QUANTUM_MS, Slice

TICKS = 100
"""Uses within one hundredth of a second are one entry."""
IDLE_S = 10.0
"""A window of which nothing was wanted for so long is idle: it holds nothing where units are scarce."""
SCARCE = 0.1
"""Units are scarce where less than this share of the limit is left for others."""
IN_HAND = 0.1
"""Where they are not: the share of the limit that all together keep in hand for what may come."""
HASTE = 4.0
"""Nobody's wishes count for more than so many times the limit."""

Move = tuple[int, int, int]


class Dial(msgspec.Struct, frozen=True):
    """By how many milliseconds more than ours the store's clock shows, at least and at most: between the
    two lies the time that a message and its answer took."""

    least: float = 0.0
    most: float = 0.0

    def latest(self, time_s: float) -> int:
        """The most it may show when ours shows `time_s`."""
        return ceil(time_s * 1e3 + self.most)

    def not_before(self, time_ms: int) -> float:
        """Ours, when it shows this for certain."""
        return (time_ms - self.least) / 1e3

    def not_after(self, time_ms: int) -> float:
        """Ours, as long as it certainly does not show more than this."""
        return (time_ms - self.most) / 1e3


class Piece(msgspec.Struct, eq=False):
    """A slice in hand; `began` and `free_at` as the store has them."""

    since: float
    until: float
    units: int
    began: int
    free_at: int


class Used(msgspec.Struct):
    """What was used within a tick: `untold` by the store's entry for the slot (0: none), and what the store
    has been told, under `told_at`."""

    untold: dict[int, int]
    told: int = 0
    told_at: int = 0

    @property
    def units(self) -> int:
        return self.told + sum(self.untold.values())


class Hand:
    """The slices of one window that this process holds."""

    def __init__(self, window: str, *, limit: int, span_s: float, frugal: bool = False) -> None:
        """`frugal`: whoever misses something waits for it, so that little is kept in hand in vain."""
        self.window = window
        self.frugal = frugal
        self.dry = False
        """Of a frugal one: the store had nothing left when it was asked last."""
        self.limit = limit
        self.span_s = span_s
        self.spare = limit
        self.rate = 0.0
        self.alone_until = -inf
        """Slots of our own may be used until then: there is no store, or it leases nothing."""
        self._taken = 0
        self._missed = 0
        self._largest = 1
        self._wanted_at = -inf
        self._free = 0
        self._ready: list[Piece] = []
        self._coming: deque[Piece] = deque()
        self._pieces: dict[int, Piece] = {}
        self._own: list[tuple[float, int]] = []
        self._log: dict[int, Used] = {}
        self._fresh: set[int] = set()
        self._moves: list[Move] = []

    # ── on the way of a request ──

    def free(self, now: float) -> int:
        """Units that may be used now."""
        coming, ready = self._coming, self._ready
        while coming and coming[0].since <= now:
            piece = coming.popleft()
            insort(ready, piece, key=_until)
            self._free += piece.units
        while ready and ready[0].until < now:
            self._over(ready.pop(0))
        return self._free + (self._own_free(now) if now < self.alone_until else 0)

    def take(self, units: int, now: float) -> bool:
        """Uses `units` now; none, and false, where there are not so many."""
        if self.free(now) < units:
            self.miss(units, now)
            return False
        self.use(units, now)
        return True

    def use(self, units: int, now: float) -> None:
        """Uses units that are there: `free` has just said so."""
        self._wanted_at = now
        if units > self._largest:
            self._largest = units
        self._take(units, now)

    def miss(self, units: int, now: float) -> None:
        """So many are wanted now, and are not there."""
        self._wanted_at = now
        self._missed += units
        if units > self._largest:
            self._largest = units

    def overdraw(self, units: int, now: float) -> None:
        """Uses units that cannot be refused any more: an answer was longer than expected."""
        there = min(units, self.free(now))
        self._take(there, now)
        if units > there and now < self.alone_until:
            there += self._take_own(units - there, now, free_by=inf)
        if units > there:
            self._write(0, units - there, now)

    def give_back(self, units: int, taken_at: float) -> None:
        """Of what was taken then, so much has not been used."""
        used = self._log.get(_tick(taken_at))
        if used is None:
            return
        for free_at in list(used.untold):
            part = min(units, used.untold[free_at])
            used.untold[free_at] -= part
            units -= part
            self._restore(free_at, part)
        part = min(units, used.told)
        if part:
            used.told -= part
            self._moves.append((used.told_at, 0, part))

    def ready_at(self, units: int, now: float) -> float:
        """When so many may be used; infinity where nothing in hand says so."""
        found = self.free(now)
        if found >= units:
            return now
        coming = [(piece.since, piece.units) for piece in self._coming]
        coming += [(at, count) for at, count in self._own if now < at < self.alone_until]
        for at, count in sorted(coming):
            found += count
            if found >= units:
                return at
        return inf

    def known(self, now: float, until: float) -> int:
        """Units in hand that may be used at some time before `until`."""
        return self.free(now) + sum(piece.units for piece in self._coming if piece.since <= until)

    def _take(self, units: int, now: float) -> None:
        self._taken += units
        ready = self._ready
        while units and ready:
            piece = ready[0]
            part = piece.units if piece.units < units else units
            piece.units -= part
            units -= part
            self._free -= part
            if not piece.units:
                del ready[0]
            self._note(piece.free_at, part, now)
        if units:
            self._take_own(units, now, free_by=now)

    def _note(self, free_at: int, units: int, now: float) -> None:
        self._write(free_at, units, now)
        if now < self.alone_until:
            self._own.append((_tick(now) / TICKS + self.span_s, units))

    def _write(self, free_at: int, units: int, now: float) -> None:
        used = self._log.get(tick := _tick(now))
        if used is None:
            used = self._log[tick] = Used({})
        self._fresh.add(tick)
        used.untold[free_at] = used.untold.get(free_at, 0) + units

    def _restore(self, free_at: int, units: int) -> None:
        """Into the slice it came from, if that is still in hand."""
        piece = self._pieces.get(free_at)
        if piece is None:
            if free_at and units:
                self._moves.append((free_at, 0, units))
            return
        if units and not piece.units:
            insort(self._ready, piece, key=_until)
        piece.units += units
        self._free += units

    def _over(self, piece: Piece) -> None:
        """Its time is over, and part of it was not used."""
        self._free -= piece.units
        del self._pieces[piece.free_at]
        self._moves.append((piece.free_at, piece.began, piece.units))
        if self.alone_until > -inf:
            self._own.append((piece.until + self.span_s, piece.units))

    # ── towards the store ──

    @property
    def held(self) -> int:
        return self._free + sum(piece.units for piece in self._coming)

    def wish(self, now: float, passed_s: float, ahead_s: float, holders: int) -> int:
        """Units to have in hand for the next `ahead_s`, by what was wanted in the last `passed_s`."""
        if self.frugal:
            return self._lacking(now, passed_s, ahead_s)
        wanted = min((self._taken + self._missed) / passed_s, HASTE * self.limit / self.span_s)
        self.rate = wanted if wanted > self.rate else (wanted + self.rate) / 2
        self._taken = self._missed = 0
        idle, scarce = now - self._wanted_at > IDLE_S, self.spare < SCARCE * self.limit
        reserve = 0 if idle else self._largest
        if not scarce:
            reserve = max(self._largest, int(IN_HAND * self.limit / holders))
        return min(self.limit, ceil(self.rate * ahead_s) + reserve)

    def _lacking(self, now: float, passed_s: float, ahead_s: float) -> int:
        """What those want who wait, and what will be wanted at the pace of the limit at most."""
        waiting, even = self._missed, self.limit / self.span_s
        self.rate = (min((self._taken + waiting) / passed_s, even) + self.rate) / 2
        self._taken = self._missed = 0
        reserve = 0 if now - self._wanted_at > IDLE_S else self._largest
        return min(self.limit, ceil(self.rate * ahead_s) + waiting + reserve)

    def turn_in(self, now: float, renew_before: float, keep: int, dial: Dial) -> list[Move]:
        """What to tell the store: uses; slices that are over, must be renewed, or are more than `keep`."""
        self.free(now)
        moves, self._moves = self._moves, []
        for tick in sorted(self._fresh):
            if tick in self._log:
                moves += self._told(tick, self._log[tick], dial)
        self._fresh.clear()
        pieces = sorted(self._ready, key=_since) + list(self._coming)
        self._ready, self._coming, self._free = [], deque(), 0
        for piece in pieces:
            stays = min(piece.units, keep) if piece.until >= renew_before else 0
            keep -= stays
            if piece.units > stays:
                moves.append((piece.free_at, piece.began, piece.units - stays))
                piece.units = stays
        self._pieces = {at: piece for at, piece in self._pieces.items() if piece.until >= renew_before}
        self._sort(pieces, now)
        self._forget(now)
        return moves

    def _told(self, tick: int, used: Used, dial: Dial) -> list[Move]:
        after = used.told_at or _up(dial.latest(tick / TICKS + self.span_s))
        moves = [(before, after, units) for before, units in used.untold.items() if units]
        used.told += sum(units for _, _, units in moves)
        used.told_at, used.untold = after, {}
        return moves

    def _forget(self, now: float) -> None:
        """Uses that have left the window; and those of before a step of the store's clock, which it has
        under another time: they stay there for as long as was feared."""
        oldest = _tick(now - self.span_s) - 1
        gone: list[int] = []
        for tick in self._log:  # in order of time
            if tick >= oldest:
                break
            gone.append(tick)
        for tick in gone:
            del self._log[tick]

    def receive(self, slices: list[Slice], lease_ms: int, now: float, dial: Dial) -> int:
        """Takes slices in hand; how many units."""
        for one in slices:
            since, until = dial.not_before(one.since), dial.not_after(one.since + lease_ms)
            same = self._pieces.get(one.free_at)
            if same is not None and same.units:
                same.units += one.units
                same.since, same.until = max(same.since, since), min(same.until, until)
                same.began = max(same.began, one.since)
                continue
            self._pieces[one.free_at] = Piece(since, until, one.units, one.since, one.free_at)
        pieces = [piece for piece in self._pieces.values() if piece.units]
        self._ready, self._coming, self._free = [], deque(), 0
        self._sort(pieces, now)
        return sum(one.units for one in slices)

    def _sort(self, pieces: list[Piece], now: float) -> None:
        there = [piece for piece in pieces if piece.units]
        self._ready = sorted((piece for piece in there if piece.since <= now), key=_until)
        self._coming = deque(sorted((piece for piece in there if piece.since > now), key=_since))
        self._free = sum(piece.units for piece in self._ready)

    # ── without a store ──

    def go_alone(self, part: int, mine_after: float, settled_at: float) -> None:
        """From now on by ourselves: of `part` slots those that we used last, if they are free after
        `mine_after`; the rest once nothing that was leased before counts any more, at `settled_at`."""
        room = max(0, part - self.held)
        self._own = []
        for tick, used in sorted(self._log.items(), reverse=True):
            at = tick / TICKS + self.span_s
            stays = min(used.units, room) if at > mine_after else 0
            room -= stays
            if stays:
                self._own.append((at, stays))
        if room:
            self._own.append((settled_at, room))
        self.alone_until = inf

    def refuse(self, slices: list[Slice]) -> None:
        """They go back with the next message."""
        self._moves += [(one.free_at, one.since, one.units) for one in slices]

    def rejoin(self) -> None:
        """The store leases again."""
        self._own = []
        self.alone_until = -inf

    def drop(self) -> None:
        """The store has been emptied: what it leased is worth nothing, what we used it must be told again."""
        self._pieces, self._moves = {}, []
        self._sort([], 0.0)
        for used in self._log.values():
            used.untold, used.told, used.told_at = {0: used.units}, 0, 0
        self._fresh = set(self._log)

    def _own_free(self, now: float) -> int:
        return sum(count for at, count in self._own if at <= now)

    def _take_own(self, units: int, now: float, *, free_by: float) -> int:
        """Uses slots of our own that are free by then, the earliest first; how many."""
        left: list[tuple[float, int]] = []
        taken = 0
        for at, count in sorted(self._own):
            part = min(units - taken, count) if at <= free_by else 0
            taken += part
            if count > part:
                left.append((at, count - part))
        self._own = left
        if taken:
            self._note(0, taken, now)
        return taken


def _until(piece: Piece) -> float:
    return piece.until


def _since(piece: Piece) -> float:
    return piece.since


def _tick(now: float) -> int:
    return ceil(now * TICKS)


def _up(time_ms: int) -> int:
    return -(-time_ms // QUANTUM_MS) * QUANTUM_MS
