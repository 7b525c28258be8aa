"""Calls keep a distance that grows as the window fills up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.allowance import Rates
from headgate.core.keylimits import KeyLimits
from headgate.core.pace import AHEAD_S, Haste, ahead_s, gap_s, within
from headgate.core.window import Windows


def sent(limits: KeyLimits, until: float, tokens: int = 0) -> list[float]:
    """When calls would leave, if there are always more, each answered at once."""
    now, times = 0.0, []
    while (now := max(now, limits.next_at(now, tokens))) < until:
        grant = limits.reserve(now, tokens)
        if grant is None:
            now += 1e-3
            continue
        limits.answered(grant, None, now)
        limits.settle(grant, tokens, now)
        times.append(now)
    return times


def smooth(**rates: int) -> KeyLimits:
    limits = KeyLimits(Windows(Rates()))
    limits.configure(Rates(**rates))
    limits.smooth = True
    return limits


def test_a_few_calls_out_of_the_blue_hardly_wait() -> None:
    times = sent(smooth(rpm=20), 2.0)
    assert times[2] < 0.2
    assert times[4] < 1.0


@pytest.mark.parametrize("rpm", [20, 60, 600])
def test_under_load_the_limit_is_used_evenly_from_the_second_minute_on(rpm: int) -> None:
    times = sent(smooth(rpm=rpm), 600.0)
    per_ten = [sum(10 * n <= at < 10 * n + 10 for at in times) for n in range(60)]
    assert len(times) >= 0.97 * rpm * 10
    assert max(per_ten[12:]) <= 1.2 * rpm / 6 + 1
    assert min(per_ten[12:]) >= 0.8 * rpm / 6 - 1


def test_tokens_are_spread_too() -> None:
    times = sent(smooth(tpm=6000), 600.0, tokens=100)
    per_ten = [sum(10 * n <= at < 10 * n + 10 for at in times) for n in range(60)]
    assert len(times) >= 0.97 * 60 * 10
    assert max(per_ten[12:]) <= 15


@given(st.floats(0.0, 1.0), st.floats(1e-4, 1.0), st.integers(1, 500))
def test_how_many_and_how_long_are_inverse(level: float, share: float, calls: int) -> None:
    seconds = ahead_s(level, share, calls)
    assert within(level, share, seconds) == pytest.approx(calls, rel=1e-6, abs=1e-4)
    assert seconds <= 60.0 * share * (calls - 1) + 1e-6
    assert gap_s(level, share) <= 60.0 * share


def test_an_estimate_tells_when_so_many_have_gone() -> None:
    limits = smooth(rpm=60)
    at = [limits.refill(0.0, calls) for calls in (10, 30, 60, 90)]
    times = sent(limits, 120.0)
    for calls, told in zip((10, 30, 60, 90), at, strict=True):
        assert told == pytest.approx(times[calls - 1], rel=0.1, abs=1.0)


def test_who_finds_nobody_waiting_may_run_ahead_of_the_pace_and_the_next_pays() -> None:
    limits = smooth(rpm=600)
    now = sent(limits, 30.0)[-1]
    early = 0
    while limits.reserve(now, 0, Haste.EARLY):
        early += 1
    assert early == pytest.approx(AHEAD_S / 0.1, abs=2)
    assert not limits.fits(now + AHEAD_S - 0.1, 0), "who waits in line keeps the pace"
    assert limits.fits(now + AHEAD_S + 0.2, 0)


def test_something_is_kept_for_those_who_ask_for_little() -> None:
    limits = smooth(rpm=60)
    sent(limits, 20.0)
    for second in range(20, 35, 3):
        assert limits.reserve(float(second), 0, Haste.URGENT)
    left = limits.spare.calls(35.0)
    assert left > 5
    now = 35.0
    while (at := limits.next_at(now, 0)) < 59.0:
        now = max(at, now + 1e-3)
        limits.answered(limits.reserve(now, 0), None, now)
    assert 40 <= limits.allowance.levels(59.0).calls <= 60 - limits.spare.calls(59.0)
    assert not limits.fits(now + 1.5, 0)
    assert limits.fits(now + 1.5, 0, Haste.FAIR), "who need leave nothing"
    assert limits.fits(now + 1.5, 0, Haste.URGENT)
    assert limits.spare.calls(121.0) == 0, "for a minute after the last of them"


def test_of_what_is_kept_a_little_is_for_those_who_ask_for_much_however_full_it_is() -> None:
    """The others leave nothing for an hour; who takes what it can get has half a percent all the same."""
    limits = smooth(rpm=60)
    now, due, much = 0.0, 0.0, 0
    while now < 3600.0:
        haste = Haste.URGENT if now >= due else Haste.STEADY
        if grant := limits.reserve(now, 0, haste):
            limits.answered(grant, None, now)
            much += haste is Haste.STEADY and now >= 600.0
            due += 1.02 if haste is Haste.URGENT else 0.0
        now += 0.25
    assert much == pytest.approx(0.005 * 60 * 50, abs=2)
