"""Vectors side by side: the nearest are found by looking at all of them. Exact, and quick for thousands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from headgate.ports.neighbours import Vector

SMALLEST = 16


class Flat:
    """Vectors under small numbers of the caller's choosing, `0` and up."""

    def __init__(self, dimension: int) -> None:
        self._rows = np.zeros((SMALLEST, dimension), np.float32)
        self.size = 0

    def set(self, place: int, vector: Vector) -> None:
        if place >= len(self._rows):
            grown = np.zeros((2 * place, self._rows.shape[1]), np.float32)
            grown[: len(self._rows)] = self._rows
            self._rows = grown
        self._rows[place] = vector
        self.size = max(self.size, place + 1)

    def fill(self, places: Sequence[int], vectors: Vector) -> None:
        for place, vector in zip(places, vectors, strict=True):
            self.set(place, vector)

    def unset(self, place: int) -> None:
        self._rows[place] = 0.0

    def get(self, place: int) -> Vector:
        row: Vector = self._rows[place]
        return row

    def near(self, vector: Vector, most: int) -> list[tuple[int, float]]:
        likeness = self._rows[: self.size] @ vector
        if most < self.size:
            places = np.argpartition(-likeness, most - 1)[:most]
            places = places[np.argsort(-likeness[places], kind="stable")]
        else:
            places = np.argsort(-likeness, kind="stable")
        return list(zip(places.tolist(), likeness[places].tolist(), strict=True))
