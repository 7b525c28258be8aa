"""Keys made at run time: what opens the door, and until when."""

from __future__ import annotations

from datetime import UTC, datetime
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.issued import Issued, ends_at

TIMES = st.none() | st.floats(0, 1e10)


def issued(**members: Any) -> Issued:
    return Issued(name="a", tenant="t", digest=b"d", hint="…", created_at=0.0, **members)


@given(st.floats(1, 1e10), TIMES, st.booleans())
def test_what_is_revoked_opens_nothing_wherever_the_clock_is_set(
    revoked_at: float, expires_at: float | None, rotated: bool
) -> None:
    former = {"former": b"f", "former_until": 1e11} if rotated else {}
    key = issued(revoked_at=revoked_at, expires_at=expires_at, **former)
    assert {until for _, until in key.digests()} == {-inf}
    assert key.state(0.0) == "revoked"


@given(TIMES, st.floats(0, 1e10))
def test_the_former_key_ends_with_the_overlap_and_never_after_the_new_one(
    expires_at: float | None, former_until: float
) -> None:
    found = dict(issued(expires_at=expires_at, former=b"f", former_until=former_until).digests())
    assert found[b"d"] == (inf if expires_at is None else expires_at)
    assert found[b"f"] == min(found[b"d"], former_until)


def test_when_it_ends() -> None:
    assert ends_at("2027-01-31", 5.0) == datetime(2027, 1, 31, tzinfo=UTC).timestamp()
    assert ends_at("12h", 5.0) == 5.0 + 12 * 3600
    assert ends_at("30d", 5.0) == 5.0 + 30 * 86400


@pytest.mark.parametrize("text", ["", "soon", "-1d", "2027-13-01", "1y", "1d\n", "٣d", "1e9d", "9999999d"])
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - in the words of whatever was tried
        ends_at(text, 0.0)
