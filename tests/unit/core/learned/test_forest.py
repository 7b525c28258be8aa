"""Forests: that they learn combinations, that what they say of unseen rows is honest, that every way down
ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.learned.fit import Rows, fit, steps
from headgate.core.learned.forest import MAX_DEPTH, NEVER, Forest, Growth, Walk, batches, grow
from headgate.core.learned.machine import Exact, Matrix

SMALL = Growth(trees=24, leaf=4, tries=8)


def grown(rows: Matrix, target: Exact, growth: Growth = SMALL, seed: int = 0) -> tuple[Forest, Exact]:
    told: list[None] = []
    found = grow(
        rows, lambda some: target[some], growth, np.random.default_rng(seed), lambda: told.append(None)
    )
    assert len(told) == batches(growth.trees, len(rows))
    return found


def either_or(count: int, seed: int) -> tuple[Matrix, Exact]:
    """1 where exactly one of two features is above the middle: neither says anything alone. Eight more are
    chance."""
    rows = np.random.default_rng(seed).random((count, 10)).astype(np.float32)
    return rows, ((rows[:, 0] > 0.5) != (rows[:, 1] > 0.5)).astype(np.float64)


def test_it_learns_what_no_feature_says_alone() -> None:
    forest, _ = grown(*either_or(1500, 1), Growth(trees=60, leaf=4, tries=30))
    rows, target = either_or(500, 2)
    assert np.corrcoef(forest.scores(rows), target)[0, 1] > 0.8


def test_of_chance_it_learns_nothing_and_says_so() -> None:
    """A forest knows the rows it was grown on by heart; what it says of those left out must not."""
    chance = np.random.default_rng(3)
    rows, target = chance.random((600, 10)).astype(np.float32), chance.random(600)
    forest, held_out = grown(rows, target)
    assert np.corrcoef(forest.scores(rows), target)[0, 1] > 0.5
    assert abs(np.corrcoef(held_out, target)[0, 1]) < 0.15


@given(
    st.integers(1, 60),
    st.integers(1, 4),
    st.integers(0, 99),
    st.sampled_from(["same", "few", "many"]),
)
def test_every_way_down_ends_in_a_mean_of_enough_rows(count: int, width: int, seed: int, values: str) -> None:
    chance = np.random.default_rng(seed)
    kinds = {"same": np.zeros((count, width)), "few": chance.integers(0, 2, (count, width))}
    rows = np.asarray(kinds.get(values, chance.normal(size=(count, width))), dtype=np.float32)
    target = chance.random(count)
    forest, held_out = grown(rows, target, Growth(trees=3, leaf=2, tries=3), seed)
    places = np.arange(len(forest.child))
    leaves = forest.child == places
    assert (forest.threshold[leaves] == NEVER).all()
    assert (forest.child[~leaves] > places[~leaves]).all()
    assert (forest.child[~leaves] < len(places) - 1).all()
    assert forest.depth <= MAX_DEPTH
    scores = forest.scores(rows)
    assert (scores >= target.min() - 1e-6).all()
    assert (scores <= target.max() + 1e-6).all()
    assert np.isfinite(held_out).all()
    walk = Walk(forest)
    assert [walk.score(row) for row in rows] == pytest.approx(scores.tolist(), abs=1e-6)


def test_a_deep_forest_ends_too() -> None:
    """Of one feature each power of two lies far from the others: a tree splits off one row at a time."""
    rows = (2.0 ** np.arange(0, 120, dtype=np.float64))[:, None].astype(np.float32)
    forest, _ = grown(rows, np.arange(120.0), Growth(trees=4, leaf=1, tries=1))
    assert forest.depth == MAX_DEPTH
    assert np.isfinite(forest.scores(rows)).all()


def made(target: Exact, features: Matrix, told: Exact | None = None) -> Rows:
    names = tuple(f"f{place}" for place in range(features.shape[1]))
    return Rows(features=features, names=names, vectors=None, target=target, told=told)


def test_what_is_known_before_counts_where_it_is_true_and_not_where_it_is_false() -> None:
    """Twenty-five features, of which one matters a little: too little for a forest of 120 rows."""
    chance = np.random.default_rng(5)
    features = chance.normal(size=(2120, 25)).astype(np.float32)
    target = (features[:, 3] + 2 * chance.normal(size=2120)).astype(np.float64)
    asked = features[120:]

    def worth(prior: list[dict[str, float]]) -> float:
        machine = fit(made(target[:120], features[:120]), prior, seed=1, growth=SMALL).machine
        return float(np.corrcoef(machine.scores(asked, None), target[120:])[0, 1])

    without, right, wrong = worth([]), worth([{"f3": 1.0}]), worth([{"f3": -1.0}])
    assert right > without + 0.1
    assert wrong == pytest.approx(without, abs=1e-6)


def test_what_was_told_is_weighed_too() -> None:
    chance = np.random.default_rng(6)
    target = chance.normal(size=200)
    features = chance.normal(size=(200, 5)).astype(np.float32)
    true = fit(made(target, features, told=target * 3 + 1), [], seed=1, growth=SMALL)
    assert true.told == pytest.approx(1 / 3, rel=0.2)
    assert np.corrcoef(true.held_out, target)[0, 1] > 0.98
    assert fit(made(target, features, told=-target), [], seed=1, growth=SMALL).told == 0


def test_where_nothing_can_be_learned_everyone_is_alike() -> None:
    rows = made(np.zeros(40), np.zeros((40, 3), dtype=np.float32))
    told: list[None] = []
    fitted = fit(rows, [{"f1": 1.0}], seed=0, growth=SMALL, step=lambda: told.append(None))
    assert (fitted.held_out == 0).all()
    assert (fitted.machine.scores(rows.features, None) == 0).all()
    assert len(told) == steps(40, SMALL)
