"""What is kept free for those who ask for little."""

from __future__ import annotations

from math import sqrt
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.core.spare import DEVIATIONS, Spare


def filled(per_s: float, seconds: float, chance: Random | None = None) -> Spare:
    """After so many seconds in which so many asked."""
    spare, now = Spare(), 0.0
    while (now := now + (chance.expovariate(per_s) if chance else 1.0 / per_s)) < seconds:
        spare.one(now)
    return spare


def test_nothing_is_kept_until_somebody_asks_for_little_and_a_minute_after_the_last() -> None:
    assert Spare().calls(5.0) == 0
    spare = filled(1.0, 300.0)
    assert spare.calls(310.0) > 0
    assert spare.calls(360.0) == 0


@settings(max_examples=30)
@given(st.integers(0, 1000), st.floats(0.5, 20.0))
def test_with_those_who_are_here_it_is_what_comes_in_a_minute_and_chance(seed: int, per_s: float) -> None:
    """However many there are at the moment, who asks for much may hold the same."""
    chance, minute = Random(seed), per_s * 60.0
    spare, now, times = Spare(), 0.0, list[float]()
    while (now := now + chance.expovariate(per_s)) < 900.0:
        spare.one(now)
        times.append(now)
    here = sum(at > 840.0 for at in times)
    if here < minute:
        kept = spare.calls(900.0) + here
        assert kept == pytest.approx(
            minute + DEVIATIONS * sqrt(minute * 7 / 6), abs=2.5 * sqrt(minute) + 0.05 * minute
        )


def test_keys_share_it() -> None:
    spare = filled(10.0, 600.0)
    alone = spare.calls(600.0)
    spare.keys = 4
    assert spare.calls(600.0) == pytest.approx(alone / 4, abs=1)


def test_in_its_first_minute_those_who_were_there_before_count_as_here() -> None:
    """Else all of the limit would be kept free for requests that have been made already."""
    for seconds in (6.0, 20.0, 40.0, 59.0):
        usual = sqrt(600.0 * (1.0 + 60.0 / seconds)) * DEVIATIONS
        assert filled(10.0, seconds).calls(seconds) == pytest.approx(usual, rel=0.35)


def test_who_asks_for_much_never_starves_and_its_keys_share_what_is_its_own() -> None:
    spare = filled(10.0, 600.0)
    spare.keys, spare.left_at = 2, 600.0
    assert spare.owed_at(1 / 150) == pytest.approx(640.0), "of 300 a minute, one and a half"
    assert Spare().owed_at(0.5) < 0.0, "the first at once"
