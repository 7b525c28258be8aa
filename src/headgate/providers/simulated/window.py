"""Limits as true sliding windows: in no span, wherever it is laid, is more granted than allowed."""

from __future__ import annotations

from collections import deque
from math import inf

import msgspec

from headgate.providers.simulated.settings import Limits

MINUTE_S = 60.0
BURST_S = 1.0


class Window:
    """Amounts granted in the last `span_s` seconds.

    An amount granted at t counts at every moment from t up to, but not at, t + span: a window is
    [s, s + span). What is granted at one moment is one entry, so the clock's resolution bounds memory.
    """

    __slots__ = ("_entries", "_level", "_span_s", "worst")

    def __init__(self, span_s: float) -> None:
        self._span_s = span_s
        self._entries: deque[tuple[float, int]] = deque()
        self._level = 0
        self.worst = 0

    def level(self, now: float) -> int:
        """What counts at `now`."""
        entries = self._entries
        while entries and entries[0][0] + self._span_s <= now:
            self._level -= entries.popleft()[1]
        return self._level

    def free_at(self, now: float, amount: int, capacity: int | None) -> float:
        """The first moment from `now` on at which `amount` more would fit; infinity where it never will."""
        if capacity is None:
            return now
        over = self.level(now) + amount - capacity
        if over <= 0:
            return now
        if amount > capacity:
            return inf
        for granted_at, granted in self._entries:
            over -= granted
            if over <= 0:
                return granted_at + self._span_s
        return inf

    def grant(self, now: float, amount: int) -> None:
        """Counts `amount` from `now` on; `now` never goes back."""
        self._level = self.level(now) + amount
        if self._entries and self._entries[-1][0] == now:
            amount += self._entries.pop()[1]
        self._entries.append((now, amount))
        self.worst = max(self.worst, self._level)

    def empty_in_s(self, now: float) -> float:
        """Seconds until nothing counts any more."""
        if not self.level(now):
            return 0.0
        return self._entries[-1][0] + self._span_s - now


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a key stands with one of its limits: for the headers providers send."""

    limit: int
    used: int
    empty_in_s: float

    @property
    def remaining(self) -> int:
        return max(self.limit - self.used, 0)


class Denial(msgspec.Struct, frozen=True, kw_only=True):
    """A request that does not fit: `what` is requests | tokens | burst; `retry_after_s` is exact, and
    `None` where the request alone is over the limit."""

    what: str
    limit: int
    used: int
    asked: int
    retry_after_s: float | None


class Gate:
    """One key's limits. A request is granted in all three windows at once, or in none."""

    __slots__ = ("_burst", "_requests", "_tokens", "limits")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._requests = Window(MINUTE_S)
        self._tokens = Window(MINUTE_S)
        self._burst = Window(BURST_S)

    def admit(self, now: float, tokens: int) -> Denial | None:
        """Grants a request of `tokens`, or says which limit forbids it longest."""
        trials = (
            ("requests", self._requests, 1, self.limits.rpm),
            ("tokens", self._tokens, tokens, self.limits.tpm),
            ("burst", self._burst, 1, self.limits.burst),
        )
        free_at, what, window, amount, limit = max(
            (
                (window.free_at(now, amount, limit), what, window, amount, limit or 0)
                for what, window, amount, limit in trials
            ),
            key=lambda trial: trial[0],
        )
        if free_at > now:
            wait = None if free_at == inf else free_at - now
            return Denial(what=what, limit=limit, used=window.level(now), asked=amount, retry_after_s=wait)
        for _, granted, share, _ in trials:
            granted.grant(now, share)
        return None

    def standing(self, now: float) -> dict[str, Standing]:
        """By `requests` and `tokens`, those that are limited."""
        both = {"requests": (self._requests, self.limits.rpm), "tokens": (self._tokens, self.limits.tpm)}
        return {
            what: Standing(limit=limit, used=window.level(now), empty_in_s=window.empty_in_s(now))
            for what, (window, limit) in both.items()
            if limit is not None
        }

    def worst(self) -> dict[str, int]:
        """The fullest windows so far."""
        return {
            "requests_in_60_s": self._requests.worst,
            "tokens_in_60_s": self._tokens.worst,
            "requests_in_1_s": self._burst.worst,
        }
