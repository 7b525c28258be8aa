"""What every store of answers keeps to (`ports.Cache`)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.adapters.memory.cache import MemoryCache
from headgate.core.reuse import Stored
from headgate.core.usage import Usage
from headgate.ports.cache import Cache

ROOM = 16_384
NOW = 1_000.0

Make = Callable[[], Cache]


@pytest.fixture(params=[lambda: MemoryCache(max_bytes=ROOM)], ids=["memory"])
def make(request: pytest.FixtureRequest) -> Make:
    found: Make = request.param
    return found


def answer(body: bytes = b"hello", *, ttl_s: float = 10.0, at: float = NOW) -> Stored:
    return Stored(
        provider="p",
        model_id="m",
        model_name="m-1",
        served_model="m-1-0613",
        finish="stop",
        usage=Usage(input=3, output=5),
        cost_nano=7,
        stream=True,
        body=body,
        end=(b"data: {", b"}\n\n"),
        stored_at=at,
        expires_at=at + ttl_s,
    )


def test_what_is_put_is_found_as_it_was(make: Make) -> None:
    cache = make()
    assert cache.get(b"a", NOW) is None
    cache.put(b"a", answer())
    assert cache.get(b"a", NOW) == answer()
    assert cache.get(b"b", NOW) is None


def test_the_newer_answer_takes_the_place_of_the_older(make: Make) -> None:
    cache = make()
    cache.put(b"a", answer(b"old"))
    cache.put(b"a", answer(b"new"))
    assert cache.get(b"a", NOW) == answer(b"new")


def test_an_answer_is_there_until_it_expires(make: Make) -> None:
    cache = make()
    cache.put(b"a", answer(ttl_s=10.0))
    assert cache.get(b"a", NOW + 9.9) is not None
    assert cache.get(b"a", NOW + 10.0) is None


def test_clearing_forgets_everything(make: Make) -> None:
    cache = make()
    for number in range(3):
        cache.put(b"%d" % number, answer())
    assert cache.clear() == 3
    assert cache.get(b"0", NOW) is None
    assert cache.clear() == 0


def test_the_least_recently_used_goes_first(make: Make) -> None:
    cache = make()
    size = ROOM // 8 - 600
    for number in range(7):
        cache.put(b"%d" % number, answer(b"x" * size))
    assert cache.get(b"0", NOW) is not None
    for number in range(7, 14):
        cache.get(b"0", NOW)
        cache.put(b"%d" % number, answer(b"x" * size))
    assert cache.get(b"0", NOW) is not None
    assert cache.get(b"1", NOW) is None


def test_one_answer_does_not_push_out_all_others(make: Make) -> None:
    cache = make()
    cache.put(b"small", answer())
    cache.put(b"huge", answer(b"x" * ROOM))
    assert cache.get(b"huge", NOW) is None
    assert cache.get(b"small", NOW) is not None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["put", "get", "clear", "resize"]), st.integers(0, 9), st.integers(0, 3_000)
        ),
        max_size=60,
    )
)
def test_memory_is_bounded_and_its_sum_is_right(steps: list[tuple[str, int, int]]) -> None:
    cache = MemoryCache(max_bytes=ROOM)
    for verb, who, size in steps:
        match verb:
            case "put":
                cache.put(b"%d" % who, answer(b"x" * size, ttl_s=who + 1.0))
            case "get":
                cache.get(b"%d" % who, NOW + size / 300.0)
            case "clear":
                cache.clear()
            case _:
                cache.resize(1_000 + size * 5)
        assert cache.bytes == sum(one.weight() for one in cache._answers.values()) <= cache.max_bytes
