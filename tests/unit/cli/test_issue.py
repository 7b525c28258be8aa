"""When a key made at run time ends."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import typer
from typer.testing import CliRunner

from headgate.cli.issue import now, until
from headgate.cli.keys import keys


def test_a_day_is_its_midnight_in_utc_and_spans_count_from_now() -> None:
    assert until("2027-01-31") == datetime(2027, 1, 31, tzinfo=UTC).timestamp()
    assert until("12h") - now() == pytest.approx(12 * 3600, abs=60)
    assert until("30d") - now() == pytest.approx(30 * 86400, abs=60)


@pytest.mark.parametrize("text", ["", "soon", "-1d", "2027-13-01", "1y"])
def test_anything_else_is_said_to_be_wrong(text: str) -> None:
    with pytest.raises(typer.Exit):
        until(text)


@pytest.mark.parametrize(
    "option", ["--tier", "--budget-usd", "--models", "--regions", "--expires", "--tenant"]
)
@pytest.mark.parametrize("text", ["", " ", ","])
def test_an_empty_restriction_is_not_taken_for_none(option: str, text: str) -> None:
    """`--regions "$REGIONS"` where nobody has set it must not make a key that may go anywhere."""
    done = CliRunner().invoke(keys, ["create", "app", "--tenant", "acme", option, text])
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{option} is empty" in done.stderr
