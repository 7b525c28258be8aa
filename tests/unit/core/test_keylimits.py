"""One key: what the operator allows, what the provider says, and what others use of it."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.core.allowance import FREE, Grant, Rates
from headgate.core.keylimits import NEWS_S, PROBE_S, KeyLimits
from headgate.core.standing import Quota, Standing
from headgate.core.window import GUARD_MAX_S, MINUTE_S, Windows


def key(**rates: int) -> KeyLimits:
    limits = KeyLimits(Windows(FREE))
    limits.configure(Rates(**rates))
    return limits


def told(
    limit: int, remaining: int | None = None, reset_s: float | None = None, *, tokens: Quota | None = None
) -> Standing:
    return Standing(Quota(limit, remaining, reset_s), tokens)


def served(limits: KeyLimits, now: float, standing: Standing | None = None, tokens: int = 0) -> Grant:
    """A call that is answered at once."""
    grant = limits.reserve(now, tokens)
    assert grant
    limits.answered(grant, standing, now)
    limits.settle(grant, tokens, now)
    return grant


def test_a_key_without_limits_reserves_nothing_until_its_provider_names_some() -> None:
    limits = key()
    assert (limits.limited, limits.metered) == (False, False)
    assert (limits.usage(0.0), limits.headroom(0.0)) == ({}, 1.0)
    limits.answered(None, told(2, 1, tokens=Quota(100, 90)), 0.0)
    assert (limits.limited, limits.metered, limits.rates) == (True, True, Rates(rpm=2, tpm=100))
    assert limits.usage(0.0) == {"requests": 0.5, "tokens": pytest.approx(0.1, abs=0.03)}
    served(limits, 1.0)
    assert not limits.fits(1.0, 1)


def test_the_stricter_of_both_counts() -> None:
    limits = key(rpm=10)
    served(limits, 0.0, told(50))
    assert limits.rates.rpm == 10
    served(limits, 1.0, told(5))
    assert limits.rates.rpm == 5
    served(limits, 2.0, told(50))
    assert limits.rates.rpm == 10
    limits.configure(Rates(rpm=7))
    assert limits.rates.rpm == 7


def test_an_answer_from_before_a_cut_does_not_undo_it() -> None:
    limits = key(rpm=10)
    slow, quick = limits.reserve(0.0, 0), limits.reserve(0.1, 0)
    assert slow
    assert quick
    limits.answered(quick, told(5), 1.0)
    limits.answered(slow, told(10), 9.0)
    assert limits.rates.rpm == 5
    served(limits, 10.0, told(10))
    assert limits.rates.rpm == 10


def test_what_is_said_of_requests_leaves_tokens_as_they_were() -> None:
    limits = key()
    limits.answered(None, told(10, tokens=Quota(1000)), 0.0)
    limits.answered(None, told(20), 1.0)
    assert limits.rates == Rates(rpm=20, tpm=1000)


def test_a_limit_of_a_day_is_not_one_of_a_minute_but_when_it_is_used_up_the_key_rests() -> None:
    limits = key(rpm=10)
    served(limits, 0.0, told(200, 199, 432.0))
    assert (limits.rates.rpm, limits.usage(0.0)) == (10, {"requests": 0.1})
    served(limits, 1.0, told(200, 0, 432.0))
    assert limits.next_at(1.0, 0) == 433.0
    assert (limits.refill(1.0, 1), limits.room(1.0, 432.0)) == (433.0, 0.0)


def test_what_somebody_else_used_of_the_key_counts() -> None:
    limits = key(rpm=10)
    served(limits, 0.0, told(10, 9))
    assert limits.usage(0.0) == {"requests": 0.1}
    served(limits, 1.0, told(10, 3))
    assert limits.usage(1.0) == {"requests": 0.7}
    served(limits, 2.0, told(10, 2))
    assert limits.usage(2.0) == {"requests": 0.8}
    assert limits.usage(70.0) == {"requests": 0.0}


@given(
    st.lists(
        st.tuples(st.floats(0, 1.25), st.integers(0, 300), st.floats(0, 9), st.integers(0, 100)), max_size=40
    )
)
@settings(max_examples=100, deadline=None)
def test_our_own_calls_are_never_taken_for_somebody_elses(
    calls: list[tuple[float, int, float, int]],
) -> None:
    """The provider counts each of them once, in whatever order, and all of them within a minute."""
    limits, now, tokens_counted = key(rpm=1000, tpm=10**6), 0.0, 0
    open_: list[tuple[float, Grant, int, Standing]] = []
    for counted, (gap_s, tokens, lasts_s, took) in enumerate(calls, start=1):
        now += gap_s
        for ends, grant, spent, standing in [call for call in open_ if call[0] <= now]:
            limits.answered(grant, standing, ends)
            limits.settle(grant, spent, ends)
        open_ = [call for call in open_ if call[0] > now]
        sent = limits.reserve(now, tokens)
        assert sent
        tokens_counted += took
        standing = told(1000, 1000 - counted, tokens=Quota(10**6, 10**6 - tokens_counted))
        open_.append((now + lasts_s, sent, took, standing))
    for ends, grant, spent, standing in open_:
        limits.answered(grant, standing, ends)
        limits.settle(grant, spent, ends)
    assert limits.allowance.levels(0.0).calls <= len(calls)


# ── in the dark ──────────────────────────────────────────────────────────────────────────────────────


def test_half_of_a_limit_may_be_used_at_once_and_the_rest_when_the_provider_has_been_heard() -> None:
    limits = key(rpm=10)
    told_: list[bool] = []
    limits.watch(lambda: told_.append(limits.fits(101.0, 0)))
    grants = [limits.reserve(100.0, 0) for _ in range(5)]
    assert all(grants)
    assert limits.reserve(100.0, 0) is None
    assert not limits.fits(100.0, 0)
    assert limits.next_at(100.0, 0) == 100.0 + PROBE_S
    limits.answered(grants[0], None, 100.5)
    assert told_ == [True]
    assert all(limits.reserve(100.5, 0) for _ in range(5))
    assert limits.reserve(100.5, 0) is None


def test_without_an_answer_calls_go_one_a_second() -> None:
    limits = key(rpm=20)
    now = 0.0
    sent: list[float] = []
    while len(sent) < 20:
        if limits.reserve(now, 0):
            sent.append(now)
        else:
            now = limits.next_at(now, 0)
    assert sent == pytest.approx([0.0] * 10 + [PROBE_S * (second + 1) for second in range(10)])


def test_a_cut_by_half_costs_one_refusal_however_many_wait() -> None:
    limits = key(rpm=10)
    for _ in range(10):
        served(limits, 0.0)
    now, refused = MINUTE_S + GUARD_MAX_S, 0
    first = [limits.reserve(now, 0) for _ in range(5)]
    assert all(first)
    for second in range(3):
        at = now + NEWS_S + second
        grant = limits.reserve(at, 0)
        if grant is not None:
            refused += 1
            limits.throttled(grant, told(5, 0), at)
    assert refused == 1
    assert limits.next_at(now + 10.0, 0) >= now + MINUTE_S


def test_a_pause_holds_for_the_key() -> None:
    limits = key(rpm=10)
    limits.pause(7.0, 100.0)
    assert (limits.fits(106.9, 0), limits.reserve(106.9, 0), limits.next_at(101.0, 0)) == (False, None, 107.0)
    assert limits.reserve(107.0, 0)
    limits.pause(1e15, 107.0)
    assert limits.next_at(107.0, 0) == 107.0 + 3600.0


def test_what_is_given_back_is_told() -> None:
    limits = key(tpm=100)
    served(limits, 0.0, tokens=10)
    told_: list[int] = []
    end = limits.watch(lambda: told_.append(1))
    grant = limits.reserve(1.0, 50)
    assert grant
    limits.settle(grant, 20, 2.0)
    grant = limits.reserve(2.0, 50)
    assert grant
    limits.cancel(grant, 3.0)
    limits.configure(Rates(tpm=200))
    assert told_ == [1, 1, 1]
    end()
    assert limits.allowance.levels(3.0).tokens == 30


def test_its_condition_is_for_people() -> None:
    limits = key(rpm=1, tpm=100, burst=1)
    served(limits, 0.0, tokens=40)
    assert limits.condition(1.0) == {
        "requests": {"limit": 1, "used": 1},
        "tokens": {"limit": 100, "used": 40},
        "burst": {"limit": 1},
        "room_in_s": 59.03,
    }
    assert limits.headroom(1.0) == 0.0
    limits.configure(Rates(rpm=0))
    assert limits.condition(1.0)["room_in_s"] is None
    assert (limits.refill(1.0, 1), limits.usage(1.0)) == (inf, {"requests": 1.0})
    assert key().condition(0.0) == {}
