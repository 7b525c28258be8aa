"""What an answer will probably cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.forecast import PROMPT_CACHE_S, UNKNOWN_OUTPUT, Lengths, Sessions, expected_nano
from headgate.core.price import Price
from headgate.core.usage import Usage

COUNTS = st.integers(0, 10_000_000)


def test_lengths_are_the_mean_at_first_and_follow_later() -> None:
    lengths = Lengths()
    assert lengths.expected("m", "code") == UNKNOWN_OUTPUT
    for tokens in (100, 200, 300):
        lengths.observe("m", "code", tokens)
    assert lengths.expected("m", "code") == pytest.approx(200.0)
    assert lengths.expected("m", "reasoning") == pytest.approx(200.0)
    for _ in range(200):
        lengths.observe("m", "code", 1_000)
    assert lengths.expected("m", "code") == pytest.approx(1_000.0, rel=0.01)


@given(COUNTS, COUNTS, COUNTS, st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**12))
def test_what_is_expected_is_what_it_costs_if_it_comes_so(
    fresh: int, cached: int, output: int, dear: int, cheap: int, out: int
) -> None:
    price = Price(input=dear, output=out, cache_read=cheap)
    prompt = fresh + cached
    expected = expected_nano(
        price, prompt=prompt, cached=cached / prompt if prompt else 0.0, output=float(output)
    )
    real = price.cost_nano(Usage(input=fresh, cache_read=cached, output=output))
    assert expected == pytest.approx(real, rel=1e-9, abs=1.0)


def test_what_was_cached_is_warm_for_a_while() -> None:
    sessions = Sessions()
    sessions.observe("s", "m", "2", Usage(input=10, cache_read=60, cache_write=30), 100.0)
    warm = sessions.warm("s", "m", 100.0 + PROMPT_CACHE_S)
    assert warm is not None
    assert (warm.share, warm.key) == (0.9, "2")
    assert sessions.warm("s", "m", 100.1 + PROMPT_CACHE_S) is None
    assert sessions.warm("s", "other", 100.0) is sessions.warm("t", "m", 100.0) is None
    assert sessions.last("s") == "m"


def test_who_reports_nothing_cached_is_cold() -> None:
    sessions = Sessions()
    sessions.observe("s", "m", "", Usage(input=10), 0.0)
    assert sessions.warm("s", "m", 0.0) is None


def test_only_so_many_sessions_are_remembered_the_last_ones() -> None:
    sessions = Sessions(most=3)
    for number in range(10):
        sessions.observe("first", "m", "", Usage(), 0.0)
        sessions.observe(f"s{number}", f"m{number}", "", Usage(), 0.0)
    assert len(sessions) == 3
    assert sessions.last("first") == "m"
    assert sessions.last("s0") is None
