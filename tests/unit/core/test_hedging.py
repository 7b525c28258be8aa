"""Hedges: when, where, how many."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.core.hedging import BURST, LEAST, MORE, RECENT, Terms, Times, Where
from headgate.core.retry import RetryBudget

seconds = st.floats(0.0, 1e4, allow_nan=False)
shares = st.floats(0.5, 0.99)


def observed(times: Sequence[float]) -> Times:
    found = Times()
    for one in times:
        found.observe(one)
    return found


@given(st.lists(seconds, max_size=3 * RECENT), shares)
@settings(max_examples=60, deadline=None)
def test_a_quantile_is_that_of_the_last_ones_by_rank(times: list[float], share: float) -> None:
    known = sorted(times[-RECENT:])
    found = observed(times).quantile(share)
    if len(known) < LEAST or len(known) * (1.0 - share) < 1.0 - 1e-9:
        assert found is None
    else:
        assert found == known[ceil(len(known) * share - 1e-9) - 1]
        assert sum(one <= found for one in known) >= share * len(known) - 1e-6


def test_who_was_let_go_of_keeps_the_quantile_where_it_is() -> None:
    """Were the slow ones, which are cut short, left out, each quantile would be shorter than the last."""
    with_them, without = Times(), Times()
    for number in range(20 * RECENT):
        time = 1.0 + number * 7 % 100 / 100  # evenly from 1 to 2
        for times, counts in ((with_them, True), (without, False)):
            delay = times.quantile(0.9)
            if delay is None or time <= delay:
                times.observe(time)
            elif counts:
                times.observe(delay + 0.01)
    assert with_them.quantile(0.9) == pytest.approx(1.9, abs=0.05)
    assert (without.quantile(0.9) or 9.0) < 1.5


@given(st.lists(seconds, max_size=100), shares, st.floats(0.0, 10.0))
@settings(max_examples=60, deadline=None)
def test_the_delay_is_a_little_more_than_the_quantile_and_never_less_than_the_floor(
    times: list[float], share: float, floor_s: float
) -> None:
    known = observed(times)
    delay, learnt = Terms(quantile=share, floor_s=floor_s).delay_s(known), known.quantile(share)
    assert delay == (None if learnt is None else max(learnt * MORE, floor_s))
    assert Terms(after_s=0.3, floor_s=floor_s).delay_s(known) == 0.3


@given(st.sampled_from(get_args(Where)), st.integers(1, 6), st.integers(1, 9), st.data())
@settings(max_examples=80, deadline=None)
def test_a_hedge_never_takes_an_attempt_that_another_model_is_owed(
    at: Where, models: int, attempts: int, data: st.DataObject
) -> None:
    chain = [f"m{number}" for number in range(models)]
    model, terms = data.draw(st.sampled_from(chain)), Terms(at=at)
    left = max(attempts, len(chain)) - 1
    if terms.another_key(chain, attempts):
        assert at != "model"
        assert left - 1 >= len(chain) - 1
    others = terms.other_models(chain, model)
    assert model not in others
    assert list(others) == ([] if at == "key" else [one for one in chain if one != model])


@given(st.floats(0.01, 1.0), st.lists(st.booleans(), max_size=400))
@settings(max_examples=60, deadline=None)
def test_hedges_are_never_more_than_their_share(share: float, events: list[bool]) -> None:
    budget, requests, hedges = RetryBudget(ratio=share, reserve=0.0, ceiling=BURST), 0, 0
    for is_request in events:
        if is_request:
            budget.deposit()
            requests += 1
        else:
            hedges += budget.withdraw()
        assert hedges <= requests * share + 1e-6
