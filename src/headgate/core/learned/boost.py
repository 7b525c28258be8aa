"""Boosted trees: each is grown on what those before it have left over (Friedman, "Stochastic gradient
boosting", 2002), for a yes or a no. The trees are those of `forest`, whose splits are drawn by chance."""

from __future__ import annotations

import msgspec
import numpy as np

from headgate.core.learned.forest import Exact, Forest, Growth, Matrix, Walk, grow, joined


class Boosting(msgspec.Struct, frozen=True, kw_only=True):
    """How much of each of so many trees counts, and how they are grown."""

    trees: int = 150
    rate: float = 0.3
    growth: Growth = Growth(trees=1, leaf=3, tries=48, depth=4)


class Boosted(msgspec.Struct, frozen=True, eq=False):
    """`bias` + `scale` × the forest's word is the logarithm of the odds."""

    forest: Forest
    scale: float
    bias: float

    def scores(self, rows: Matrix) -> Exact:
        """The logarithm of the odds, a number a row."""
        found: Exact = self.bias + self.scale * self.forest.scores(rows)
        return found


def boosted(rows: Matrix, yes: Exact, weights: Exact, how: Boosting, seed: int = 0) -> Boosted:
    """`yes`: 1 or 0 a row; `weights`: how much a row counts. The same arguments give the same trees."""
    chance = np.random.default_rng(seed)
    share = float(np.average(yes, weights=weights))
    bias = float(np.log(share / (1.0 - share)))
    odds, parts = np.full(len(yes), bias), []
    for _ in range(how.trees):
        left = weights * (yes - 1.0 / (1.0 + np.exp(-odds)))
        tree, _ = grow(rows, left.take, how.growth, chance, lambda: None)
        odds += how.rate * tree.scores(rows)
        parts.append(tree)
    return Boosted(joined(parts), how.rate * how.trees, bias)


class Quick:
    """One row at a time: the same numbers."""

    def __init__(self, model: Boosted) -> None:
        self._walk, self._scale, self._bias = Walk(model.forest), model.scale, model.bias

    def score(self, row: Matrix) -> float:
        return self._bias + self._scale * self._walk.score(row)
