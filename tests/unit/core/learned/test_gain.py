"""RouteLLM's measures: by hand, and as laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.learned.gain import Curve, curve, interval, measure

TEN = np.arange(10, dtype=float)


@st.composite
def outcomes(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores that all differ, and two models of which the strong one is better."""
    size = draw(st.integers(2, 60))
    weak = np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)), float)
    strong = np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)), float)
    strong[0], weak[0] = 1.0, 0.0
    scores = np.array(draw(st.permutations(range(size))), float)
    return scores, weak, strong


def test_ten_rows_by_hand() -> None:
    # gains at the two highest scores, nothing anywhere else: from 20 % of calls on, the gap is closed
    weak, strong = np.array([1.0] * 8 + [0.0] * 2), np.ones(10)
    found = curve(TEN, weak, strong)
    assert found.shares == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1])
    assert found.accuracies == pytest.approx([0.8, 0.9, *[1.0] * 9])
    # area over the weak model: triangle and trapezoid of 0.1 each, then 0.8 wide: 0.005 + 0.015 + 0.16
    assert found.apgr() == pytest.approx((0.005 + 0.015 + 0.16) / 0.2)
    assert found.cpt(0.5) == pytest.approx(0.1)
    assert found.cpt(0.8) == pytest.approx(0.16)


def test_the_wrong_way_round_costs_what_the_right_way_gains() -> None:
    weak, strong = np.array([1.0] * 8 + [0.0] * 2), np.ones(10)
    assert curve(-TEN, weak, strong).apgr() == pytest.approx(1 - curve(TEN, weak, strong).apgr())
    assert curve(-TEN, weak, strong).cpt(0.5) == pytest.approx(0.9)


def test_a_router_that_tells_nothing_is_worth_chance() -> None:
    rows = np.array([0.0, 1, 1, 0]), np.array([1.0, 1, 1, 0])
    found = curve(np.zeros(4), *rows)
    assert (found.shares[0], found.shares[-1]) == (0, 1)
    assert found.apgr() == pytest.approx(0.5)
    assert found.cpt(0.8) == pytest.approx(0.8)


def test_chance_is_worth_a_half() -> None:
    generator = np.random.default_rng(1)
    weak = (generator.random(20_000) < 0.6).astype(float)
    strong = (generator.random(20_000) < 0.9).astype(float)
    assert curve(generator.random(20_000), weak, strong).apgr() == pytest.approx(0.5, abs=0.02)


def test_without_a_gap_there_is_nothing_to_say() -> None:
    found = measure(TEN, np.ones(10), np.ones(10))
    assert math.isnan(found.apgr)
    assert all(math.isnan(one) for one in found.interval)


def test_the_first_crossing_counts() -> None:
    bumpy = Curve((0, 0.25, 0.5, 0.75, 1), (0.0, 0.6, 0.4, 0.8, 1.0), 0.0, 1.0)
    assert bumpy.cpt(0.5) == pytest.approx(0.25 * 0.5 / 0.6)
    assert bumpy.cpt(0) == 0
    assert Curve((0, 1), (0.0, 0.5), 0.0, 1.0).cpt(0.8) == 1


@given(outcomes())
def test_any_rising_change_of_the_scores_changes_nothing(
    rows: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    scores, weak, strong = rows
    ranked = np.argsort(np.argsort(scores)).astype(float)
    assert curve(scores, weak, strong) == curve(ranked, weak, strong)
    assert curve(scores, weak, strong) == curve(scores * 4 - 7, weak, strong)


@given(outcomes())
def test_no_router_beats_one_that_knows(rows: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    scores, weak, strong = rows
    if strong.mean() <= weak.mean():
        return
    ordered = np.argsort(np.argsort(strong - weak, kind="stable")).astype(float)
    assert curve(scores, weak, strong).apgr() <= curve(ordered, weak, strong).apgr() + 1e-9


@given(outcomes(), st.sampled_from([0.1, 0.5, 0.8, 1.0]))
def test_cpt_reads_the_curve_as_numpy_does_where_it_only_rises(
    rows: tuple[np.ndarray, np.ndarray, np.ndarray], part: float
) -> None:
    scores, weak, _ = rows
    found = curve(scores, weak, np.ones(len(weak)))
    wanted = found.weak + part * (found.strong - found.weak)
    accuracies = np.array(found.accuracies)
    rising = np.concatenate([[True], np.diff(accuracies) > 0])
    if wanted in accuracies or not rising.all():
        return
    assert found.cpt(part) == pytest.approx(np.interp(wanted, accuracies, found.shares))


def test_the_interval_holds_what_was_measured_and_comes_again() -> None:
    generator = np.random.default_rng(2)
    weak = (generator.random(400) < 0.5).astype(float)
    scores = generator.random(400) - weak
    found = measure(scores, weak, np.ones(400), seed=3)
    assert found.interval[0] < found.apgr < found.interval[1]
    assert found.interval == interval(scores, weak, np.ones(400), seed=3)
    assert found.interval != interval(scores, weak, np.ones(400), seed=4)
