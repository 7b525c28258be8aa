"""The predictor: ridge regression in the space of two Gaussian kernels, on a sample of the training rows.

One kernel looks at surface features alone, the other at those and at the principal components of the text's
vector: the first knows kinds of questions, the second also what they are about, and their sum is better than
either. Landmarks instead of all rows (Nyström; Williams and Seeger, 2001) bound what a decision costs: about
15 µs with 512 of them, whatever was trained on.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Exact = NDArray[np.float64]

CLIP = 4.0
"""Standard deviations: what lies farther out counts as that far, so that nothing odd dominates."""

COMPONENTS = 64
"""Of vectors, kept: on MMLU 64 do as well as all 256, at a quarter of the time."""


class Scaling(msgspec.Struct, frozen=True, eq=False):
    """How raw features become the kernels' coordinates. `components` is (dimension, 0) where vectors are not
    used. `wide` and `near` are the widths, as factors on coordinates."""

    mean: Matrix
    deviation: Matrix
    center: Matrix
    components: Matrix
    wide: float
    near: float

    def features(self, raw: Matrix) -> Matrix:
        scaled = np.clip((raw - self.mean) / self.deviation, -CLIP, CLIP)
        result: Matrix = (scaled * np.float32(self.wide)).astype(np.float32)
        return result

    def vectors(self, raw: Matrix) -> Matrix:
        """Length `near` each: only directions count."""
        seen = (raw - self.center) @ self.components
        length = np.sqrt(np.einsum("ij,ij->i", seen, seen))[:, None]
        result: Matrix = (seen * (self.near / np.maximum(length, 1e-6))).astype(np.float32)
        return result


class Machine(msgspec.Struct, frozen=True, eq=False):
    """A fitted predictor. Landmarks are in scaled coordinates; `weights` is (landmarks, 2), a column a
    kernel; where vectors are not used the second is zero and never computed."""

    scaling: Scaling
    features: Matrix
    vectors: Matrix
    weights: Matrix
    bias: float

    def scores(self, features: Matrix, vectors: Matrix | None) -> Exact:
        """One number a row: higher where more is to be gained."""
        near, far = kernels(self, features, vectors)
        found = near @ self.weights[:, 0] + self.bias
        if far is not None:
            found += far @ self.weights[:, 1]
        return found.astype(np.float64)


def kernels(machine: Machine, features: Matrix, vectors: Matrix | None) -> tuple[Matrix, Matrix | None]:
    """Of rows with the landmarks: by surface alone, and by surface and vector."""
    near = gaussian(machine.scaling.features(features), machine.features)
    if vectors is None or not machine.vectors.shape[1]:
        return near, None
    return near, near * gaussian(machine.scaling.vectors(vectors), machine.vectors)


def gaussian(rows: Matrix, landmarks: Matrix) -> Matrix:
    """exp(−|row − landmark|²), shape (rows, landmarks)."""
    squares = np.einsum("ij,ij->i", rows, rows)[:, None] + np.einsum("ij,ij->i", landmarks, landmarks)
    exponent = 2 * (rows @ landmarks.T) - squares
    np.minimum(exponent, 0, out=exponent)
    result: Matrix = np.exp(exponent, out=exponent)
    return result


def _axes(apart: Exact) -> Exact:
    """The directions in which rows differ most, (dimension, up to `COMPONENTS`)."""
    if len(apart) < apart.shape[1]:
        found: Exact = np.linalg.svd(apart, full_matrices=False)[2].T
        return found[:, :COMPONENTS]
    values, axes = np.linalg.eigh(apart.T @ apart)
    largest: Exact = axes[:, np.argsort(-values)[:COMPONENTS]]
    return largest


def scaling(features: Matrix, vectors: Matrix | None, *, wide: float, near: float) -> Scaling:
    """Fitted to training rows. `wide` and `near` are the kernels' exponents: per squared deviation, and per
    squared distance of directions."""
    mean, deviation = features.mean(0), features.std(0)
    if vectors is None:
        center, components = np.zeros(0), np.zeros((0, 0))
    else:
        center = vectors.mean(0)
        components = _axes((vectors - center).astype(np.float64))
    return Scaling(
        mean.astype(np.float32),
        np.where(deviation > 1e-6, deviation, 1).astype(np.float32),
        center.astype(np.float32),
        components.astype(np.float32),
        float(np.sqrt(wide)),
        float(np.sqrt(near)),
    )


class Quick:
    """A machine for one row at a time: the same numbers as `Machine.scores`, with all that does not hang
    on the row worked out before."""

    def __init__(self, machine: Machine) -> None:
        scale = machine.scaling
        self._mean = scale.mean.astype(np.float64)
        self._factor = scale.wide / scale.deviation.astype(np.float64)
        self._bound = CLIP * scale.wide
        self._near = _augmented(machine.features)
        self._weights = np.ascontiguousarray(machine.weights.T)
        self._bias = machine.bias
        self._vectors = machine.vectors.shape[1] > 0
        self._center = scale.center
        self._axes = np.ascontiguousarray(scale.components.T)
        self._length = scale.near
        self._far = _augmented(machine.vectors)

    def score(self, features: list[float], vector: Matrix) -> float:
        scaled = (np.array(features) - self._mean) * self._factor
        row = np.minimum(np.maximum(scaled, -self._bound), self._bound).astype(np.float32)
        exponent = self._near[0] @ row
        exponent += self._near[1] - row @ row
        found = float(np.exp(exponent) @ self._weights[0]) + self._bias
        if not self._vectors:
            return found
        seen = self._axes @ (vector - self._center)
        length = float(seen @ seen) ** 0.5
        seen *= np.float32(self._length / max(length, 1e-6))
        exponent += self._far[0] @ seen
        exponent += self._far[1] - seen @ seen
        return found + float(np.exp(exponent, out=exponent) @ self._weights[1])


def _augmented(landmarks: Matrix) -> tuple[Matrix, Matrix]:
    """Of −|row − landmark|² what is multiplied with the row, and what is the landmark's own."""
    squares = np.einsum("ij,ij->i", landmarks, landmarks)
    return np.ascontiguousarray(2 * landmarks, dtype=np.float32), (-squares).astype(np.float32)
