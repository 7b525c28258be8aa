"""Sides of an experiment are sticky and fair; a canary is stopped for a reason, and hardly ever without
one."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.experiment import Bets, Ending, Trial, place, side

WELL = Ending(failed=False, seconds=1.0)
ILL = Ending(failed=True)


@given(st.text(), st.text())
def test_a_place_is_always_the_same_and_between_nought_and_one(salt: str, unit: str) -> None:
    assert 0.0 <= place(salt, unit) < 1.0
    assert place(salt, unit) == place(salt, unit)


def test_shares_are_kept_and_salts_do_not_agree() -> None:
    users = [f"user-{number}" for number in range(20_000)]
    sides = Counter(side("x", user, {"a": 3, "b": 1}) for user in users)
    assert sides["a"] == pytest.approx(15_000, rel=0.02)
    both = Counter((side("x", user, {"a": 1, "b": 1}), side("y", user, {"a": 1, "b": 1})) for user in users)
    assert min(both.values()) > 4_700


def trial(slower: float = 1.0) -> Trial:
    return Trial(false_alarm=0.05, slower=slower)


def played(chance: Random, state: Trial, pairs: int, old: float, new: float, slow: float = 1.0) -> Trial:
    """Endings of both sides, which fail so often; the canary's waits are `slow` times as long."""
    for _ in range(pairs):
        state = state.other(Ending(chance.random() < old, chance.expovariate(1.0)))
        state = state.canary(Ending(chance.random() < new, slow * chance.expovariate(1.0)))
        if state.stopped:
            break
    return state


def test_a_canary_that_is_no_worse_is_stopped_no_more_often_than_promised() -> None:
    """500 canaries that are exactly as bad: 25 false alarms would be the promise."""
    stopped = [played(Random(seed), trial(), 300, 0.2, 0.2).stopped for seed in range(500)]
    assert sum(one is not None for one in stopped) <= 25


@pytest.mark.parametrize(("old", "new", "pairs"), [(0.0, 0.1, 200), (0.1, 0.4, 100), (0.0, 1.0, 12)])
def test_one_that_fails_more_often_is_found_out(old: float, new: float, pairs: int) -> None:
    found = [played(Random(seed), trial(), pairs, old, new).stopped for seed in range(50)]
    assert found.count("errors") >= 45


def test_one_that_is_slower_is_found_out_and_one_within_bounds_is_not() -> None:
    slow = [played(Random(seed), trial(), 300, 0.0, 0.0, slow=3.0).stopped for seed in range(50)]
    assert slow.count("latency") >= 45
    within = [played(Random(seed), trial(slower=4.0), 300, 0.0, 0.0, slow=3.0).stopped for seed in range(50)]
    assert within.count(None) >= 48


def test_an_outage_on_both_sides_says_nothing() -> None:
    state = trial()
    for _ in range(1_000):
        state = state.other(ILL).canary(ILL)
    assert state.stopped is None


def test_what_has_nobody_to_be_compared_with_waits_for_nobody() -> None:
    state = trial().canary(ILL)
    assert state.compared == 0
    state = state.other(WELL).canary(WELL).canary(ILL)
    assert state.compared == 1


@given(st.lists(st.booleans(), max_size=200))
def test_a_bet_is_fair_where_losing_is_as_likely_as_winning(endings: list[bool]) -> None:
    bets = Bets()
    for lost in endings:
        fair = (bets.after(lost=True).total + bets.after(lost=False).total) / 2.0
        assert fair == pytest.approx(bets.total)
        bets = bets.after(lost=lost)
