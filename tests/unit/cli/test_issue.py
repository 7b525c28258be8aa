"""When a key made at run time ends."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import typer

from headgate.cli.issue import now, until


def test_a_day_is_its_midnight_in_utc_and_spans_count_from_now() -> None:
    assert until("2027-01-31") == datetime(2027, 1, 31, tzinfo=UTC).timestamp()
    assert until("12h") - now() == pytest.approx(12 * 3600, abs=60)
    assert until("30d") - now() == pytest.approx(30 * 86400, abs=60)


@pytest.mark.parametrize("text", ["", "soon", "-1d", "2027-13-01", "1y"])
def test_anything_else_is_said_to_be_wrong(text: str) -> None:
    with pytest.raises(typer.Exit):
        until(text)
