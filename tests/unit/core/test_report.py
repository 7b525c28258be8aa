"""What can be asked of the sums, and what a month will have come to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from headgate.core.errors import InvalidRequest
from headgate.core.price import NANO
from headgate.core.report import Asked, asked, costs, month_of

NOW = datetime(2026, 11, 16, tzinfo=UTC).timestamp()
"""Half of November is over."""


def test_a_month_is_foretold_that_is_asked_for_from_its_beginning() -> None:
    month = month_of(asked(["model"], "2026-11-01", None), NOW)
    assert month is not None
    assert costs({"cost_nano": 3 * NANO}, month, NOW) == {"cost_usd": 3.0, "forecast_usd": 6.0}
    assert costs({"cost_nano": 3 * NANO}, None, NOW) == {"cost_usd": 3.0}


@pytest.mark.parametrize(
    "of",
    [
        asked([], None, None),
        asked([], "2026-11-02", None),
        asked([], "2026-10-01", None),
        asked([], "2026-11-01", "2026-11-15"),
        asked(["day"], "2026-11-01", None),
    ],
)
def test_nothing_else_is(of: Asked) -> None:
    assert month_of(of, NOW) is None


@pytest.mark.parametrize(
    "names", [["intent,tag"], ["tag", "intent"], ["planet"], ["intent; DROP TABLE sums"]]
)
def test_what_cannot_be_told_apart(names: list[str]) -> None:
    with pytest.raises(InvalidRequest, match="group_by"):
        asked(names, None, None)
