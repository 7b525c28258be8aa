"""Arrivals: in order, within their time, and as many as was said."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.arrivals import DAY_S, HOUR_S, Arrivals, Bursts, Constant, Curve, Poisson

rates = st.floats(0.5, 600.0)
processes = st.one_of(
    st.builds(Constant, rates),
    st.builds(Poisson, rates),
    st.builds(Bursts, st.integers(1, 50), st.floats(1.0, 600.0), st.floats(0.0, 1.0)),
    st.dictionaries(st.floats(0.0, 23.9), rates, min_size=1, max_size=6).map(
        lambda points: Curve(tuple(sorted(points.items())))
    ),
)


@given(processes, st.integers(), st.floats(0.0, DAY_S), st.floats(0.0, 900.0))
def test_times_are_in_order_and_in_their_span(
    process: Arrivals, seed: int, from_s: float, span_s: float
) -> None:
    times = list(process.times(Random(seed), from_s, from_s + span_s))
    assert times == list(process.times(Random(seed), from_s, from_s + span_s))
    assert all(from_s <= at < from_s + span_s for at in times)
    assert all(before <= after for before, after in pairwise(times))


@pytest.mark.parametrize(
    ("process", "expected"),
    [(Constant(30.0), 1800), (Poisson(30.0), 1800), (Bursts(30, 60.0), 1800), (Curve(((3.0, 30.0),)), 1800)],
)
def test_as_many_come_as_was_said(process: Arrivals, expected: int) -> None:
    assert len(list(process.times(Random(1), 0.0, HOUR_S))) == pytest.approx(expected, rel=0.06)


def test_a_curve_is_straight_between_its_points_and_goes_on_past_midnight() -> None:
    curve = Curve(((6.0, 0.0), (12.0, 60.0), (18.0, 60.0)))
    assert [curve.rpm(hour * HOUR_S) for hour in (6, 9, 12, 15, 18, 0, 24, 30)] == [
        *(0.0, 30.0, 60.0, 60.0, 60.0, 30.0, 30.0, 0.0),
    ]
    times = list(curve.times(Random(1), 0.0, DAY_S))
    by_hour = [sum(at // HOUR_S == hour for at in times) for hour in range(24)]
    assert by_hour[13] == pytest.approx(3600, rel=0.06)
    assert by_hour[6] == pytest.approx(300, rel=0.25)


def test_a_curve_at_nought_brings_nobody() -> None:
    assert not list(Curve(((0.0, 0.0),)).times(Random(1), 0.0, DAY_S))
