"""Counting, as cheaply as Python can, in values that can be added up across processes.

What every request counts is a field of its model's `Series`; the rest is a dictionary under tuples of the
metric's name and its labels' values. A histogram's observation is a bisection and two additions.
prometheus-client, which locks and checks on every increment, takes three times as long
(`docs/decisions/004-the-hot-path.md`); it still writes the page.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from headgate.core.price import usd
from headgate.core.reuse import Reuse

UNKNOWN = "unknown"
"""The model of a request that no model served, and the intent of one that nobody classified."""

TOKEN_CLASSES = ("input", "cache_read", "cache_write", "output", "reasoning")

Key = tuple[str, ...]
"""A metric's name and the values of its labels."""

AMOUNTS = frozenset({"in_flight", "in_flight_limit", "limit_usage_ratio", "queue_depth"})
"""Gauges of which every process has its own part."""

SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
CLASSIFICATION = (0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.01, 0.1)
OVERHEAD = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0)
BOUNDS: Mapping[str, tuple[float, ...]] = {
    "overhead_seconds": OVERHEAD,
    "classification_latency_seconds": CLASSIFICATION,
}
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


class Series(msgspec.Struct, eq=False):
    """What is counted of one model on every request: fields, so that a count is one addition.

    Tokens are in their disjoint classes, `cost_nano` in nano-dollars."""

    latency: Histogram
    first_token: Histogram
    finished: int = 0
    served: int = 0
    cost_nano: int = 0
    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0

    def counts(self, model: str, intent: str) -> Iterator[tuple[Key, float]]:
        yield ("model_requests_total", model), self.served
        if self.finished:
            yield ("requests_total", model, intent, "finished"), self.finished
        if self.cost_nano:
            yield ("cost_usd_total", model), usd(self.cost_nano)
        for kind in TOKEN_CLASSES:
            if count := getattr(self, kind):
                yield ("tokens_total", model, kind), count


class KeySeries(msgspec.Struct, eq=False):
    """The same of one key of a provider."""

    served: int = 0
    tokens: int = 0
    cost_nano: int = 0

    def counts(self, provider: str, key: str) -> Iterator[tuple[Key, float]]:
        yield ("key_requests_total", provider, key), self.served
        yield ("key_tokens_total", provider, key), self.tokens
        if self.cost_nano:
            yield ("key_cost_usd_total", provider, key), usd(self.cost_nano)


class HereSeries(msgspec.Struct, eq=False):
    """What a tenant was answered from here: of one model, asked for one thing, in one way."""

    finished: int = 0
    told: int = 0
    saved_nano: int = 0

    def counts(self, model: str, intent: str, tenant: str, reuse: Reuse) -> Iterator[tuple[Key, float]]:
        if self.finished:
            yield ("requests_total", model, intent, "finished"), self.finished
        if reuse is Reuse.COALESCED:
            yield ("coalesced_total",), self.told
        else:
            yield ("cache_requests_total", reuse, "hit"), self.told
        yield ("tenant_cache_requests_total", tenant, reuse), self.told
        if self.saved_nano:
            yield ("saved_usd_total", reuse), usd(self.saved_nano)
            yield ("tenant_saved_usd_total", tenant), usd(self.saved_nano)


class Tally:
    """One process's counts. `gauges` are what is so now; the others only grow. `missed`: requests of each
    tenant that could have been answered from here and were not; `here`: those that were."""

    def __init__(self) -> None:
        self.counters: defaultdict[Key, float] = defaultdict(float)
        self.histograms: dict[Key, Histogram] = {}
        self.gauges: dict[Key, float] = {}
        self.series: dict[tuple[str, str], Series] = {}
        self.keys: dict[tuple[str, str], KeySeries] = {}
        self.here: defaultdict[tuple[str, str, str, Reuse], HereSeries] = defaultdict(HereSeries)
        self.missed: defaultdict[str, int] = defaultdict(int)

    def histogram(self, *key: str) -> Histogram:
        """The histogram of that name and those labels, made on first use."""
        found = self.histograms.get(key)
        if found is None:
            found = self.histograms[key] = Histogram(BOUNDS.get(key[0], SECONDS))
        return found

    def of(self, model: str, intent: str = UNKNOWN) -> Series:
        """The series of a model and what it is asked, made on first use."""
        found = self.series.get((model, intent))
        if found is None:
            latency = self.histogram("latency_seconds", model, intent)
            found = Series(latency, self.histogram("time_to_first_token_seconds", model))
            self.series[model, intent] = found
        return found

    def key(self, provider: str, key: str) -> KeySeries:
        """That of a key, made on first use."""
        found = self.keys.get((provider, key))
        if found is None:
            found = self.keys[provider, key] = KeySeries()
        return found

    def snapshot(self) -> Snapshot:
        counters = list(self.counters.items())
        for (model, intent), series in list(self.series.items()):
            counters += series.counts(model, intent)
        for named, key in list(self.keys.items()):
            counters += key.counts(*named)
        for about, here in list(self.here.items()):
            counters += here.counts(*about)
        for tenant, missed in list(self.missed.items()):
            counters.append((("cache_requests_total", "exact", "miss"), missed))
            counters.append((("tenant_cache_requests_total", tenant, "miss"), missed))
        return Snapshot(
            counters=counters,
            histograms=[(key, found.counts, found.total) for key, found in list(self.histograms.items())],
            gauges=list(self.gauges.items()),
        )

    def add(self, other: Snapshot, *, living: bool) -> None:
        """Adds another process's counts; its gauges only while it lives, the greater of the two where a gauge
        is a state and not an amount."""
        for key, value in other.counters:
            self.counters[key] += value
        for key, counts, total in other.histograms:
            self.histogram(*key).add(counts, total)
        for key, value in other.gauges if living else ():
            before = self.gauges.get(key, 0.0)
            self.gauges[key] = before + value if key[0] in AMOUNTS else max(before, value)
