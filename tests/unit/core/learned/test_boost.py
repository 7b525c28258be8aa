"""Boosting: that trees learn what those before them have left over, and nothing of chance."""

from __future__ import annotations

import numpy as np

from headgate.core.learned.boost import Boosting, Quick, boosted
from headgate.core.learned.forest import Growth
from headgate.core.learned.machine import Exact, Matrix

HOW = Boosting(trees=60, rate=0.3, growth=Growth(trees=1, leaf=4, tries=30, depth=3))


def either_or(count: int, seed: int) -> tuple[Matrix, Exact]:
    """Yes where exactly one of two features is above the middle; six more are chance."""
    rows = np.random.default_rng(seed).random((count, 8)).astype(np.float32)
    return rows, ((rows[:, 0] > 0.5) != (rows[:, 1] > 0.5)).astype(np.float64)


def test_it_learns_a_yes_that_no_feature_says_alone() -> None:
    rows, yes = either_or(900, 1)
    model = boosted(rows, yes, np.ones(len(yes)), HOW)
    unseen, right = either_or(400, 2)
    assert np.mean((model.scores(unseen) > 0) == (right > 0)) > 0.9
    assert model.forest.depth <= 3


def test_scores_are_odds() -> None:
    """Of chance with a share of a fifth it knows the share, and not much else."""
    chance = np.random.default_rng(3)
    rows, yes = chance.random((2000, 4)).astype(np.float32), (chance.random(2000) < 0.2).astype(float)
    careful = Boosting(trees=10, rate=0.1, growth=Growth(trees=1, leaf=200, tries=8, depth=2))
    found = 1 / (1 + np.exp(-boosted(rows, yes, np.ones(2000), careful).scores(rows)))
    assert abs(found.mean() - 0.2) < 0.03
    assert found.std() < 0.05


def test_what_counts_more_is_heard_more() -> None:
    rows = np.zeros((200, 1), np.float32)
    yes = np.repeat([1.0, 0.0], 100)
    heavy = np.repeat([3.0, 1.0], 100)
    found = 1 / (1 + np.exp(-boosted(rows, yes, heavy, HOW).scores(rows[:1])))
    assert abs(found[0] - 0.75) < 0.02


def test_one_row_at_a_time_gives_the_same_and_so_does_another_time() -> None:
    rows, yes = either_or(300, 5)
    model, again = (boosted(rows, yes, np.ones(300), HOW) for _ in range(2))
    quick = Quick(model)
    assert np.allclose([quick.score(row) for row in rows[:50]], model.scores(rows[:50]), atol=1e-5)
    assert np.array_equal(model.scores(rows), again.scores(rows))
