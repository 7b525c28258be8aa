"""A forest of extremely randomised trees (Geurts, Ernst and Wehenkel, 2006), for regression.

A tree asks one number of a row at a time, with thresholds drawn by chance, of which the best of a handful
is kept; the mean over many such trees is smooth where single ones are not. It needs no widths and no
scaling, and goes by combinations of features where those say more than each alone. Each tree is grown on a
sample of the rows, so that the others say honestly how well it does: no second round of training is needed
for that.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Exact = NDArray[np.float64]
Ints = NDArray[np.int32]
Places = NDArray[np.int64]

SHARE = 0.7
"""Of the rows that each tree is grown on."""

MAX_DEPTH = 12
AT_ONCE = 24_000
"""Rows, of several trees, that grow side by side."""

TINY = 1e-9
"""What a split must bring: none is made among rows that are all alike."""

NEVER = np.float32(3e38)
"""The threshold of a leaf: no feature is above it, so that whoever has arrived stays."""


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """How trees are grown: how many, the fewest rows of a leaf, how many splits are tried a node, and how
    many may follow one another."""

    trees: int = 128
    leaf: int = 8
    tries: int = 48
    depth: int = MAX_DEPTH


class Forest(msgspec.Struct, frozen=True, eq=False):
    """All trees' nodes in one row, parents before children. A node's row goes to `child` where its
    `feature` is at most `threshold`, else to the one behind it. A leaf is its own child. `depth`: steps
    from any root to any leaf."""

    roots: Ints
    feature: Ints
    threshold: Matrix
    child: Ints
    value: Matrix
    depth: int

    def scores(self, rows: Matrix) -> Exact:
        """The mean over the trees, a number a row."""
        at = np.broadcast_to(self.roots[:, None], (len(self.roots), len(rows)))
        place = np.arange(len(rows))
        for _ in range(self.depth):
            at = self.child[at] + (rows[place, self.feature[at]] > self.threshold[at])
        found: Exact = self.value[at].astype(np.float64).mean(0)
        return found


class Walk:
    """One row at a time through a forest: the same numbers, by the shortest way."""

    def __init__(self, forest: Forest) -> None:
        """Places are widened once: numpy would do it at each step."""
        self._roots, self._feature, self._child = (
            one.astype(np.int64) for one in (forest.roots, forest.feature, forest.child)
        )
        self._threshold, self._value, self._depth = forest.threshold, forest.value, forest.depth

    def score(self, row: Matrix) -> float:
        at = self._roots
        feature, threshold, child = self._feature, self._threshold, self._child
        for _ in range(self._depth):
            at = child[at] + (row[feature[at]] > threshold[at])
        return float(self._value[at].mean())


def grow(
    rows: Matrix,
    target: Callable[[Places], Exact],
    growth: Growth,
    chance: np.random.Generator,
    step: Callable[[], None],
) -> tuple[Forest, Exact]:
    """A forest, and what the trees that had not seen it say of each training row (the mean of all, where
    every tree has seen it). `target` is asked for what is to be predicted of some rows, to be told by these
    alone. `step` is called for each of the `batches`."""
    count = len(rows)
    size = max(1, round(SHARE * count))
    total, times = np.zeros(count), np.zeros(count)
    parts = []
    for trees in _batches(growth.trees, size):
        seen = np.stack([chance.permutation(count)[:size] for _ in range(trees)])
        wanted = np.stack([target(one) for one in seen])
        part = _grown(rows, wanted, seen, growth, chance)
        parts.append(part)
        for tree, root in enumerate(part.roots):
            left = np.ones(count, dtype=bool)
            left[seen[tree]] = False
            total[left] += _one(part, root).scores(rows[left])
            times[left] += 1
        step()
    held_out = np.where(times > 0, total / np.maximum(times, 1), total.sum() / max(times.sum(), 1))
    return joined(parts), held_out


def batches(trees: int, count: int) -> int:
    return len(_batches(trees, max(1, round(SHARE * count))))


def _batches(trees: int, size: int) -> list[int]:
    """How many trees grow side by side, batch by batch."""
    most = max(1, AT_ONCE // size)
    return [min(most, trees - start) for start in range(0, trees, most)]


def _one(forest: Forest, root: np.int32) -> Forest:
    alone = np.array([root], dtype=np.int32)
    return Forest(alone, forest.feature, forest.threshold, forest.child, forest.value, forest.depth)


class _Level(msgspec.Struct, frozen=True, eq=False):
    """Rows of the nodes that may split, node behind node, and what is `wanted` of each; `starts` and
    `sizes` of the nodes; `names`: which nodes they are."""

    rows: Places
    wanted: Exact
    starts: Places
    sizes: Places
    names: Places


class _Splits(msgspec.Struct, frozen=True, eq=False):
    """The best of each node: whether there is one, of which feature, where; and which rows lie above."""

    found: NDArray[np.bool_]
    feature: Places
    threshold: Matrix
    above: NDArray[np.bool_]


class _Nodes:
    """All nodes so far, level by level."""

    def __init__(self, trees: int) -> None:
        self.parts: list[tuple[Places, Matrix, Places, Exact]] = []
        self.count = trees

    def level(self, splits: _Splits, means: Exact, names: Places) -> Places:
        """Writes the nodes of one level down; the names of the children of those that split, two by two."""
        number = int(splits.found.sum())
        first = np.where(splits.found, self.count + 2 * (np.cumsum(splits.found) - 1), names)
        self.parts.append(
            (
                np.where(splits.found, splits.feature, 0),
                np.where(splits.found, splits.threshold, NEVER).astype(np.float32),
                first,
                means,
            )
        )
        self.count += 2 * number
        return np.asarray(np.arange(self.count - 2 * number, self.count), np.int64)


def _grown(rows: Matrix, wanted: Exact, seen: Places, growth: Growth, chance: np.random.Generator) -> Forest:
    trees, size = seen.shape
    nodes = _Nodes(trees)
    every = np.arange(trees)
    level = _Level(seen.ravel(), wanted.ravel(), every * size, np.full(trees, size), every)
    depth = 0
    while len(level.names):
        means = np.add.reduceat(level.wanted, level.starts) / level.sizes
        splits = _splits(rows, means, level, growth, chance, last=depth == growth.depth)
        level = _below(level, splits, nodes.level(splits, means, level.names))
        depth += bool(len(level.names))
    feature, threshold, child, value = (np.concatenate(one) for one in zip(*nodes.parts, strict=True))
    return Forest(
        np.arange(trees, dtype=np.int32),
        feature.astype(np.int32),
        threshold,
        child.astype(np.int32),
        value.astype(np.float32),
        depth,
    )


def _splits(
    rows: Matrix, means: Exact, level: _Level, growth: Growth, chance: np.random.Generator, *, last: bool
) -> _Splits:
    """The best of some splits drawn by chance, of each node that is large enough: the one that leaves the
    least squared error."""
    nodes, width = len(level.names), rows.shape[1]
    drawn = chance.integers(0, width, (nodes, growth.tries))
    owner = np.repeat(np.arange(nodes), level.sizes)
    values = rows.ravel().take(level.rows[:, None] * width + drawn[owner])
    low, high = np.minimum.reduceat(values, level.starts), np.maximum.reduceat(values, level.starts)
    bars = low + (high - low) * chance.random(low.shape, dtype=np.float32)
    above = values > bars[owner]
    apart = (level.wanted - means[owner]).astype(np.float32)
    number = np.add.reduceat(above, level.starts, dtype=np.float32)
    sums = np.add.reduceat(above * apart[:, None], level.starts)
    others = level.sizes[:, None] - number
    worth = sums**2 * (1 / np.maximum(number, 1) + 1 / np.maximum(others, 1))
    worth[(number < growth.leaf) | (others < growth.leaf)] = -1
    best = worth.argmax(1)
    every = np.arange(nodes)
    found = (worth[every, best] > TINY) & (not last)
    return _Splits(found, drawn[every, best], bars[every, best], above[np.arange(len(owner)), best[owner]])


def _below(level: _Level, splits: _Splits, names: Places) -> _Level:
    """The next level: each split node's rows, those that are not above first."""
    owner = np.repeat(np.arange(len(level.names)), level.sizes)
    stays = splits.found[owner]
    key = 2 * owner[stays] + splits.above[stays]
    order = np.argsort(key, kind="stable")
    sizes = np.bincount(key, minlength=2 * len(level.names))
    sizes = sizes[sizes > 0]
    return _Level(
        level.rows[stays][order], level.wanted[stays][order], np.cumsum(sizes) - sizes, sizes, names
    )


def joined(parts: list[Forest]) -> Forest:
    """All their trees, one behind the other."""
    starts = np.cumsum([0, *(len(one.feature) for one in parts[:-1])]).astype(np.int32)
    both = list(zip(parts, starts, strict=True))
    return Forest(
        np.concatenate([one.roots + start for one, start in both]),
        np.concatenate([one.feature for one in parts]),
        np.concatenate([one.threshold for one in parts]),
        np.concatenate([one.child + start for one, start in both]),
        np.concatenate([one.value for one in parts]),
        max(one.depth for one in parts),
    )
