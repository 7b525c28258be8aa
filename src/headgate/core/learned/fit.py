"""Training: which requests gain how much from the strong model.

The target is the gain itself, strong − weak, and not whether the weak model is right: where both fail, or
only the strong one does, money is spent for nothing. Where rows name their topic, each row's gain is
joined by its topic's mean gain, shrunken to the whole's: single outcomes are luck, a topic's mean is
not. The topic is used for fitting only; what is fitted never asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import msgspec
import numpy as np
from numpy.typing import NDArray

from headgate.core.learned.forest import Forest, Growth, Places, batches, grow
from headgate.core.learned.machine import CLIP, Axes, Exact, Machine, Matrix, Sum, axes, whole

Step = Callable[[], None]
Prior = Sequence[Mapping[str, float]]

TOPIC_SHARE = 2.0
"""Weight of a topic's mean gain beside the row's own."""

TOPIC_SHRINKAGE = 20.0
"""Rows of no opinion that a topic's mean is taken with."""

CAUTION = 0.05
"""Added to the variance of each voice before their weights are found: two that say nearly the same share
it."""

GROWTH = Growth()


class Rows(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """Training rows: features (n, k) and their names (k), vectors (n, d) or none, what is to be predicted
    (n), topics or none. `told` (n): what is said of each row without any training, or none. `taught` (n):
    what the forest is taught in the place of what is to be predicted, or none."""

    features: Matrix
    names: tuple[str, ...]
    vectors: Matrix | None
    target: Exact
    topics: Sequence[str | None] | None = None
    told: Exact | None = None
    taught: Exact | None = None

    def some(self, chosen: NDArray[np.int64]) -> Rows:
        return Rows(
            features=self.features[chosen],
            names=self.names,
            vectors=None if self.vectors is None else self.vectors[chosen],
            target=self.target[chosen],
            topics=None if self.topics is None else [self.topics[one] for one in chosen],
            told=None if self.told is None else self.told[chosen],
            taught=None if self.taught is None else self.taught[chosen],
        )


class Fitted(msgspec.Struct, frozen=True, eq=False):
    """A machine; the weight of what was told beside it; and `held_out`: what trees that had not seen a row
    said of it, with all the rest: honest scores of the training rows, for thresholds."""

    machine: Machine
    told: float
    held_out: Exact


def fit(rows: Rows, prior: Prior, *, seed: int, growth: Growth = GROWTH, step: Step = lambda: None) -> Fitted:
    """The same seed gives the same machine. `prior`: groups of features by name, each with the sign of what
    it speaks for. `step` is called `steps(len(rows.target))` times."""
    chance = np.random.default_rng(seed)
    directions = axes(rows.vectors)
    seen = whole(directions, rows.features, rows.vectors)
    forest, held_out = grow(seen, _smoothing(rows), growth, chance, step)
    known = _summed(rows, prior)
    return _joined(rows, directions, forest, held_out, known)


def steps(count: int, growth: Growth = GROWTH) -> int:
    """How often `fit` says that it got on with so many rows."""
    return batches(growth.trees, count)


def _joined(rows: Rows, directions: Axes, forest: Forest, held_out: Exact, known: Sum) -> Fitted:
    """The voices, each with the weight that it has earned, in units of the target."""
    said = known.scores(rows.features)
    voices = [held_out, said] + ([] if rows.told is None else [rows.told])
    share, of_sum, *of_told = _weights(voices, rows.target)
    told = of_told[0] if of_told else 0.0
    heard = share * held_out + of_sum * said + (0 if rows.told is None else told * rows.told)
    bias = float(rows.target.mean() - heard.mean())
    weighed = Sum(known.mean, known.deviation, (of_sum * known.weights).astype(np.float32))
    return Fitted(Machine(directions, forest, weighed, share, bias), told, heard + bias)


def _weights(voices: list[Exact], target: Exact) -> list[float]:
    """Of each voice in a sum that fits the target, by least squares; none is heard against its sense. Where
    no voice says anything, the first."""
    size = [float(one.std()) for one in voices]
    found = [0.0] * len(voices)
    heard = [place for place, one in enumerate(size) if one > 1e-9]
    apart = {place: (voices[place] - voices[place].mean()) / size[place] for place in heard}
    best = 0.0
    for count in range(1, len(heard) + 1):
        for chosen in combinations(heard, count):
            stack = np.stack([apart[place] for place in chosen], axis=1)
            with_target = stack.T @ (target - target.mean()) / len(target)
            among = stack.T @ stack / len(target) + CAUTION * np.eye(count)
            weights = np.linalg.solve(among, with_target)
            worth = float(weights @ with_target)
            if (weights > 0).all() and worth > best:
                best, found = worth, [0.0] * len(voices)
                for place, weight in zip(chosen, weights, strict=True):
                    found[place] = float(weight) / size[place]
    return found if best else [1.0, *found[1:]]


def _summed(rows: Rows, prior: Prior) -> Sum:
    """The prior's sum: its groups count alike, however many features each has."""
    mean, deviation = rows.features.mean(0), rows.features.std(0)
    deviation = np.where(deviation > 1e-6, deviation, 1)
    apart = np.clip((rows.features - mean) / deviation, -CLIP, CLIP)
    weights = np.zeros(len(rows.names))
    for group in prior:
        signs = np.array([group.get(name, 0.0) for name in rows.names])
        spread = float((apart @ signs).std())
        if spread > 1e-6:
            weights += signs / spread
    return Sum(mean.astype(np.float32), deviation.astype(np.float32), weights.astype(np.float32))


def _smoothing(rows: Rows) -> Callable[[Places], Exact]:
    """What the forest is taught of some rows, with the mean of each one's topic among these. Rows without a
    topic stay with the mean of all."""
    target = rows.target if rows.taught is None else rows.taught
    if rows.topics is None or not any(rows.topics):
        return lambda chosen: target[chosen]
    names, place = np.unique([topic or "" for topic in rows.topics], return_inverse=True)

    def smoothed(chosen: Places) -> Exact:
        own, topic = target[chosen], place[chosen]
        overall = float(own.mean())
        sums, counts = np.bincount(topic, own, len(names)), np.bincount(topic, minlength=len(names))
        means = (sums + TOPIC_SHRINKAGE * overall) / (counts + TOPIC_SHRINKAGE)
        means[names == ""] = overall
        result: Exact = (own + TOPIC_SHARE * means[topic]) / (1 + TOPIC_SHARE)
        return result

    return smoothed
