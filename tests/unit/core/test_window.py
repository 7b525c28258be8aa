"""Sliding windows: never over the limit at the provider, nearly always at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from math import inf
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.core.allowance import FREE, Grant, Levels, Rates
from headgate.core.window import GRAINS, GUARD_MAX_S, MINUTE_S, SECOND_S, Windows
from headgate.providers.simulated.window import Window as Referee

# ── the provider, who counts on arrival ──────────────────────────────────────────────────────────────


@dataclass
class World:
    """Calls sent under `windows`, each on its way for `least_s` and up to `stray_s` more; the provider counts
    what it took from its arrival on. Our own clock may have been set back, by `behind_s` in all."""

    windows: Windows
    chance: Random
    least_s: float = 0.01
    stray_s: float = 0.0
    thinks_s: float = 0.0
    now: float = 100.0
    behind_s: float = 0.0
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    number: Iterator[int] = field(default_factory=count)
    due: list[tuple[float, int, str, Grant, int]] = field(default_factory=list)

    @property
    def clock(self) -> float:
        """What ours says."""
        return self.now - self.behind_s

    def send(self, reserved: int, took: int | None = None, *, streams_s: float = 0.0) -> bool:
        """Whether there was room. `took` is `None` where the connection was refused."""
        grant = self.windows.reserve(self.clock, reserved)
        if grant is None:
            return False
        arrives = self.now + self.least_s + self.chance.random() * self.stray_s
        answered = arrives + self.least_s + self.chance.random() * self.thinks_s
        if took is None:
            self.due.append((arrives, next(self.number), "cancel", grant, 0))
        else:
            self.arrivals.append((arrives, took))
            self.due.append((answered, next(self.number), "answered", grant, 0))
            self.due.append((answered + streams_s, next(self.number), "settle", grant, took))
        return True

    def until(self, when: float) -> None:
        """Time passes; what is due happens, each at its moment."""
        for at, _, what, grant, took in sorted(item for item in self.due if item[0] <= when):
            self.now = max(self.now, at)
            if what == "answered":
                self.windows.answered(grant, self.clock)
            elif what == "settle":
                self.windows.settle(grant, took, self.clock)
            else:
                self.windows.cancel(grant, self.clock)
        self.due = [item for item in self.due if item[0] > when]
        self.now = max(self.now, when)

    def fullest(self, span_s: float) -> tuple[int, int]:
        """(requests, tokens) of the provider's fullest window."""
        requests, tokens = Referee(span_s), Referee(span_s)
        for at, took in sorted(self.arrivals):
            requests.grant(at, 1)
            tokens.grant(at, took)
        return requests.worst, tokens.worst


CALLS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.0, 0.001, 0.3, 1.0, 7.0, 29.0, 59.99, 60.0, 60.02]),
        st.integers(1, 50),
        st.sampled_from(["settles", "settles", "settles", "is refused"]),
        st.sampled_from([0.0, 1.0, 90.0]),
        st.sampled_from([0.0] * 9 + [0.4, 61.0, 1000.0]),
    ),
    max_size=60,
)


@given(
    calls=CALLS,
    rates=st.builds(
        Rates,
        rpm=st.none() | st.integers(1, 8),
        tpm=st.none() | st.integers(50, 200),
        burst=st.none() | st.integers(1, 3),
    ),
    stray_s=st.sampled_from([0.0, 0.005, 0.4]),
    thinks_s=st.sampled_from([0.0, 2.0]),
    seed=st.integers(0, 99),
)
@settings(max_examples=300, deadline=None)
def test_no_window_at_the_provider_is_ever_over_its_limit(
    calls: list[tuple[float, int, str, float, float]],
    rates: Rates,
    stray_s: float,
    thinks_s: float,
    seed: int,
) -> None:
    """Reserved, settled for less, refused, in any order, however they are delayed on their way, and whenever
    and however far our clock is set back. (Forward it cannot be: it is the machine's monotonic one.)"""
    chance = Random(seed)
    windows = Windows(rates)
    world = World(windows, chance, stray_s=stray_s, thinks_s=thinks_s)
    latest = world.clock
    for gap_s, reserved, ending, streams_s, back_s in calls:
        world.until(world.now + gap_s)
        latest = max(latest, world.clock)
        world.behind_s += back_s
        took = None if ending == "is refused" else chance.randint(0, reserved)
        while not world.send(reserved, took, streams_s=streams_s):
            at = windows.next_at(world.clock, reserved)
            assert world.clock < at <= latest + MINUTE_S + GUARD_MAX_S
            world.until(at + world.behind_s * (1.0 + 1e-9))  # not a hair too early: they are floats
            latest = max(latest, world.clock)
    world.until(world.now + world.behind_s + 200.0)
    requests, tokens = world.fullest(MINUTE_S)
    assert rates.rpm is None or requests <= rates.rpm
    assert rates.tpm is None or tokens <= rates.tpm
    if stray_s < 0.05:
        assert rates.burst is None or world.fullest(SECOND_S)[0] <= rates.burst
    assert (windows.levels(world.clock), windows.pending) == (Levels(0, 0), 0)
    assert len(windows._minute) == 0


@pytest.mark.parametrize("stray_s", [0.0, 0.05, 0.4])
@pytest.mark.parametrize(
    "rates",
    [
        Rates(rpm=1),
        Rates(rpm=20, burst=5),
        Rates(rpm=600),
        Rates(rpm=600, burst=11),
        Rates(rpm=20, tpm=100_000),
        Rates(tpm=6_000),
    ],
)
def test_under_saturation_nearly_all_of_the_limit_is_used(rates: Rates, stray_s: float) -> None:
    world = World(Windows(rates), Random(1), stray_s=stray_s)
    ends = world.now + 600.0
    while world.now < ends:
        while world.send(100, 100, streams_s=1.0):
            pass
        world.until(max(world.windows.next_at(world.now, 100), world.now + 0.001))
    requests, tokens = world.fullest(MINUTE_S)
    most = min(rates.rpm or inf, (rates.tpm or inf) / 100, (rates.burst or inf) * 60)
    assert len(world.arrivals) / 10 >= 0.97 * most, "of the limit, over ten minutes"
    assert requests <= (rates.rpm or inf)
    assert tokens <= (rates.tpm or inf)


def test_a_call_counts_until_it_has_surely_left_the_window_at_the_other_end() -> None:
    windows = Windows(Rates(rpm=1))
    for at, took, guard_s in ((0.0, 0.001, 0.03), (61.0, 0.3, 0.3), (200.0, 9.0, GUARD_MAX_S)):
        grant = windows.reserve(at, 1)
        assert grant
        assert windows.next_at(at, 1) == pytest.approx(at + MINUTE_S + GUARD_MAX_S)
        windows.answered(grant, at + took)
        windows.settle(grant, 1, at + 10.0)
        assert windows.next_at(at + 10.0, 1) == pytest.approx(at + MINUTE_S + guard_s)


def test_what_comes_back_early_is_room_at_once() -> None:
    windows = Windows(Rates(rpm=2, tpm=100, burst=1))
    one = windows.reserve(0.0, 80)
    assert one
    assert windows.reserve(2.0, 80) is None
    windows.settle(one, 20, 2.0)
    two = windows.reserve(2.0, 80)
    assert two
    assert windows.reserve(10.0, 1) is None
    windows.cancel(two, 10.0)
    assert windows.levels(10.0) == Levels(1, 20)
    assert windows.reserve(10.0, 80)


def test_a_call_that_took_more_than_was_reserved_is_made_good() -> None:
    windows = Windows(Rates(tpm=100))
    grant = windows.reserve(0.0, 10)
    assert grant
    windows.settle(grant, 150, 1.0)
    assert windows.levels(1.0) == Levels(1, 150)
    assert windows.next_at(1.0, 1) == pytest.approx(MINUTE_S + GUARD_MAX_S)


def test_a_call_over_the_whole_limit_has_its_turn_when_nothing_else_has() -> None:
    windows = Windows(Rates(tpm=100))
    assert windows.next_at(0.0, 1000) == 0.0
    grant = windows.reserve(0.0, 1000)
    assert grant
    assert grant.tokens == 100
    assert windows.reserve(1.0, 1) is None


def test_a_limit_cut_lets_nobody_through_until_what_was_granted_has_left() -> None:
    windows = Windows(Rates(rpm=4))
    for second in range(4):
        assert windows.reserve(float(second), 1)
    windows.allow(Rates(rpm=2))
    assert windows.next_at(10.0, 1) == pytest.approx(2.0 + MINUTE_S + GUARD_MAX_S)
    windows.allow(Rates(rpm=5))
    assert windows.reserve(10.0, 1)
    for nothing in (Rates(rpm=0), Rates(tpm=0), Rates(burst=0)):
        windows.allow(nothing)
        assert windows.reserve(1000.0, 0) is None
        assert windows.next_at(1000.0, 0) == inf
        assert windows.refill(1000.0, 1, 1) == inf


def test_what_others_used_counts_too() -> None:
    windows = Windows(Rates(rpm=10, tpm=1000))
    windows.taken(0.0, 9, 500)
    assert windows.reserve(0.0, 501) is None
    assert windows.reserve(0.0, 500)
    assert windows.reserve(0.0, 0) is None


def test_a_clock_that_steps_back_frees_nothing() -> None:
    windows = Windows(Rates(rpm=1))
    assert windows.reserve(100.0, 1)
    for now in (0.0, 50.0, 159.0, 10.0):
        assert windows.reserve(now, 1) is None
    assert windows.next_at(0.0, 1) == pytest.approx(160.0 + GUARD_MAX_S)


def test_memory_is_bounded_whatever_the_rate() -> None:
    windows = Windows(Rates(tpm=10**12))
    chance = Random(3)
    now = 0.0
    for _ in range(100_000):
        now += chance.expovariate(1000.0)
        grant = windows.reserve(now, 1)
        assert grant
        windows.settle(grant, 1, now)
    assert windows.levels(now).calls > 58_000
    assert len(windows._minute) <= GRAINS + 1


@given(
    st.lists(st.tuples(st.floats(0, 20), st.integers(1, 60)), max_size=30),
    st.builds(
        Rates,
        rpm=st.none() | st.integers(1, 12),
        tpm=st.none() | st.integers(60, 300),
        burst=st.none() | st.integers(1, 4),
    ),
    st.integers(1, 60),
    st.integers(1, 40),
)
@settings(max_examples=200, deadline=None)
def test_when_so_many_calls_will_fit_is_known_beforehand(
    before: list[tuple[float, int]], rates: Rates, calls: int, tokens: int
) -> None:
    """Neither more than a guard late nor, where one limit rules, early. `room` is the inverse."""
    windows, now = Windows(rates), 0.0
    for gap_s, reserved in before:
        now += gap_s
        if grant := windows.reserve(now, reserved):
            windows.settle(grant, reserved, now)
            windows.answered(grant, now)
    refill = windows.refill(now, calls, tokens)
    if rates == FREE:
        assert (refill, windows.room(now, now, tokens)) == (now, inf)
        return
    assert windows.room(now, refill + 1e-6, tokens) >= calls
    at, left = now, calls
    while left:
        at = max(at, windows.next_at(at, tokens))
        grant = windows.reserve(at, tokens)
        assert grant
        windows.answered(grant, at)
        windows.settle(grant, tokens, at)
        left -= 1
    turns = at - now > MINUTE_S
    assert refill <= at + 0.1 * (1 + (at - now) / MINUTE_S), "no later than it turned out"
    if [rates.rpm, rates.tpm, rates.burst].count(None) == 2 and rates.tpm is None and not turns:
        assert refill == pytest.approx(at, abs=0.6)
