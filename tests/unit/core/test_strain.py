"""How many there may be: less when the loop is late, more when it is punctual, the lowest tier first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.strain import EBB, FLOOD, FLOOR, IN_A_ROW, LATE_S, STEPS, Ebb, Strain

WEIGHTS = {"free": 1, "basic": 5, "pro": 10, "enterprise": 10}


def late(strain: Strain, in_flight: int, times: int = IN_A_ROW) -> None:
    for _ in range(times):
        strain.observe(LATE_S * 2, in_flight)


def test_being_late_once_is_no_sign_and_several_times_is() -> None:
    strain = Strain(1000)
    late(strain, 500, IN_A_ROW - 1)
    assert strain.limit == 1000
    strain.observe(0.0, 500)
    late(strain, 500, IN_A_ROW - 1)
    assert strain.limit == 1000
    late(strain, 500, 1)
    assert strain.limit == 450


def test_punctual_again_it_is_back_at_the_ceiling_in_so_many_ticks() -> None:
    strain = Strain(4096)
    late(strain, 4096, 200)
    assert strain.limit < 200
    for _ in range(STEPS):
        strain.observe(0.001, 10)
    assert strain.limit == 4096


@given(
    st.integers(1, 10_000),
    st.lists(st.tuples(st.floats(0.0, 10.0), st.integers(0, 20_000)), max_size=200),
)
def test_the_limit_stays_between_floor_and_ceiling(ceiling: int, looks: list[tuple[float, int]]) -> None:
    strain = Strain(ceiling, weights=WEIGHTS)
    for late_s, in_flight in looks:
        strain.observe(late_s, in_flight)
        assert min(FLOOR, ceiling) <= strain.limit <= ceiling
        assert strain.low == strain.bar("free") <= strain.bar("basic") <= strain.bar("pro")
        assert strain.bar("pro") == strain.bar("enterprise") == strain.limit
        assert strain.low >= 1


def test_the_lowest_tier_is_shed_first_and_who_has_none_counts_with_it() -> None:
    strain = Strain(100, max_bytes=1000, weights=WEIGHTS)
    assert [strain.bar(name) for name in ("", "free", "basic", "pro")] == [80, 80, 90, 100]
    assert [strain.bar_bytes(name) for name in ("", "free", "basic", "pro")] == [800, 800, 900, 1000]
    assert Strain(100).bar("") == 100


@pytest.mark.parametrize(("ceiling", "limit"), [(50, 50), (2000, 450)])
def test_a_new_ceiling_leaves_the_strain_as_it_is(ceiling: int, limit: int) -> None:
    strain = Strain(1000)
    late(strain, 500)
    strain.configure(ceiling, 1 << 20, {})
    assert (strain.limit, strain.low, strain.max_bytes) == (limit, limit, 1 << 20)
    relaxed = Strain(1000)
    relaxed.configure(ceiling, 1 << 20, {})
    assert relaxed.limit == ceiling


def test_a_flood_has_gone_when_few_are_left_and_that_is_said_once() -> None:
    ebb = Ebb()
    assert not any(ebb.seen(number) for number in (0, FLOOD - 1, FLOOD // 2, 0, 0))
    assert not any(ebb.seen(number) for number in (FLOOD, 3 * FLOOD, 3 * FLOOD // EBB + 1))
    assert [ebb.seen(number) for number in (3 * FLOOD // EBB, 100, 0, 0)] == [True, False, False, False]
    assert [ebb.seen(number) for number in (FLOOD, 0)] == [False, True], "and of the next again"
