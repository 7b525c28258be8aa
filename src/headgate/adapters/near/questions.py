"""Kept questions in this process's memory, an index a partition.

Known weakness: they are gone with the process, unless a register stands behind them; and what has expired
out of turn takes room until it is among the oldest.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from headgate.adapters.near.flat import Flat
from headgate.ports.neighbours import Kept, Near

if TYPE_CHECKING:
    from headgate.ports.neighbours import Vector

EXPIRED_AT_ONCE = 2
"""Expired ones that go with every look-up: more than come."""

_HEAD = struct.Struct("<d8s16sB")
_UNTIL = struct.Struct("<d")


class Places(Protocol):
    """Vectors under numbers."""

    def set(self, place: int, vector: Vector) -> None: ...
    def fill(self, places: Sequence[int], vectors: Vector) -> None: ...
    def unset(self, place: int) -> None: ...
    def near(self, vector: Vector, most: int) -> list[tuple[int, float]]: ...


class _Part:
    """The questions of one partition; where there are many, in a graph."""

    __slots__ = ("free", "partition", "places", "records", "signs", "vectors")

    def __init__(self, partition: bytes, dimension: int) -> None:
        self.partition = partition
        self.vectors: Places = Flat(dimension)
        self.records: list[bytes | None] = []
        self.places: dict[bytes, int] = {}
        self.signs: dict[int, int] = {}
        self.free: list[int] = []

    def put(self, kept: Kept) -> int:
        place = self.places.get(kept.identity)
        if place is not None:
            self._unsign(place)
            self.vectors.unset(place)
        elif self.free:
            place = self.free.pop()
        else:
            place = len(self.records)
            self.records.append(None)
        self.records[place] = _packed(kept)
        self.places[kept.identity] = self.signs[kept.sign] = place
        return place

    def drop(self, identity: bytes) -> None:
        place = self.places.pop(identity)
        self._unsign(place)
        self.vectors.unset(place)
        self.records[place] = None
        self.free.append(place)

    def kept(self, place: int) -> Kept | None:
        record = self.records[place]
        return None if record is None else _unpacked(record)

    def until(self, place: int) -> float:
        record = self.records[place]
        found: tuple[float] = _UNTIL.unpack_from(record) if record else (0.0,)
        return found[0]

    def _unsign(self, place: int) -> None:
        kept = self.kept(place)
        if kept is not None and self.signs.get(kept.sign) == place:
            del self.signs[kept.sign]


class Questions:
    """`ports.Neighbours`, bounded in number: the oldest goes first."""

    deep = False

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
        self._order: OrderedDict[bytes, _Part] = OrderedDict()

    def __len__(self) -> int:
        return len(self._order)

    def same(self, partition: bytes, sign: int, now: float) -> Kept | None:
        part = self._parts.get(partition)
        place = part.signs.get(sign) if part else None
        kept = part.kept(place) if part and place is not None else None
        return kept if kept is not None and kept.until > now else None

    def near(self, partition: bytes, vector: Vector, most: int, now: float) -> list[Near]:
        self._tidy(now)
        part = self._parts.get(partition)
        if part is None:
            return []
        found = []
        for place, likeness in part.vectors.near(vector, most):
            kept = part.kept(place)
            if kept is not None and kept.until > now:
                found.append(Near(kept, likeness))
        return found

    async def seek(self, partition: bytes, sign: int, vector: Vector, most: int, now: float) -> list[Near]:
        return self.near(partition, vector, most, now)

    def add(self, partition: bytes, vector: Vector, kept: Kept) -> None:
        part = self._part(partition, 1)
        part.vectors.set(part.put(kept), vector)
        self._order[kept.identity] = part
        self._order.move_to_end(kept.identity)
        self.resize(self.most)

    def fill(self, partition: bytes, vectors: Vector, kept: Sequence[Kept]) -> None:
        """The same of many at once, the oldest first; quicker, where they are very many."""
        known = dict(zip([one.identity for one in kept], range(len(kept)), strict=True))  # the last of each
        kept, vectors = [kept[at] for at in known.values()], vectors[list(known.values())]
        part = self._part(partition, len(kept))
        part.vectors.fill([part.put(one) for one in kept], vectors)
        for one in kept:
            self._order[one.identity] = part
            self._order.move_to_end(one.identity)
        self.resize(self.most)

    def _part(self, partition: bytes, more: int) -> _Part:
        """That partition's, with the vectors where they belong once there are so many more."""
        part = self._parts.get(partition)
        if part is None:
            part = self._parts[partition] = _Part(partition, self._dimension)
        if self._grown and isinstance(part.vectors, Flat) and len(part.places) + more > self._grows_at:
            grown, places = self._grown(self._dimension), list(part.places.values())
            if places:
                grown.fill(places, np.stack([part.vectors.get(place) for place in places]))
            part.vectors = grown
        return part

    def _tidy(self, now: float) -> None:
        """Some of the oldest go, where their time is over: as long as there are any, there are never many."""
        for _ in range(EXPIRED_AT_ONCE):
            identity = next(iter(self._order), b"")
            part = self._order.get(identity)
            if part is None or part.until(part.places[identity]) > now:
                return
            self._forget(part, identity)

    def drop(self, partition: bytes, identity: bytes) -> None:
        part = self._parts.get(partition)
        if part and identity in part.places:
            self._forget(part, identity)

    def _forget(self, part: _Part, identity: bytes) -> None:
        part.drop(identity)
        del self._order[identity]
        if not part.places:
            del self._parts[part.partition]

    def resize(self, most: int) -> None:
        self.most = most
        while len(self._order) > most:
            identity, part = next(iter(self._order.items()))
            self._forget(part, identity)

    def clear(self) -> int:
        count = len(self._order)
        self._parts.clear()
        self._order.clear()
        return count


def _packed(kept: Kept) -> bytes:
    """In one piece: a million of them are a million objects less five."""
    head = _HEAD.pack(kept.until, kept.alike, kept.sign.to_bytes(16, "little"), len(kept.identity))
    return b"".join((head, kept.identity, kept.reading))


def _unpacked(record: bytes) -> Kept:
    until, alike, sign, length = _HEAD.unpack_from(record)
    begin = _HEAD.size
    return Kept(
        record[begin + length :],
        record[begin : begin + length],
        alike,
        int.from_bytes(sign, "little"),
        until,
    )
