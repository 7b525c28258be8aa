"""Partitions and endings: what may be shared, and what is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.reuse import PROBE, Ending, Freshness, Partition, Reuse, ending_of, told

TEXT = st.text(max_size=6)
PARTITIONS = st.builds(
    Partition,
    st.none() | TEXT,
    TEXT,
    st.frozensets(TEXT, max_size=3),
    st.sampled_from(["", "plain", "marked"]),
)


@given(PARTITIONS, PARTITIONS)
def test_seeds_are_equal_only_for_the_same_partition(one: Partition, other: Partition) -> None:
    assert (one.seed() == other.seed()) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Partition(None, "m", frozenset()), Partition("", "m", frozenset())),
        (Partition("a", "bc", frozenset()), Partition("ab", "c", frozenset())),
        (Partition("a", "b", frozenset({"c"})), Partition("a", "bc", frozenset())),
        (Partition("a", "b", frozenset({"c", "d"})), Partition("a", "b", frozenset({"cd"}))),
        (Partition("shared", "b", frozenset()), Partition(None, "b", frozenset())),
    ],
)
def test_no_field_runs_into_the_next(one: Partition, other: Partition) -> None:
    assert one.seed() != other.seed()


def tail(metadata: bytes | None) -> bytes:
    return b"{}" if metadata is None else b'{"m":' + metadata + b"}"


@given(st.lists(st.sampled_from([b'{"a":1}', b"{}", PROBE]), min_size=1, max_size=4))
def test_an_ending_is_told_as_the_original_would(metadata: list[bytes]) -> None:
    calls = []

    def counted(given: bytes | None) -> bytes:
        calls.append(given)
        return tail(given)

    ending = Ending(counted, marked=True)
    for one in metadata:
        assert ending.tell(one) == tail(one)
    assert len(calls) == 1
    assert told(ending.known(), b'{"z":0}') == tail(b'{"z":0}')


def test_an_ending_without_metadata_stays_so() -> None:
    ending = Ending(tail, marked=False)
    assert ending.tell(None) == b"{}" == ending.tell(b'{"a":1}')


@pytest.mark.parametrize(
    ("wants", "age_s", "takes"),
    [
        (Freshness(), 1e9, True),
        (Freshness(no_cache=True), 0.0, False),
        (Freshness(max_age_s=5.0), 5.0, True),
        (Freshness(max_age_s=5.0), 5.1, False),
        (Freshness(max_age_s=0.0), 0.1, False),
    ],
)
def test_a_caller_may_want_it_fresh(wants: Freshness, age_s: float, takes: bool) -> None:
    assert wants.takes(age_s) is takes


def test_a_hit_is_what_no_upstream_was_asked_for() -> None:
    assert {reuse for reuse in Reuse if not reuse.hit} == {Reuse.BYPASS, Reuse.MISS}


def test_an_ending_is_known_by_what_tells_it() -> None:
    """So that who stands above who has cut the end need not cut it again."""
    ending = Ending(tail, marked=True)
    assert ending_of(ending.tell, marked=True) is ending
    assert ending_of(ending.tell, marked=False) is not ending
    assert ending_of(tail, marked=True).tell(b'{"a":1}') == tail(b'{"a":1}')
