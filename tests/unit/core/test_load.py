"""Peak-EWMA: quick to believe a worse latency, slow to forget it."""

from __future__ import annotations

from math import exp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.core.load import UNTRIED, PeakEwma

latencies = st.floats(1e-4, 300.0)
steps = st.lists(st.tuples(latencies, st.floats(0.0, 100.0)), min_size=1, max_size=30)


def test_an_upstream_that_is_idle_and_untried_is_the_least_loaded_of_all() -> None:
    assert PeakEwma().load(0, 0.0) == 0.0


def test_an_untried_upstream_with_a_call_in_hand_loses_to_any_that_has_answered() -> None:
    slow = PeakEwma()
    slow.observe(120.0, 0.0)
    assert PeakEwma().load(1, 0.0) == UNTRIED > slow.load(60, 0.0)


def test_who_gave_up_says_how_slow_it_is_at_least() -> None:
    ewma = PeakEwma()
    ewma.observe(2.0, 0.0)
    ewma.at_least(1.0, 0.0)
    assert ewma.latency(0.0) == 2.0
    ewma.at_least(3.0, 0.0)
    assert ewma.latency(0.0) == 3.0


def test_a_worse_latency_is_believed_at_once() -> None:
    ewma = PeakEwma()
    ewma.observe(0.1, 0.0)
    ewma.observe(9.0, 1.0)
    assert ewma.latency(1.0) == 9.0


def test_a_better_one_is_believed_by_time_constants() -> None:
    ewma = PeakEwma(tau_s=10.0)
    ewma.observe(9.0, 0.0)
    ewma.observe(1.0, 10.0)
    assert ewma.latency(10.0) == pytest.approx(9.0 * exp(-1) + 1.0 * (1 - exp(-1)))


def test_what_is_not_seen_again_fades() -> None:
    ewma = PeakEwma(tau_s=10.0)
    ewma.observe(8.0, 0.0)
    assert ewma.latency(20.0) == pytest.approx(8.0 * exp(-2))


@given(steps)
@settings(max_examples=60, deadline=None)
def test_the_estimate_stays_between_the_best_and_the_worst_seen(history: list[tuple[float, float]]) -> None:
    ewma, now = PeakEwma(), 0.0
    for latency, gap in history:
        now += gap
        ewma.observe(latency, now)
        seen = [seconds for seconds, _ in history]
        assert min(seen) * (1 - 1e-9) <= ewma.latency(now) <= max(seen) * (1 + 1e-9)
        assert ewma.latency(now) >= latency * (1 - 1e-9)


@given(steps, st.integers(0, 100))
@settings(max_examples=60, deadline=None)
def test_one_more_call_in_hand_is_never_less_load(history: list[tuple[float, float]], in_flight: int) -> None:
    ewma, now = PeakEwma(), 0.0
    for latency, gap in history:
        now += gap
        ewma.observe(latency, now)
    assert ewma.load(in_flight + 1, now) > ewma.load(in_flight, now) >= 0.0


@given(latencies, st.floats(0.1, 60.0))
@settings(max_examples=60, deadline=None)
def test_a_penalty_adds_to_what_was_believed(latency: float, penalty: float) -> None:
    ewma = PeakEwma()
    ewma.observe(latency, 0.0)
    ewma.penalise(penalty, 0.0)
    assert ewma.latency(0.0) == pytest.approx(latency + penalty)


def test_an_upstream_that_answers_in_no_time_counts_as_tried() -> None:
    """In virtual time an answer may take 0 s: it must not look like one that never came."""
    ewma = PeakEwma()
    ewma.observe(0.0, 0.0)
    assert ewma.load(1, 0.0) < UNTRIED
