"""Sliding windows that hold at the far end of a wire.

A provider counts a call when it arrives there, not when we send it: two calls a minute apart here may be a
little less than a minute apart there, if the first was slow on its way. So a call counts for the span *and a
guard*: the time its answer took to begin. The call had arrived by then; one sent a span later arrives no
earlier than it is sent; so whatever the wire does, no window at the provider holds both. That a model thinks
for seconds must not be taken for the wire: the guard ends at `GUARD_MAX_S`, which is also what a call has
that is not answered yet, or never.

Memory is bounded: what is reserved within 1/4096 of the span shares an entry and leaves with the last of it,
so that there are 4096 of them at most and each errs by that much, on the safe side. An entry that leaves late
holds back the ones behind it, by a guard at most. Amortised cost of everything but a look ahead: O(1).

Known weakness: a call that takes longer than `GUARD_MAX_S` to arrive counts at the provider for a moment
longer than here.
"""

from __future__ import annotations

from collections import deque
from math import inf

import msgspec

from headgate.core.allowance import Grant, Levels, Rates

MINUTE_S = 60.0
SECOND_S = 1.0
GRAINS = 4096
"""Entries of a window at most, its newest apart."""

GUARD_MAX_S = 0.5
"""Costs a minute 0.8 % of its use, where every answer takes this long or longer to begin."""
DRIFT = 5e-4
"""How much faster another clock may run, as a share of the span: what NTP slews a clock by at most. The least
a guard can be."""
TIGHT_GUARD_S = 0.1
"""The longest guard in the window of one second, where burst is so low that a longer one would keep calls
from using their minute. Costs nothing where `burst` allows a tenth more in a minute than `rpm`."""


class Entry(msgspec.Struct, eq=False):
    """Calls sent from `since` until `at`. `late` is how long the latest answer took to begin (infinity: it
    never did), `open` how many answers are still to come."""

    since: float
    at: float
    calls: int = 0
    tokens: int = 0
    open: int = 0
    late: float = 0.0
    here: bool = True


class Window:
    """What counts of calls and tokens in `span_s`."""

    __slots__ = ("_entries", "_grain_s", "calls", "due", "guard_max_s", "guard_min_s", "span_s", "tokens")

    def __init__(self, span_s: float) -> None:
        self.span_s = span_s
        self.guard_min_s = span_s * DRIFT
        self.guard_max_s = GUARD_MAX_S
        self._grain_s = span_s / GRAINS
        self._entries: deque[Entry] = deque()
        self.calls = 0
        self.tokens = 0
        self.due = inf
        """Before this nothing can leave: there is no need to `expire`."""

    def __len__(self) -> int:
        return len(self._entries)

    def leaves_at(self, entry: Entry) -> float:
        """By what is known so far: earlier, once its answers are here."""
        guard = self.guard_max_s
        if not entry.open and entry.late < guard:
            guard = max(entry.late, self.guard_min_s)
        return entry.at + self.span_s + guard

    def expire(self, now: float) -> None:
        """Forgets what has left."""
        entries = self._entries
        while entries:
            oldest = entries[0]
            self.due = oldest.at + self.span_s
            if self.due > now or self.leaves_at(oldest) > now:
                return
            entries.popleft()
            oldest.here = False
            self.calls -= oldest.calls
            self.tokens -= oldest.tokens
        self.due = inf

    def add(self, now: float, calls: int, tokens: int) -> Entry:
        """Counts them from now on. Whoever awaits an answer raises `open`."""
        entries = self._entries
        if entries and now - entries[-1].since < self._grain_s:
            entry = entries[-1]
            entry.at = now
        else:
            if not entries:
                self.due = now + self.span_s
            entry = Entry(now, now)
            entries.append(entry)
        entry.calls += calls
        entry.tokens += tokens
        self.calls += calls
        self.tokens += tokens
        return entry

    def change(self, entry: Entry, calls: int, tokens: int) -> None:
        """It turns out to be so many more, or fewer."""
        if entry.here:
            entry.calls += calls
            entry.tokens += tokens
            self.calls += calls
            self.tokens += tokens

    def frees_at(self, now: float, calls: int, tokens: int) -> float:
        """When so many calls and so many tokens will have left; infinity where there are not so many."""
        at = now
        if calls <= 0 and tokens <= 0:
            return at
        for entry in self._entries:
            at = max(at, self.leaves_at(entry))
            calls -= entry.calls
            tokens -= entry.tokens
            if calls <= 0 and tokens <= 0:
                return at
        return inf

    def empties_at(self, now: float) -> float:
        """When all that counts now will have left."""
        return max(now, self.leaves_at(self._entries[-1])) if self._entries else now

    def left_by(self, until: float) -> tuple[int, int]:
        """(calls, tokens) that will have left by then."""
        calls = tokens = 0
        for entry in self._entries:
            if self.leaves_at(entry) > until:
                break
            calls += entry.calls
            tokens += entry.tokens
        return calls, tokens


TINY = 1e-9
"""Of a limit of nothing the least use is all."""


class _Slot(Grant, eq=False, kw_only=True):
    """`upper_*`, with what has been granted since, are the most a provider can have counted at the answer."""

    minute: Entry
    second: Entry | None
    upper_calls: int
    upper_tokens: int
    waiting: bool = True


class Windows:
    """One process's own `Allowance`: a window of a minute for requests and tokens, one of a second for
    bursts."""

    def __init__(self, rates: Rates) -> None:
        self._minute = Window(MINUTE_S)
        self._second = Window(SECOND_S)
        self._latest = 0.0
        self._granted = 0
        self._spent = 0
        self.pending = 0
        self.allow(rates)

    def allow(self, rates: Rates, *, of: Rates | None = None) -> None:
        """`of`: the whole key's, where these are only a part."""
        self.rates = rates
        self._per_call = 0.0 if rates.rpm is None else 1.0 / max(rates.rpm, TINY)
        self._per_token = 0.0 if rates.tpm is None else 1.0 / max(rates.tpm, TINY)
        rpm, burst = (of or rates).rpm, (of or rates).burst
        spare_s = burst * MINUTE_S / rpm - SECOND_S if rpm and burst else GUARD_MAX_S
        self._second.guard_max_s = min(max(spare_s, TIGHT_GUARD_S), GUARD_MAX_S)

    # ── asking ──

    def fullness(self, now: float) -> float:
        minute = self._minute
        if now >= minute.due:
            minute.expire(self._time(now))
        of_calls, of_tokens = minute.calls * self._per_call, minute.tokens * self._per_token
        return of_calls if of_calls > of_tokens else of_tokens

    @property
    def spent(self) -> int:
        return self._minute.tokens

    def levels(self, now: float) -> Levels:
        self._minute.expire(self._time(now))
        return Levels(self._minute.calls, self._minute.tokens)

    def fits(self, now: float, tokens: int) -> bool:
        if now < self._latest:
            now = self._latest
        else:
            self._latest = now
        rates, minute = self.rates, self._minute
        if now >= minute.due:
            minute.expire(now)
        if rates.rpm is not None and minute.calls >= rates.rpm:
            return False
        if rates.tpm is not None and minute.tokens + min(max(tokens, 1), rates.tpm or 1) > rates.tpm:
            return False
        if rates.burst is None:
            return True
        second = self._second
        if now >= second.due:
            second.expire(now)
        return second.calls < rates.burst

    def next_at(self, now: float, tokens: int) -> float:
        now, rates, minute = self._time(now), self.rates, self._minute
        minute.expire(now)
        calls_over = 0 if rates.rpm is None else minute.calls + 1 - rates.rpm
        tokens_over = 0
        if rates.tpm is not None:
            tokens_over = minute.tokens + min(max(tokens, 1), rates.tpm or 1) - rates.tpm
        at = minute.frees_at(now, calls_over, tokens_over) if calls_over > 0 or tokens_over > 0 else now
        if rates.burst is None:
            return at
        self._second.expire(now)
        return max(at, self._second.frees_at(now, self._second.calls + 1 - rates.burst, 0))

    def clears_at(self, now: float) -> float:
        now = self._time(now)
        self._minute.expire(now)
        return self._minute.empties_at(now)

    def refill(self, now: float, calls: int, tokens: int) -> float:
        now, rates, minute = self._time(now), self.rates, self._minute
        minute.expire(now)
        self._second.expire(now)
        at = now
        if rates.rpm is not None:
            rounds, over = _beyond(minute.calls, calls, rates.rpm)
            at = max(at, minute.frees_at(now, over, 0) + rounds * _period(minute))
        if rates.tpm is not None:
            rounds, over = _beyond(minute.tokens, calls * min(max(tokens, 1), rates.tpm or 1), rates.tpm)
            at = max(at, minute.frees_at(now, 0, over) + rounds * _period(minute))
        if rates.burst is not None:
            rounds, over = _beyond(self._second.calls, calls, rates.burst)
            at = max(at, self._second.frees_at(now, over, 0) + rounds * _period(self._second))
        return at

    def room(self, now: float, until: float, tokens: int) -> float:
        now, rates, minute, second = self._time(now), self.rates, self._minute, self._second
        minute.expire(now)
        second.expire(now)
        rounds, part = divmod(max(until - now, 0.0), _period(minute))
        calls, spent = minute.left_by(now + part)
        room = inf
        if rates.rpm is not None:
            room = min(room, rounds * rates.rpm + max(rates.rpm - minute.calls + calls, 0))
        if rates.tpm is not None:
            free = rounds * rates.tpm + max(rates.tpm - minute.tokens + spent, 0)
            room = min(room, free // min(max(tokens, 1), rates.tpm or 1))
        if rates.burst is not None:
            rounds, part = divmod(max(until - now, 0.0), _period(second))
            left, _ = second.left_by(now + part)
            room = min(room, rounds * rates.burst + max(rates.burst - second.calls + left, 0))
        return room

    def upper(self, grant: Grant) -> Levels:
        slot = _own(grant)
        return Levels(slot.upper_calls + self._granted, slot.upper_tokens + self._spent)

    # ── taking and giving back ──

    def reserve(self, now: float, tokens: int) -> Grant | None:
        if not self.fits(now, tokens):
            return None
        now, rates, minute, second = self._latest, self.rates, self._minute, None
        if rates.tpm is not None and tokens > rates.tpm:
            tokens = rates.tpm
        if rates.burst is not None:
            second = self._second.add(now, 1, 0)
            second.open += 1
        entry = minute.add(now, 1, tokens)
        entry.open += 1
        self.pending += tokens
        self._granted += 1
        self._spent += tokens
        return _Slot(
            now,
            tokens,
            minute=entry,
            second=second,
            upper_calls=minute.calls - self._granted,
            upper_tokens=minute.tokens - self._spent,
        )

    def answered(self, grant: Grant, now: float) -> None:
        _close(_own(grant), now - grant.at)

    def settle(self, grant: Grant, tokens: int, now: float) -> None:
        slot = _own(grant)
        if slot.waiting:
            _close(slot, inf)
        self.pending -= slot.tokens
        if tokens != slot.tokens:
            self._minute.change(slot.minute, 0, tokens - slot.tokens)
            self._spent += tokens - slot.tokens

    def cancel(self, grant: Grant, now: float) -> None:
        slot = _own(grant)
        _close(slot, 0.0)
        self.pending -= slot.tokens
        self._minute.change(slot.minute, -1, -slot.tokens)
        if slot.second is not None:
            self._second.change(slot.second, -1, 0)
        self._granted -= 1
        self._spent -= slot.tokens

    def taken(self, now: float, calls: int, tokens: int) -> None:
        self._minute.add(self._time(now), calls, tokens)

    def _time(self, now: float) -> float:
        if now < self._latest:
            return self._latest
        self._latest = now
        return now


def _close(slot: _Slot, took: float) -> None:
    """An answer is here after so many seconds, or will not come. Only the first word counts."""
    if not slot.waiting:
        return
    slot.waiting = False
    entry, second = slot.minute, slot.second
    entry.open -= 1
    if took > entry.late:
        entry.late = took
    if second is not None:
        second.open -= 1
        if took > second.late:
            second.late = took


def _own(grant: Grant) -> _Slot:
    assert isinstance(grant, _Slot), "a grant goes back to where it came from"
    return grant


def _beyond(level: int, wanted: int, limit: int) -> tuple[float, int]:
    """(whole turns of the window, what must leave it besides) until `wanted` more fit on top of `level`."""
    if wanted <= 0:
        return 0, 0
    if limit <= 0:
        return inf, 0
    rounds, rest = divmod(wanted - 1, limit)
    return rounds, level + rest + 1 - limit


def _period(window: Window) -> float:
    """How long a window takes to turn over once."""
    return window.span_s + window.guard_min_s
