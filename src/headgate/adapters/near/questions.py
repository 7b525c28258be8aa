"""Kept questions in this process's memory, an index a partition.

Known weakness: they are gone with the process; the first to ask again is answered by an upstream.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from headgate.adapters.near.flat import Flat
from headgate.ports.neighbours import Kept, Near

if TYPE_CHECKING:
    from headgate.ports.neighbours import Vector


class Places(Protocol):
    """Vectors under numbers."""

    def set(self, place: int, vector: Vector) -> None: ...
    def unset(self, place: int) -> None: ...
    def near(self, vector: Vector, most: int) -> list[tuple[int, float]]: ...


class _Part:
    """The questions of one partition; where there are many, in a graph."""

    def __init__(self, dimension: int) -> None:
        self.vectors: Places = Flat(dimension)
        self.kept: list[Kept | None] = []
        self.places: dict[bytes, int] = {}
        self.free: list[int] = []

    def place(self, identity: bytes) -> int:
        known = self.places.get(identity)
        if known is not None:
            return known
        if self.free:
            return self.free.pop()
        self.kept.append(None)
        return len(self.kept) - 1

    def drop(self, identity: bytes) -> bool:
        place = self.places.pop(identity, None)
        if place is None:
            return False
        self.vectors.unset(place)
        self.kept[place] = None
        self.free.append(place)
        return True


class Questions:
    """`ports.Neighbours`, bounded in number: the oldest goes first."""

    def __init__(
        self,
        dimension: int,
        most: int,
        *,
        grown: Callable[[int], Places] | None = None,
        grows_at: int = 0,
    ) -> None:
        """`grown`: what takes a partition's vectors over once there are `grows_at`."""
        self.most = most
        self._dimension = dimension
        self._grown, self._grows_at = grown, grows_at
        self._parts: dict[bytes, _Part] = {}
        self._order: OrderedDict[tuple[bytes, bytes], None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._order)

    def near(self, partition: bytes, vector: Vector, most: int, now: float) -> list[Near]:
        part = self._parts.get(partition)
        if part is None:
            return []
        found = []
        for place, likeness in part.vectors.near(vector, most):
            kept = part.kept[place]
            if kept is not None and kept.until > now:
                found.append(Near(kept, likeness))
        return found

    def add(self, partition: bytes, vector: Vector, kept: Kept) -> None:
        part = self._parts.get(partition)
        if part is None:
            part = self._parts[partition] = _Part(self._dimension)
        if self._grown and isinstance(part.vectors, Flat) and len(part.places) >= self._grows_at:
            part.vectors = _grown(part, part.vectors, self._grown(self._dimension))
        place = part.place(kept.identity)
        part.kept[place] = kept
        part.places[kept.identity] = place
        part.vectors.set(place, vector)
        self._order[partition, kept.identity] = None
        self._order.move_to_end((partition, kept.identity))
        self.resize(self.most)

    def drop(self, partition: bytes, identity: bytes) -> None:
        part = self._parts.get(partition)
        if part and part.drop(identity):
            del self._order[partition, identity]
            if not part.places:
                del self._parts[partition]

    def resize(self, most: int) -> None:
        self.most = most
        while len(self._order) > most:
            self.drop(*next(iter(self._order)))

    def clear(self) -> int:
        count = len(self._order)
        self._parts.clear()
        self._order.clear()
        return count


def _grown(part: _Part, vectors: Flat, graph: Places) -> Places:
    for place in part.places.values():
        graph.set(place, vectors.get(place))
    return graph
