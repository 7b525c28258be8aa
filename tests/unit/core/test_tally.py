"""Counts that can be added up."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.tally import OVERHEAD, SECONDS, Histogram, Snapshot, Tally

SECONDS_SEEN = st.lists(st.floats(0, 1_000), max_size=30)


@given(SECONDS_SEEN)
def test_a_histogram_holds_every_observation_once(seen: list[float]) -> None:
    histogram = Histogram(SECONDS)
    for value in seen:
        histogram.observe(value)
    assert sum(histogram.counts) == len(seen)
    for bound, below in zip(SECONDS, _cumulated(histogram), strict=False):
        assert below == sum(value <= bound for value in seen)


def _cumulated(histogram: Histogram) -> list[int]:
    return [sum(histogram.counts[: at + 1]) for at in range(len(histogram.counts))]


@given(SECONDS_SEEN, SECONDS_SEEN)
def test_adding_two_is_counting_both(ours: list[float], theirs: list[float]) -> None:
    both, one, other = Tally(), Tally(), Tally()
    for tally, seen in ((one, ours), (other, theirs)):
        for value in seen:
            for counted in (tally, both):
                counted.counters["errors_total", "m", "E"] += 1
                counted.histogram("overhead_seconds").observe(value)
                counted.of("m").latency.observe(value)
                counted.of("m").served += 1
    one.add(other.snapshot(), living=True)
    wanted, found = both.snapshot(), one.snapshot()
    assert dict(wanted.counters).get(("errors_total", "m", "E"), 0) == one.counters["errors_total", "m", "E"]
    assert _served(found) == len(ours) + len(theirs)
    assert {key: counts for key, counts, _ in found.histograms} == {
        key: counts for key, counts, _ in wanted.histograms
    } or not ours


def _served(snapshot: Snapshot) -> float:
    return sum(value for key, value in snapshot.counters if key[0] == "model_requests_total")


def test_gauges_of_the_dead_are_not_counted() -> None:
    mine, theirs = Tally(), Tally()
    mine.gauges = {("in_flight",): 2.0, ("breaker_state", "u"): 0.0, ("model_health", "m"): 1.0}
    theirs.gauges = {("in_flight",): 3.0, ("breaker_state", "u"): 2.0, ("model_health", "n"): 1.0}
    theirs.counters["errors_total", "m", "E"] = 4.0
    mine.add(theirs.snapshot(), living=False)
    assert mine.gauges["in_flight",] == 2.0
    assert mine.counters["errors_total", "m", "E"] == 4.0
    mine.add(theirs.snapshot(), living=True)
    assert mine.gauges["in_flight",] == 5.0, "an amount is added up"
    assert mine.gauges["breaker_state", "u"] == 2.0, "of a state, the worse"
    assert mine.gauges["model_health", "n"] == 1.0


def test_a_snapshot_survives_a_file() -> None:
    tally = Tally()
    tally.of("m").served += 1
    tally.of("m").cost_nano += 5
    tally.of("m").output += 7
    tally.histogram("overhead_seconds").observe(0.0002)
    tally.gauges["in_flight",] = 1.0
    snapshot = tally.snapshot()
    assert msgspec.json.decode(msgspec.json.encode(snapshot), type=Snapshot) == snapshot
    assert ((("tokens_total", "m", "output"), 7)) in snapshot.counters
    assert (("cost_usd_total", "m"), 5e-9) in snapshot.counters


def test_overhead_has_buckets_of_its_own() -> None:
    tally = Tally()
    assert tally.histogram("overhead_seconds").bounds == OVERHEAD
    assert tally.histogram("latency_seconds", "m", "unknown").bounds == SECONDS
    assert tally.histogram("latency_seconds", "m", "unknown") is tally.of("m").latency
