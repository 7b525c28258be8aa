"""The breaker against a model of it that remembers every call, and by example."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from headgate.core.breaker import Breaker, Ending, State

THRESHOLD = 3
RECOVERY_S = 10.0


class Calls(RuleBasedStateMachine):
    """Overlapping calls, ending in any order and any way, while time passes.

    The model is a history: what ended since the breaker last changed its mind, and who the probe is.
    """

    out = Bundle("out")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.breaker = Breaker(threshold=THRESHOLD, recovery_s=RECOVERY_S)
        self.state = State.CLOSED
        self.in_a_row = 0
        self.opened_at = 0.0
        self.era = 0  # how many times the model has changed state
        self.probe: int | None = None
        self.alive: set[int] = set()
        self.names = 0

    @rule(seconds=st.sampled_from([0.0, 0.5, 4.0, RECOVERY_S - 0.25, RECOVERY_S, 100.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    def would_admit(self) -> bool:
        if self.state is State.OPEN:
            return self.now >= self.opened_at + RECOVERY_S
        return self.state is State.CLOSED or self.probe is None

    @rule(target=out)
    @precondition(would_admit)
    def a_call_passes(self) -> tuple[int, int, int]:
        assert self.breaker.admits(self.now)
        self.breaker = self.breaker.admitted(self.now)
        self.names += 1
        if self.state is State.OPEN:
            self._move(State.HALF_OPEN)
        if self.state is State.HALF_OPEN:
            self.probe = self.names
        self.alive.add(self.names)
        return self.names, self.era, self.breaker.epoch

    @rule(call=consumes(out), ending=st.sampled_from(Ending))
    def a_call_ends(self, call: tuple[int, int, int], ending: Ending) -> None:
        name, era, epoch = call
        before = self.breaker
        self.breaker = before.settled(ending, epoch=epoch, now=self.now)
        self.alive.remove(name)
        if era != self.era:
            assert self.breaker == before, "a call of an older era was listened to"
            return
        if self.state is State.CLOSED:
            self._ended_while_closed(ending)
        else:
            self._probe_ended(name, ending)

    def _ended_while_closed(self, ending: Ending) -> None:
        if ending is Ending.SUCCEEDED:
            self.in_a_row = 0
        elif ending is not Ending.IGNORED:
            self.in_a_row += 1
            if ending is Ending.FATAL or self.in_a_row == THRESHOLD:
                self._move(State.OPEN)

    def _probe_ended(self, name: int, ending: Ending) -> None:
        assert name == self.probe, "only the probe may be out in this era"
        self.probe = None
        if ending is Ending.SUCCEEDED:
            self._move(State.CLOSED)
        elif ending is not Ending.IGNORED:
            self._move(State.OPEN)

    def _move(self, state: State) -> None:
        self.state = state
        self.era += 1
        self.in_a_row = 0
        self.probe = None
        if state is State.OPEN:
            self.opened_at = self.now

    @invariant()
    def it_is_what_the_model_is(self) -> None:
        assert self.breaker.state is self.state
        assert self.breaker.admits(self.now) is self.would_admit()
        assert self.breaker.probing is (self.probe is not None)
        assert self.probe is None or self.probe in self.alive

    @invariant()
    def it_is_never_wedged(self) -> None:
        if self.probe is None:
            assert self.breaker.admits(self.now + RECOVERY_S)

    @invariant()
    def it_says_when_it_will_be_ready(self) -> None:
        at = self.breaker.ready_at(self.now)
        if self.state is State.OPEN:
            assert self.breaker.admits(at)
            assert at == self.opened_at + RECOVERY_S
        else:
            assert at <= self.now


Calls.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestCalls = Calls.TestCase


def after(*endings: Ending, threshold: int = THRESHOLD) -> Breaker:
    """A breaker after calls that ended so, one at a time, at 0 s."""
    breaker = Breaker(threshold=threshold, recovery_s=RECOVERY_S)
    for ending in endings:
        breaker = breaker.admitted(0.0)
        breaker = breaker.settled(ending, epoch=breaker.epoch, now=0.0)
    return breaker


@given(st.integers(1, 50))
@settings(max_examples=20, deadline=None)
def test_it_opens_at_the_threshold_and_not_before(threshold: int) -> None:
    assert after(*[Ending.FAILED] * (threshold - 1), threshold=threshold).state is State.CLOSED
    assert after(*[Ending.FAILED] * threshold, threshold=threshold).state is State.OPEN


def test_one_success_forgives_all_failures() -> None:
    breaker = after(*[Ending.FAILED] * 2, Ending.SUCCEEDED, *[Ending.FAILED] * 2)
    assert (breaker.state, breaker.failures) == (State.CLOSED, 2)


def test_what_proves_nothing_neither_forgives_nor_counts() -> None:
    breaker = after(Ending.FAILED, Ending.IGNORED, Ending.FAILED, Ending.IGNORED)
    assert (breaker.state, breaker.failures) == (State.CLOSED, 2)


def test_a_fatal_ending_opens_whatever_the_count() -> None:
    assert after(Ending.FATAL, threshold=1000).state is State.OPEN


@pytest.mark.parametrize("ending", Ending)
def test_however_the_probe_ends_the_next_is_admitted_in_time(ending: Ending) -> None:
    breaker = after(Ending.FATAL).admitted(RECOVERY_S)
    assert breaker.state is State.HALF_OPEN
    assert not breaker.admits(1e9)
    ended = breaker.settled(ending, epoch=breaker.epoch, now=RECOVERY_S)
    assert ended.admits(2 * RECOVERY_S)
    assert ended.admits(RECOVERY_S) is (ending in (Ending.SUCCEEDED, Ending.IGNORED))


def test_a_call_that_outlives_its_state_cannot_close_an_open_breaker() -> None:
    closed = Breaker(threshold=1)
    opened = closed.settled(Ending.FAILED, epoch=closed.epoch, now=5.0)
    assert opened.settled(Ending.SUCCEEDED, epoch=closed.epoch, now=6.0) == opened


def test_a_call_that_outlives_its_state_cannot_fail_the_probe_of_another() -> None:
    closed = Breaker(threshold=1, recovery_s=RECOVERY_S)
    probing = closed.settled(Ending.FAILED, epoch=closed.epoch, now=0.0).admitted(RECOVERY_S)
    assert probing.settled(Ending.FAILED, epoch=closed.epoch, now=RECOVERY_S) == probing
