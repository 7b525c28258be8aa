"""Training: which requests gain how much from the strong model.

The target is the gain itself, strong − weak, and not whether the weak model is right: where both fail, or
only the strong one does, money is spent for nothing. Where rows name their topic, each row's gain is
joined by its topic's mean gain, shrunken to the whole's: single outcomes are luck, a topic's mean is
not. The topic is used for fitting only; what is fitted never asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from headgate.core.learned.machine import Exact, Machine, Matrix, gaussian, scaling

Step = Callable[[], None]
Ints = NDArray[np.int64]

LANDMARKS = 512
FOLDS = 5
TOPIC_SHARE = 2.0
"""Weight of a topic's mean gain beside the row's own."""

TOPIC_SHRINKAGE = 20.0
"""Rows of no opinion that a topic's mean is taken with."""

JITTER = 1e-4


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What is tried. `wide`, `near`: see `machine.scaling`; `ridge`: how strongly weights are held back."""

    wide: float = 0.02
    near: float = 1.0
    ridge: float = 10.0
    with_vectors: bool = True


SHAPES = (Shape(), Shape(ridge=30.0), Shape(wide=0.01, ridge=30.0, with_vectors=False))
"""For questions: what cross-validation chooses from, the first where it can see no difference."""

ANSWER_SHAPES = (Shape(wide=0.012, ridge=3.0, with_vectors=False),)
"""For answers. One: on a few hundred of them a choice would be luck, and cost more than it brings."""

CLEAR = 0.01
"""By how much another shape's correlation with the gain must be better to be chosen."""


class Rows(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """Training rows: features (n, k), vectors (n, d) or none, what is to be predicted (n), topics or none."""

    features: Matrix
    vectors: Matrix | None
    target: Exact
    topics: Sequence[str | None] | None = None

    def some(self, chosen: Ints) -> Rows:
        return Rows(
            features=self.features[chosen],
            vectors=None if self.vectors is None else self.vectors[chosen],
            target=self.target[chosen],
            topics=None if self.topics is None else [self.topics[one] for one in chosen],
        )


class Fitted(msgspec.Struct, frozen=True, eq=False):
    """A machine, and what machines fitted without each row's fold said of that row: honest scores of the
    training rows, for thresholds."""

    machine: Machine
    held_out: Exact
    shape: Shape


def fit(rows: Rows, shapes: Sequence[Shape], *, seed: int, step: Step = lambda: None) -> Fitted:
    """The best of the shapes by cross-validation, fitted to all rows. The same seed gives the same machine.
    `step` is called after each of `steps(shapes)` fits."""
    chance = np.random.default_rng(seed)
    fold = chance.permutation(len(rows.target)) % FOLDS
    best: tuple[float, Shape, Exact] | None = None
    for shape in shapes:
        held_out = np.zeros(len(rows.target))
        for number in range(FOLDS):
            left, out = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            part, asked = rows.some(left), rows.some(out)
            held_out[out] = _fitted(part, shape, chance).scores(asked.features, asked.vectors)
            step()
        worth = _correlation(held_out, rows.target)
        if best is None or worth > best[0] + CLEAR:
            best = (worth, shape, held_out)
    assert best is not None
    machine = _fitted(rows, best[1], chance)
    step()
    return Fitted(machine, best[2], best[1])


def steps(shapes: Sequence[Shape]) -> int:
    """How often `fit` says that it got on."""
    return FOLDS * len(shapes) + 1


def _fitted(rows: Rows, shape: Shape, chance: np.random.Generator) -> Machine:
    vectors = rows.vectors if shape.with_vectors else None
    scale = scaling(rows.features, vectors, wide=shape.wide, near=shape.near)
    features = scale.features(rows.features)
    chosen = np.sort(chance.permutation(len(features))[:LANDMARKS])
    target = _smoothed(rows)
    bias = float(target.mean())
    near, near_marks = gaussian(features, features[chosen]), gaussian(features[chosen], features[chosen])
    columns = [_ridge(near, near_marks, target - bias, shape.ridge)]
    directions = np.zeros((len(chosen), 0), np.float32)
    if vectors is not None:
        seen = scale.vectors(vectors)
        directions = seen[chosen]
        far = near * gaussian(seen, directions)
        columns.append(
            _ridge(far, near_marks * gaussian(directions, directions), target - bias, shape.ridge / 3)
        )
    else:
        columns.append(np.zeros(len(chosen)))
    weights = np.stack(columns, axis=1).astype(np.float32)
    return Machine(scale, features[chosen], directions, weights, bias)


def _ridge(kernel: Matrix, marks: Matrix, target: Exact, ridge: float) -> Exact:
    """Weights of the landmarks that fit the target, held back in the kernel's own norm."""
    exact, among = kernel.astype(np.float64), marks.astype(np.float64)
    among[np.diag_indices_from(among)] += JITTER
    found = np.linalg.solve(exact.T @ exact + ridge * among, exact.T @ target)
    result: Exact = found.astype(np.float64)
    return result


def _smoothed(rows: Rows) -> Exact:
    """The target with the mean of its topic. Rows without a topic stay with the mean of all."""
    if rows.topics is None or not any(rows.topics):
        return rows.target
    names, place = np.unique([topic or "" for topic in rows.topics], return_inverse=True)
    counts, overall = np.bincount(place), float(rows.target.mean())
    sums = np.bincount(place, rows.target).astype(np.float64)
    means: Exact = np.asarray((sums + TOPIC_SHRINKAGE * overall) / (counts + TOPIC_SHRINKAGE), np.float64)
    means[names == ""] = overall
    smoothed: Exact = (rows.target + TOPIC_SHARE * means[place]) / (1 + TOPIC_SHARE)
    return smoothed


def _correlation(scores: Exact, target: Exact) -> float:
    """0 where either does not vary."""
    if scores.std() < 1e-12 or target.std() < 1e-12:
        return 0.0
    return float(np.corrcoef(scores, target)[0, 1])
