"""What one payer may do in a minute: a key of a caller's, its tenant, its tier, a route. Requests and tokens
in any 60 seconds, measured at our own door, all of it or nothing; and several of these at once.

What is taken within 1/4096 of the minute shares an entry, which leaves a minute after its last moment: so the
limit holds in every window, memory is bounded, and each errs by 15 ms at most, on the safe side. A clock that
is set back takes nothing away: the newest entry goes on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from math import inf
from typing import Any, Protocol

import msgspec

from headgate.core.allowance import FREE, Grant, Rates
from headgate.core.leased import LeasedWindows
from headgate.core.window import GRAINS, MINUTE_S

GRAIN_S = MINUTE_S / GRAINS
LASTS_S = GRAIN_S + MINUTE_S
"""What was taken from a moment on has left so long after it."""


class Allowed(msgspec.Struct, frozen=True, gc=False):
    """Limits of a minute, and what is left of them; `None` where there is none. They are whole again after
    `reset_s` seconds, if nobody asks."""

    requests: int | None
    tokens: int | None
    requests_left: int
    tokens_left: int
    reset_s: float = 0.0


class Limits(Protocol):
    """What `pipeline.quota` asks: one quota, or several at once. What `take` returns is given back to it,
    once, by `settle` or `cancel`."""

    @property
    def metered(self) -> bool:
        """Whether tokens count."""
        ...

    @property
    def fetched(self) -> bool:
        """Whether there may be room that is only not here yet: `next_at` says when it may have come."""
        ...

    def take(self, now: float, tokens: int) -> Any:
        """A request's part of every limit; None, and none of any, where one of them is used up."""
        ...

    def next_at(self, now: float, tokens: int) -> float:
        """When the same might be taken; infinity where that cannot be known."""
        ...

    def settle(self, taken: Any, tokens: int) -> None:
        """It took so many tokens."""
        ...

    def cancel(self, taken: Any) -> None:
        """It has come to nothing, by no doing of the caller's."""
        ...

    def allowed(self, now: float) -> Allowed: ...


class Entry:
    """What was taken from `since` on, `until` its grain is over."""

    __slots__ = ("calls", "here", "since", "tokens", "until")

    def __init__(self, since: float) -> None:
        self.since = since
        self.until = since + GRAIN_S
        self.calls = 0
        self.tokens = 0
        self.here = True


Taken = tuple[Entry, int]
"""One request's part: where it is counted, and as how many tokens."""
BOUNDLESS = 1 << 62
"""Of what has no limit."""


class Quota:
    """`Limits` of this process alone. Times are the clock's seconds. What is left is counted: less than
    nothing where limits were cut, or a request took more than was thought."""

    __slots__ = ("_calls", "_entries", "_leaves_at", "_newest", "_rpm", "_tokens", "_tpm", "metered", "rates")

    fetched = False

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._newest = Entry(-inf)
        self._leaves_at = inf
        self._rpm = self._calls = BOUNDLESS
        self._tpm = self._tokens = BOUNDLESS
        self.allow(FREE)

    def allow(self, rates: Rates) -> None:
        """So much, from now on; what was used before still counts."""
        self.rates = rates
        self.metered = rates.tpm is not None
        rpm = BOUNDLESS if rates.rpm is None else rates.rpm
        tpm = BOUNDLESS if rates.tpm is None else rates.tpm
        self._calls += rpm - self._rpm
        self._tokens += tpm - self._tpm
        self._rpm, self._tpm = rpm, tpm

    def take(self, now: float, tokens: int) -> Taken | None:
        if now >= self._leaves_at:
            self._expire(now)
        if tokens > self._tpm:  # a request for more than all is let through where nothing is used
            tokens = self._tpm or 1
        if self._calls < 1 or tokens > self._tokens:
            return None
        entry = self._newest
        if now >= entry.until:
            entry = self._begin(now)
        entry.calls += 1
        entry.tokens += tokens
        self._calls -= 1
        self._tokens -= tokens
        return entry, tokens

    def _begin(self, now: float) -> Entry:
        if not self._entries:
            self._leaves_at = now + LASTS_S
        entry = self._newest = Entry(now)
        self._entries.append(entry)
        return entry

    def _expire(self, now: float) -> None:
        entries = self._entries
        while entries and entries[0].since + LASTS_S <= now:
            entry = entries.popleft()
            entry.here = False
            self._calls += entry.calls
            self._tokens += entry.tokens
        if entries:
            self._leaves_at = entries[0].since + LASTS_S
        else:
            self._leaves_at, self._newest = inf, Entry(-inf)

    def next_at(self, now: float, tokens: int) -> float:
        self._expire(now)
        calls, more = 1 - self._calls, min(tokens, self._tpm) - self._tokens
        if calls <= 0 and more <= 0:
            return now
        for entry in self._entries:
            calls -= entry.calls
            more -= entry.tokens
            if calls <= 0 and more <= 0:
                return entry.since + LASTS_S
        return inf

    def settle(self, taken: Taken, tokens: int) -> None:
        entry, before = taken
        if entry.here:
            more = tokens - before
            entry.tokens += more
            self._tokens -= more

    def cancel(self, taken: Taken) -> None:
        entry, tokens = taken
        if entry.here:
            entry.calls -= 1
            entry.tokens -= tokens
            self._calls += 1
            self._tokens += tokens

    def allowed(self, now: float) -> Allowed:
        if now >= self._leaves_at:
            self._expire(now)
        rates, reset_s = self.rates, self._newest.since + LASTS_S - now
        return Allowed(
            rates.rpm,
            rates.tpm,
            0 if rates.rpm is None else max(self._calls, 0),
            0 if rates.tpm is None else max(self._tokens, 0),
            reset_s if reset_s > 0.0 else 0.0,
        )


class Shared:
    """`Limits` that several processes hold together. While their store is away each goes on with its part,
    at once: to refuse who has room left would be worse than to let a few through too many, for a minute."""

    fetched = True

    def __init__(self, minute: LeasedWindows, now: Callable[[], float]) -> None:
        self._minute = minute
        self._now = now

    @property
    def metered(self) -> bool:
        return self._minute.rates.tpm is not None

    def allow(self, rates: Rates) -> None:
        if rates != self._minute.rates:
            self._minute.allow(rates)

    def take(self, now: float, tokens: int) -> Grant | None:
        """There is no wire between the caller and us: what is let through is here."""
        grant = self._minute.reserve(now, tokens) or self._minute.reserve_part(now, tokens)
        if grant is not None:
            self._minute.answered(grant, now)
        return grant

    def next_at(self, now: float, tokens: int) -> float:
        return self._minute.next_at(now, tokens)

    def settle(self, taken: Grant, tokens: int) -> None:
        self._minute.settle(taken, tokens, self._now())

    def cancel(self, taken: Grant) -> None:
        self._minute.cancel(taken, self._now())

    def allowed(self, now: float) -> Allowed:
        rates, levels = self._minute.rates, self._minute.levels(now)
        return Allowed(
            rates.rpm,
            rates.tpm,
            max(0, (rates.rpm or 0) - levels.calls),
            max(0, (rates.tpm or 0) - levels.tokens),
            self._minute.clears_at(now) - now,
        )


class Several:
    """Several limits as one: a request takes its part of all of them, or of none."""

    def __init__(self, each: Sequence[Limits]) -> None:
        self._each = tuple(each)
        self.metered = any(one.metered for one in each)
        self.fetched = any(one.fetched for one in each)

    def take(self, now: float, tokens: int) -> list[tuple[Limits, Any]] | None:
        found: list[tuple[Limits, Any]] = []
        for one in self._each:
            taken = one.take(now, tokens)
            if taken is None:
                self.cancel(found)
                return None
            found.append((one, taken))
        return found

    def next_at(self, now: float, tokens: int) -> float:
        return max(one.next_at(now, tokens) for one in self._each)

    def settle(self, taken: list[tuple[Limits, Any]], tokens: int) -> None:
        for one, part in taken:
            one.settle(part, tokens)

    def cancel(self, taken: list[tuple[Limits, Any]]) -> None:
        for one, part in taken:
            one.cancel(part)

    def allowed(self, now: float) -> Allowed:
        """Of each kind, that of which least is left."""
        each = [one.allowed(now) for one in self._each]
        calls = min((one for one in each if one.requests is not None), key=_requests_left, default=None)
        tokens = min((one for one in each if one.tokens is not None), key=_tokens_left, default=None)
        return Allowed(
            calls.requests if calls else None,
            tokens.tokens if tokens else None,
            calls.requests_left if calls else 0,
            tokens.tokens_left if tokens else 0,
            max(one.reset_s for one in each),
        )


def _requests_left(of: Allowed) -> int:
    return of.requests_left


def _tokens_left(of: Allowed) -> int:
    return of.tokens_left
