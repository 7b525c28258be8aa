"""Vectors in usearch's graph (HNSW, Malkov and Yashunin 2016), a byte a dimension: for a hundred thousand and
more. They are rounded here, and compared by their product alone: usearch would cut instead of rounding, and
its cosine measures both lengths at every step, which are 1.

Known weakness: it may miss a near one, about one in a hundred; a miss costs an upstream call, nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from usearch.index import Index

if TYPE_CHECKING:
    from headgate.ports.neighbours import Vector

LINKS, BUILT_WITH, LOOKED_AT = 12, 64, 24
"""Neighbours of a vector in the graph; candidates when it is added, and when it is looked for."""

SCALE = np.float32(127.0)


class Graph:
    """As `Flat`."""

    def __init__(self, dimension: int) -> None:
        self._index: Any = Index(
            ndim=dimension,
            metric="ip",
            dtype="i8",
            connectivity=LINKS,
            expansion_add=BUILT_WITH,
            expansion_search=LOOKED_AT,
        )

    @property
    def size(self) -> int:
        return len(self._index)

    @property
    def bytes(self) -> int:
        return int(self._index.memory_usage)

    def set(self, place: int, vector: Vector) -> None:
        """Of a place that is free."""
        if vector.any():
            self._index.add(place, _rounded(vector), threads=1)

    def fill(self, places: Sequence[int], vectors: Vector) -> None:
        """Many at once, with all cores."""
        some = vectors.any(axis=1)
        keys = np.asarray(places, np.uint64)[some]
        self._index.add(keys, _rounded(vectors[some]), threads=os.cpu_count() or 1)

    def unset(self, place: int) -> None:
        if place in self._index:
            self._index.remove(place)

    def near(self, vector: Vector, most: int) -> list[tuple[int, float]]:
        if not len(self._index):
            return []
        found = self._index.search(_rounded(vector), most, threads=1)
        likeness = (1.0 - np.asarray(found.distances)) / (SCALE * SCALE)
        return list(zip(found.keys.tolist(), likeness.tolist(), strict=True))


def _rounded(vectors: Vector) -> NDArray[np.int8]:
    rounded: NDArray[np.int8] = np.rint(vectors * SCALE).astype(np.int8)
    return rounded
