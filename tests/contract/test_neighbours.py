"""`ports.Neighbours`: the nearest of one's own partition, none that has expired, the oldest gone first."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from headgate.adapters.near.graph import Graph
from headgate.adapters.near.questions import Questions
from headgate.ports.neighbours import Kept, Near, Neighbours

Rows = NDArray[np.float32]
DIMENSION = 64
MAKERS: dict[str, Callable[[int], Neighbours]] = {
    "flat": lambda most: Questions(DIMENSION, most),
    "graph": lambda most: Questions(DIMENSION, most, grown=Graph, grows_at=0),
    "grown": lambda most: Questions(DIMENSION, most, grown=Graph, grows_at=40),
}
A, B = b"a" * 16, b"b" * 16
SIGNED = 7 << 120 | 3


@pytest.fixture(params=list(MAKERS.values()), ids=list(MAKERS))
def make(request: pytest.FixtureRequest) -> Callable[[int], Neighbours]:
    maker: Callable[[int], Neighbours] = request.param
    return maker


def vectors(count: int, seed: int = 0) -> Rows:
    rows = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def kept(name: str, until: float = 100.0) -> Kept:
    return Kept(reading=name.encode(), identity=name.encode(), alike=b"8 bytes!", sign=SIGNED, until=until)


def names(found: list[Near]) -> list[str]:
    return [one.kept.reading.decode() for one in found]


def filled(index: Neighbours, count: int = 100) -> Rows:
    rows = vectors(count)
    for at, row in enumerate(rows):
        index.add(A, row, kept(str(at)))
    return rows


def test_the_nearest_come_first_and_are_as_alike_as_they_are(make: Callable[[int], Neighbours]) -> None:
    index = make(1000)
    rows = filled(index)
    exact = rows @ rows[7]
    found = index.near(A, rows[7], 3, 0.0)
    assert names(found)[0] == "7"
    assert [one.likeness for one in found] == pytest.approx(sorted(exact, reverse=True)[:3], abs=0.02)


def test_nothing_is_seen_from_another_partition(make: Callable[[int], Neighbours]) -> None:
    index = make(1000)
    rows = filled(index)
    assert index.near(B, rows[0], 5, 0.0) == []
    index.add(B, rows[0], kept("theirs"))
    assert names(index.near(B, rows[1], 5, 0.0)) == ["theirs"]
    assert "theirs" not in names(index.near(A, rows[0], 100, 0.0))


def test_what_has_expired_or_was_dropped_is_not_found(make: Callable[[int], Neighbours]) -> None:
    index = make(1000)
    rows = filled(index)
    index.drop(A, b"3")
    assert "3" not in names(index.near(A, rows[3], 100, 0.0))
    index.drop(A, b"3")
    assert len(index) == 99
    assert index.near(A, rows[4], 5, 100.0) == []


def test_the_same_identity_takes_the_place_of_the_older(make: Callable[[int], Neighbours]) -> None:
    index = make(1000)
    rows = filled(index)
    moved = vectors(1, seed=9)[0]
    index.add(A, moved, kept("3"))
    assert len(index) == 100
    assert names(index.near(A, moved, 1, 0.0)) == ["3"]
    assert index.near(A, rows[3], 1, 0.0)[0].likeness < 0.9


def test_where_there_is_no_room_the_oldest_goes(make: Callable[[int], Neighbours]) -> None:
    index = make(30)
    rows = filled(index)
    assert len(index) == 30
    assert index.near(A, rows[0], 1, 0.0)[0].likeness < 0.9
    assert names(index.near(A, rows[99], 1, 0.0)) == ["99"]
    assert index.clear() == 30
    assert index.near(A, rows[99], 1, 0.0) == []


def test_the_last_of_the_same_signature_is_found_at_once(make: Callable[[int], Neighbours]) -> None:
    index = make(1000)
    rows = filled(index)
    last = index.same(A, SIGNED, 0.0)
    assert last == kept("99")
    assert index.same(A, SIGNED, 100.0) is None
    assert index.same(A, SIGNED + 1, 0.0) is None
    assert index.same(B, SIGNED, 0.0) is None
    index.add(A, rows[3], msgspec.structs.replace(kept("3"), sign=5))
    assert names([Near(one, 1.0) for one in [index.same(A, 5, 0.0)] if one]) == ["3"]
    index.drop(A, b"3")
    assert index.same(A, 5, 0.0) is None
