"""What can be asked of the sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import msgspec

from headgate.core.budget import Period, forecast_nano, period_at
from headgate.core.errors import InvalidRequest
from headgate.core.price import usd

GROUPS: Mapping[str, str] = {
    "day": "day",
    "tenant": "tenant",
    "key": "key_name",
    "model": "model",
    "provider": "provider",
    "tag": "tag",
    "intent": "substr(tag, 2)",
}
"""What sums can be grouped by, and what holds it in SQL. Not by tag and intent at once: `core.rollup`."""
REQUEST_FILTERS = ("tenant", "key", "model", "provider", "outcome", "request_id")
EPOCH = date(1970, 1, 1)
DAY_S = 86_400.0
FAR = 1_000_000
"""A day that never comes."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Sums from day `since` until before day `until` (days since the epoch, in UTC), grouped by names of
    `GROUPS`; of one `tenant` and `key` alone, where they are named."""

    group_by: tuple[str, ...] = ()
    since: int = 0
    until: int = FAR
    tenant: str | None = None
    key: str | None = None


def asked(
    group_by: Sequence[str],
    since: str | None,
    until: str | None,
    *,
    tenant: str | None = None,
    key: str | None = None,
) -> Asked:
    """From words: names with commas between them, days as `2026-11-21` or times as `2026-11-21T10:00:00Z`.
    Sums are of whole days in UTC: a time within a day stands for all of it.

    Raises:
        InvalidRequest: for a name or a day that is none, and where the last is before the first.
    """
    names = tuple(dict.fromkeys(name for part in group_by for name in part.split(",") if name))
    for name in names:
        if name not in GROUPS:
            known = ", ".join(GROUPS)
            raise InvalidRequest(f"'group_by' takes {known}.", param="group_by", code="invalid_group")
    if {"tag", "intent"} <= {*names}:
        raise InvalidRequest(
            "'group_by' takes tag or intent, not both.", param="group_by", code="invalid_group"
        )
    first = day(since, "from") if since else 0
    last = day(until, "to", whole=True) if until else FAR
    if last < first:
        raise InvalidRequest("'to' is before 'from': it is the day after the last.", param="to")
    return Asked(
        group_by=names,
        since=first,
        until=last,
        tenant=tenant,
        key=key,
    )


def month_of(asked: Asked, wall: float) -> Period | None:
    """The present month (UTC), where it is asked for from its first day on until now or later, and not by
    day: then it can be told what each sum will have come to when it ends (`core.budget.forecast_nano`)."""
    month = period_at(wall, "month", "UTC")
    begun = asked.since == month.day - EPOCH.toordinal() and asked.until * DAY_S > wall
    return month if begun and "day" not in asked.group_by else None


def costs(row: Mapping[str, Any], month: Period | None, wall: float) -> dict[str, float]:
    """What a row of sums cost, in dollars; and what that will have come to when the month ends."""
    nano = row["cost_nano"]
    told = {"cost_usd": usd(nano)}
    return told if month is None else told | {"forecast_usd": usd(forecast_nano(nano, month, wall))}


def day(text: str, param: str, *, whole: bool = False) -> int:
    """Days since the epoch, of a day or a time in words; `whole`: of the next day, where that lies within
    one."""
    try:
        when = datetime.fromisoformat(text)
        if when.tzinfo is not None:
            when = when.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidRequest(f"'{param}' must be a day such as 2026-11-21.", param=param) from None
    return (when.date() - EPOCH).days + (whole and when.time() != time())


def shown_day(number: int) -> str:
    return date.fromordinal(EPOCH.toordinal() + number).isoformat()
