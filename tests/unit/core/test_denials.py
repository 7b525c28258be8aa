"""Refusals for the audit log: none is lost, and however many there are, few are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.denials import EVERY_S, MOST, OTHERS, ROWS, SOON_S, Asked, Denials, denied
from headgate.core.errors import (
    BudgetSpent,
    Forbidden,
    GatewayError,
    InvalidRequest,
    OverLimit,
    Overloaded,
    RateLimited,
    Unauthenticated,
    UpstreamThrottled,
)


def asked(key: str = "k", request_id: str = "r") -> Asked:
    return Asked(key, "acme", "auto", request_id)


def count(detail: str) -> int:
    return int(dict(part.split("=") for part in detail.split())["count"])


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Unauthenticated("x"), 401),
        (BudgetSpent("x"), 402),
        (Forbidden("x"), 403),
        (RateLimited("x"), 429),
        (OverLimit("a provider's"), None),
        (InvalidRequest("x"), None),
        (Overloaded("x"), None),
        (UpstreamThrottled("x"), None),
        (KeyError("x"), None),
        (None, None),
    ],
)
def test_what_is_a_refusal_by_policy(error: BaseException | None, status: int | None) -> None:
    assert denied(error) == status


def test_the_first_is_told_soon_the_rest_once_a_minute() -> None:
    denials, error = Denials(), Forbidden("x", code="regions")
    assert denials.note(403, error, asked(request_id="first"), 0.0, 1_000.0)
    assert denials.due(SOON_S / 2) == []
    [act] = denials.due(SOON_S)
    assert (act.at_us, act.who, act.action, act.target) == (1_000_000_000, "k", "request.denied", "auto")
    assert act.detail == "status=403 code=regions tenant=acme count=1 first=first"
    for turn in range(50_000):
        denials.note(403, error, asked(), SOON_S + turn / 1000, 2_000.0)
    assert denials.due(SOON_S + EVERY_S / 2) == []
    [act] = denials.due(SOON_S + EVERY_S)
    assert count(act.detail) == 50_000
    assert denials.due(SOON_S + 2 * EVERY_S) == []
    assert denials.quiet


def test_of_a_flood_few_have_a_row_of_their_own() -> None:
    denials, error = Denials(), Unauthenticated("x")
    rows = sum(denials.note(401, error, asked(), 0.0, 0.0) for _ in range(10_000))
    assert rows == ROWS


@given(
    st.lists(
        st.tuples(st.integers(0, 3 * MOST), st.sampled_from([401, 402, 403, 429]), st.floats(0, 5)),
        max_size=300,
    )
)
def test_none_is_lost_and_what_is_held_is_bounded(floods: list[tuple[int, int, float]]) -> None:
    denials, now, told = Denials(), 0.0, []
    for key, status, later in floods:
        now += later
        denials.note(status, GatewayError("x"), asked(f"k{key}"), now, now)
        told += denials.due(now)
    told += denials.due()
    assert sum(count(act.detail) for act in told) == len(floods)


def test_so_many_callers_count_together() -> None:
    denials = Denials()
    for key in range(10 * MOST):
        denials.note(429, GatewayError("x"), asked(f"k{key}"), 0.0, 0.0)
    acts = denials.due()
    assert len(acts) == MOST + 1
    assert [count(act.detail) for act in acts if act.who == OTHERS] == [9 * MOST]


def test_names_are_only_names() -> None:
    denials = Denials()
    denials.note(403, Forbidden("x"), Asked("a\r\nb", "t\0", "'; DROP TABLE audit" * 99, "r"), 0.0, 0.0)
    [act] = denials.due()
    assert act.who == r"a\r\nb"
    assert len(act.target) == 200
    assert (act.who + act.target + act.detail).isprintable()
