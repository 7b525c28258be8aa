"""Limits as sliding windows, against a model that looks at every window there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.providers.simulated.settings import Limits
from headgate.providers.simulated.window import Gate, Window

Arrival = tuple[float, int]

gaps = st.one_of(
    st.just(0.0),
    st.sampled_from([0.25, 0.5, 1.0, 29.5, 30.0, 59.75, 60.0]),
    st.floats(min_value=0, max_value=20, allow_nan=False),
)
arrivals = st.lists(st.tuples(gaps, st.integers(0, 40)), max_size=60)
limits = st.builds(
    Limits,
    rpm=st.none() | st.integers(0, 8),
    tpm=st.none() | st.integers(0, 100),
    burst=st.none() | st.integers(0, 3),
)


def granted(limits: Limits, steps: list[tuple[float, int]]) -> tuple[list[Arrival], list[Arrival]]:
    """What the gate let in, and what it refused, of a sequence of (gap, tokens)."""
    gate, now = Gate(limits), 0.0
    let_in: list[Arrival] = []
    refused: list[Arrival] = []
    for gap, tokens in steps:
        now += gap
        (refused if gate.admit(now, tokens) else let_in).append((now, tokens))
    return let_in, refused


def window_sums(entries: list[Arrival], span: float) -> list[tuple[int, int]]:
    """(requests, tokens) in the window that begins at each entry: the fullest are among them."""
    return [
        (len(inside), sum(tokens for _, tokens in inside))
        for start, _ in entries
        for inside in [[(at, n) for at, n in entries if start <= at < start + span]]
    ]


@given(limits, arrivals)
def test_no_window_anywhere_holds_more_than_the_limit(limits: Limits, steps: list[tuple[float, int]]) -> None:
    let_in, _ = granted(limits, steps)
    for requests, tokens in window_sums(let_in, 60.0):
        assert limits.rpm is None or requests <= limits.rpm
        assert limits.tpm is None or tokens <= limits.tpm
    for requests, _ in window_sums(let_in, 1.0):
        assert limits.burst is None or requests <= limits.burst


@given(limits, arrivals)
def test_what_is_refused_would_have_overfilled_a_window(
    limits: Limits, steps: list[tuple[float, int]]
) -> None:
    let_in, refused = granted(limits, steps)
    for now, tokens in refused:
        minute = [(at, n) for at, n in let_in if at <= now < at + 60.0]
        second = [(at, n) for at, n in let_in if at <= now < at + 1.0]
        # Those let in at the same moment but later can only have made it fuller, never emptier.
        assert (
            (limits.rpm is not None and len(minute) + 1 > limits.rpm)
            or (limits.tpm is not None and sum(n for _, n in minute) + tokens > limits.tpm)
            or (limits.burst is not None and len(second) + 1 > limits.burst)
        )


@given(limits, arrivals, st.integers(0, 40))
def test_retry_after_is_exact(limits: Limits, steps: list[tuple[float, int]], tokens: int) -> None:
    whole = [(float(round(gap)), amount) for gap, amount in steps]
    gate, now = Gate(limits), 0.0
    for gap, amount in whole:
        now += gap
        gate.admit(now, amount)
    denial = gate.admit(now, tokens)
    if denial is None:
        return
    if denial.retry_after_s is None:
        assert gate.admit(now + 3600, tokens) is not None
        return
    assert denial.retry_after_s > 0
    assert gate.admit(now + denial.retry_after_s - 0.001, tokens) is not None
    assert gate.admit(now + denial.retry_after_s, tokens) is None


@given(arrivals)
def test_the_worst_window_is_the_fullest_one(steps: list[tuple[float, int]]) -> None:
    gate, now, entries = Gate(Limits()), 0.0, []
    for gap, tokens in steps:
        now += gap
        assert gate.admit(now, tokens) is None
        entries.append((now, tokens))
    minute, second = window_sums(entries, 60.0), window_sums(entries, 1.0)
    assert gate.worst() == {
        "requests_in_60_s": max((requests for requests, _ in minute), default=0),
        "tokens_in_60_s": max((tokens for _, tokens in minute), default=0),
        "requests_in_1_s": max((requests for requests, _ in second), default=0),
    }


def test_a_minute_does_not_begin_anew_on_the_minute() -> None:
    gate = Gate(Limits(rpm=2))
    assert gate.admit(59.0, 0) is None
    assert gate.admit(59.5, 0) is None
    denial = gate.admit(60.5, 0)
    assert denial is not None
    assert (denial.what, denial.limit, denial.used, denial.retry_after_s) == ("requests", 2, 2, 58.5)
    assert gate.admit(119.0, 0) is None


def test_a_refused_request_costs_nothing() -> None:
    gate = Gate(Limits(rpm=10, tpm=100))
    assert gate.admit(0.0, 90) is None
    for _ in range(50):
        denial = gate.admit(1.0, 20)
        assert denial is not None
        assert denial.what == "tokens"
    assert gate.standing(1.0)["requests"].remaining == 9


def test_a_request_that_is_alone_over_the_limit_is_given_no_time_to_return() -> None:
    denial = Gate(Limits(tpm=100)).admit(0.0, 101)
    assert denial is not None
    assert denial.retry_after_s is None


def test_burst_is_requests_in_any_one_second() -> None:
    gate = Gate(Limits(burst=2))
    assert gate.admit(0.9, 0) is None
    assert gate.admit(0.95, 0) is None
    denial = gate.admit(1.5, 0)
    assert denial is not None
    assert denial.what == "burst"
    assert denial.retry_after_s == pytest.approx(0.4)
    assert gate.admit(1.9, 0) is None


def test_the_standing_tells_what_is_left_and_when_all_is_back() -> None:
    gate = Gate(Limits(rpm=3, tpm=1000))
    gate.admit(10.0, 300)
    gate.admit(20.0, 100)
    standing = gate.standing(30.0)
    assert (standing["requests"].remaining, standing["requests"].empty_in_s) == (1, 50.0)
    assert (standing["tokens"].remaining, standing["tokens"].empty_in_s) == (600, 50.0)
    assert gate.standing(80.0)["tokens"].empty_in_s == 0.0
    assert Gate(Limits()).standing(0.0) == {}


def test_a_window_keeps_one_entry_for_each_moment() -> None:
    window = Window(60.0)
    for _ in range(10_000):
        window.grant(5.0, 1)
    assert window.level(5.0) == 10_000
    assert len(window._entries) == 1


def test_new_limits_hold_for_what_was_granted_before() -> None:
    gate = Gate(Limits())
    for at in range(5):
        assert gate.admit(float(at), 0) is None
    gate.limits = Limits(rpm=5)
    denial = gate.admit(10.0, 0)
    assert denial is not None
    assert denial.retry_after_s == 50.0


@pytest.mark.parametrize("name", ["rpm", "tpm", "burst"])
def test_negative_limits_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Limits(**{name: -1})
