"""When to try again, and how often at most."""

from __future__ import annotations

from random import Random

import msgspec


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """Exponential with full jitter (Brooker, *Exponential Backoff And Jitter*, AWS 2015).

    `base_s` is the ceiling of the first wait in seconds, doubled each round up to `cap_s`.
    """

    base_s: float = 0.2
    cap_s: float = 5.0

    def wait_s(self, round_: int, chance: Random) -> float:
        """Seconds to wait before round 1, 2, …"""
        return chance.uniform(0.0, min(self.cap_s, self.base_s * 2.0 ** min(round_ - 1, 32)))


class RetryBudget:
    """Retries (or hedges) may be at most `ratio` of requests, so that retrying cannot become the overload.

    A bucket: every request puts `ratio` tokens in, every retry takes one out. `reserve` tokens are there
    from the start, for the first failures of a quiet day; the bucket holds `ceiling`, or ten times that. A
    `ratio` of 0 means no retries at all, the reserve included.
    """

    __slots__ = ("_ceiling", "_ratio", "_tokens")

    def __init__(self, *, ratio: float = 0.2, reserve: float = 10.0, ceiling: float | None = None) -> None:
        self._ratio = ratio
        self._tokens = reserve if ratio else 0.0
        self._ceiling = reserve * 10.0 if ceiling is None else ceiling

    def deposit(self) -> None:
        """A request has arrived."""
        if self._tokens < self._ceiling:
            self._tokens += self._ratio

    def withdraw(self) -> bool:
        """Whether one more retry is within the budget; if so it is taken."""
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
