"""Back-off within its bounds, and retries within their share."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.core.retry import Backoff, RetryBudget

rounds = st.integers(1, 10_000)


@given(rounds, st.floats(0.0, 10.0), st.floats(0.0, 60.0), st.integers())
@settings(max_examples=60, deadline=None)
def test_a_wait_is_between_nothing_and_the_rounds_ceiling(
    round_: int, base_s: float, cap_s: float, seed: int
) -> None:
    wait_s = Backoff(base_s=base_s, cap_s=cap_s).wait_s(round_, Random(seed))
    assert 0.0 <= wait_s <= cap_s
    if round_ < 30:
        assert wait_s <= base_s * 2 ** (round_ - 1)


def test_the_jitter_is_full() -> None:
    """Waits fill the whole range evenly, so that callers who failed together do not return together."""
    chance, backoff = Random(7), Backoff(base_s=1.0, cap_s=100.0)
    waits = [backoff.wait_s(4, chance) for _ in range(4000)]
    quarters = [sum(low <= wait < low + 2.0 for wait in waits) for low in (0.0, 2.0, 4.0, 6.0)]
    assert sum(quarters) == 4000
    assert all(900 < count < 1100 for count in quarters)


def test_the_ceiling_doubles_until_the_cap() -> None:
    class Highest(Random):
        def uniform(self, a: float, b: float) -> float:
            return b

    backoff = Backoff(base_s=0.2, cap_s=1.0)
    assert [backoff.wait_s(round_, Highest()) for round_ in (1, 2, 3, 4, 5)] == [0.2, 0.4, 0.8, 1.0, 1.0]


@given(
    st.floats(0.0, 1.0),
    st.floats(0.0, 20.0),
    st.lists(st.booleans(), max_size=300),
)
@settings(max_examples=60, deadline=None)
def test_retries_never_exceed_their_share_of_requests_and_the_reserve(
    ratio: float, reserve: float, events: list[bool]
) -> None:
    budget, requests, retries = RetryBudget(ratio=ratio, reserve=reserve), 0, 0
    for is_request in events:
        if is_request:
            budget.deposit()
            requests += 1
        else:
            retries += budget.withdraw()
        assert retries <= requests * ratio + reserve + 1e-6


def test_a_quiet_day_has_its_reserve() -> None:
    budget = RetryBudget(ratio=0.2, reserve=10.0)
    assert sum(budget.withdraw() for _ in range(50)) == 10


def test_what_was_saved_is_bounded() -> None:
    budget = RetryBudget(ratio=0.2, reserve=10.0)
    for _ in range(100_000):
        budget.deposit()
    assert 99 <= sum(budget.withdraw() for _ in range(1000)) <= 101


def test_five_requests_pay_for_one_retry() -> None:
    budget = RetryBudget(ratio=0.2, reserve=1.0)
    assert budget.withdraw()
    for _ in range(4):
        budget.deposit()
    assert not budget.withdraw()
    budget.deposit()
    budget.deposit()
    assert budget.withdraw()


def test_a_share_of_nothing_means_no_retry_at_all() -> None:
    assert not RetryBudget(ratio=0.0).withdraw()
