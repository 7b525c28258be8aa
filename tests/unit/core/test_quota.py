"""Limits of a minute at our own door: exact in every window, whatever comes when."""

from __future__ import annotations

from collections import deque
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from headgate.core.allowance import Rates
from headgate.core.quota import GRAIN_S, Quota
from headgate.core.window import MINUTE_S

STEPS = st.lists(
    st.tuples(st.floats(0.0, 40.0) | st.just(0.0), st.integers(1, 60), st.sampled_from("sscd")), max_size=60
)


def quota(**rates: int) -> Quota:
    made = Quota()
    made.allow(Rates(**rates))
    return made


@given(STEPS, st.integers(1, 6), st.integers(1, 100))
def test_no_window_of_a_minute_holds_more_than_the_limits_and_none_is_refused_that_fits(
    steps: list[tuple[float, int, str]], rpm: int, tpm: int
) -> None:
    """Beside a list of all that was let through. What was let through may count for a grain longer."""
    made, now = quota(rpm=rpm, tpm=tpm), 0.0
    let: deque[tuple[float, int]] = deque()
    for after_s, tokens, then in steps:
        now += after_s
        here = [one for one in let if one[0] > now - MINUTE_S]
        longer = [one for one in let if one[0] > now - MINUTE_S - GRAIN_S - 1e-9]
        wanted = min(tokens, tpm)
        taken = made.take(now, tokens)
        if taken is None:
            assert len(longer) >= rpm or sum(one[1] for one in longer) + wanted > tpm
            at = made.next_at(now, tokens)
            assert now < at < inf
        else:
            assert len(here) < rpm
            assert sum(one[1] for one in here) + wanted <= tpm
            if then == "c":
                made.cancel(taken)
            elif then == "d":
                let.append((now, wanted))
            else:
                made.settle(taken, tokens // 2)
                let.append((now, tokens // 2))
        told = made.allowed(now)
        assert 0 <= told.requests_left <= rpm
        assert 0 <= told.tokens_left <= tpm


@given(st.lists(st.floats(0.0, 30.0), min_size=1, max_size=30), st.integers(1, 5))
def test_at_the_time_that_is_told_there_is_room(waits: list[float], rpm: int) -> None:
    made, now = quota(rpm=rpm), 0.0
    for wait_s in waits:
        now += wait_s
        if made.take(now, 0) is None:
            now = made.next_at(now, 0)
            assert made.take(now, 0) is not None


def test_a_clock_that_is_set_back_gives_nothing_back() -> None:
    made = quota(rpm=2)
    assert made.take(100.0, 0) is not None
    assert made.take(40.0, 0) is not None
    assert made.take(41.0, 0) is None
    assert made.take(101.0, 0) is None
    assert made.take(100.0 + MINUTE_S + GRAIN_S, 0) is not None


def test_it_remembers_no_more_than_a_minute_needs() -> None:
    made = quota(rpm=10**9)
    for step in range(50_000):
        made.take(step * MINUTE_S / 10_000, 0)
    assert len(made._entries) <= 4097


def test_a_limit_of_nothing_lets_nothing_through() -> None:
    assert quota(rpm=0).take(0.0, 0) is None
    assert quota(tpm=0).take(0.0, 5) is None
    assert quota(rpm=0).next_at(0.0, 0) == inf
