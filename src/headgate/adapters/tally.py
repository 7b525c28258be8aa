"""Counting, as cheaply as Python can, in values that can be added up across processes.

A count is one addition in a dictionary, under a tuple of the metric's name and its labels' values; a
histogram's observation is a bisection and two additions. prometheus-client, which locks and checks on every
increment, takes three times as long (`docs/decisions/004-own-tallies.md`); it still writes the page.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

Key = tuple[str, ...]
"""A metric's name and the values of its labels."""

SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
OVERHEAD = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0)
BOUNDS: Mapping[str, tuple[float, ...]] = {"overhead_seconds": OVERHEAD}
"""Upper bounds of the buckets, for histograms that are not of the usual `SECONDS`."""


class Histogram:
    """Observations by bucket; the last bucket has no upper bound."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def add(self, counts: Iterable[int], total: float) -> None:
        self.counts = [mine + more for mine, more in zip(self.counts, counts, strict=True)]
        self.total += total


class Snapshot(msgspec.Struct, frozen=True):
    """A tally's state as plain values, fit for a file. Histograms: key, counts, total."""

    counters: list[tuple[Key, float]]
    histograms: list[tuple[Key, list[int], float]]
    gauges: list[tuple[Key, float]]


class Tally:
    """One process's counts. `gauges` are what is so now; the others only grow."""

    def __init__(self) -> None:
        self.counters: defaultdict[Key, float] = defaultdict(float)
        self.histograms: dict[Key, Histogram] = {}
        self.gauges: dict[Key, float] = {}

    def observe(self, key: Key, value: float) -> None:
        histogram = self.histograms.get(key)
        if histogram is None:
            histogram = self.histograms[key] = Histogram(BOUNDS.get(key[0], SECONDS))
        histogram.observe(value)

    def snapshot(self) -> Snapshot:
        return Snapshot(
            counters=list(self.counters.items()),
            histograms=[(key, found.counts, found.total) for key, found in self.histograms.items()],
            gauges=list(self.gauges.items()),
        )

    def add(self, other: Snapshot, *, living: bool) -> None:
        """Adds another process's counts; its gauges only while it lives, the greater of the two where a gauge
        is a state and not an amount."""
        for key, value in other.counters:
            self.counters[key] += value
        for key, counts, total in other.histograms:
            mine = self.histograms.setdefault(key, Histogram(BOUNDS.get(key[0], SECONDS)))
            mine.add(counts, total)
        for key, value in other.gauges if living else ():
            before = self.gauges.get(key, 0.0)
            self.gauges[key] = before + value if key[0] == "in_flight" else max(before, value)
