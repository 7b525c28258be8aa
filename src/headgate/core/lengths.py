"""What an estimate of a wait is made of: how long the queues of many are, and at what pace requests come."""

from __future__ import annotations

from math import exp

TAU_S = 5.0
"""The memory of a pace: what happened so long ago counts for a third."""

FORGOTTEN = 1e-3
"""A pace below this has come to an end; the next event begins another."""

YOUNG_S = 0.25
"""What has gone on for less than this is taken for as old."""


class Lengths:
    """The lengths of many queues, known only as counts: of how many queues there are of at least 1, 2, … .

    A Fenwick tree (Fenwick, *A New Data Structure for Cumulative Frequency Tables*, 1994): a change and a sum
    are O(log of the longest queue).
    """

    __slots__ = ("_total", "_tree")

    def __init__(self) -> None:
        self._tree = [0, 0]
        self._total = 0

    def grow(self, to: int) -> None:
        """A queue is one longer than it was: `to`."""
        while to >= len(self._tree):  # twice as long: the new last node stands for all there are
            self._tree += [0] * (len(self._tree) - 2) + [self._total]
        self._add(to, 1)

    def shrink(self, was: int) -> None:
        """A queue is one shorter than it was: `was`."""
        self._add(was, -1)

    def up_to(self, most: int) -> int:
        """The sum of all lengths, of each no more than `most`."""
        at, found = min(most, len(self._tree) - 1), 0
        while at > 0:
            found += self._tree[at]
            at &= at - 1
        return found

    def _add(self, at: int, change: int) -> None:
        self._total += change
        while at < len(self._tree):
            self._tree[at] += change
            at += at & -at


class Pace:
    """Events a second, an average with exponential memory."""

    __slots__ = ("_at", "_rate", "_since", "_tau_s")

    def __init__(self, tau_s: float = TAU_S) -> None:
        self._rate = 0.0
        self._at = 0.0
        self._since = 0.0
        self._tau_s = tau_s

    def one(self, now: float) -> None:
        """It has happened once more."""
        before = self.per_s(now)
        if before < FORGOTTEN:
            self._since = now
        self._rate = before + 1.0 / self._tau_s
        self._at = now

    def per_s(self, now: float) -> float:
        return self._rate * exp((self._at - now) / self._tau_s) if self._rate else 0.0

    def likely(self, now: float) -> float:
        """The same, where it has just begun: what it will come to if it goes on like this."""
        rate = self.per_s(now)
        return rate / (1.0 - exp(-max(now - self._since, YOUNG_S) / self._tau_s)) if rate else 0.0
