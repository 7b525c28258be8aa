"""Budgets: how much may be spent in which span of time, and when that begins and ends where the tenant lives.

A period is known by its first day. A day is from midnight to midnight in its time zone, so that it has 23 or
25 hours twice a year; a week begins on Monday. Nothing is carried over.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from headgate.core.price import nano

Per = Literal["day", "week", "month"]
SHARES = (50, 80, 100)
"""Percent of a budget at which somebody is told."""
YOUNG_S = 3600.0
"""A period that is younger than this is taken for so old where its end is foretold."""


class Budget(msgspec.Struct, frozen=True):
    """Nano-dollars that may be spent by whom or what `account` names, such as `key/acme/month`, in a period
    of the time zone `zone`; or requests that may be made, where `each` is 1."""

    account: str
    nano: int
    per: Per
    zone: str = "UTC"
    each: int = 0


class Period(msgspec.Struct, frozen=True):
    """From `starts_at` until before `ends_at`, in seconds since the epoch. `day`: the proleptic ordinal of
    its
    first day."""

    day: int
    starts_at: float
    ends_at: float

    @property
    def name(self) -> str:
        return date.fromordinal(self.day).isoformat()


_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_PERIODS: dict[str, Per] = {"day": "day", "week": "week", "month": "month"}


def terms(text: str) -> tuple[tuple[int, Per], ...]:
    """`100/month`, or several with commas between: nano-dollars, and in which period. `100` is for a month.

    Raises:
        ValueError: for anything else; it says what would be right.
    """
    found: dict[Per, int] = {}
    for part in text.split(",") if text else ():
        amount, slash, period = part.partition("/")
        per = _PERIODS.get(period if slash else "month")
        if not _AMOUNT.fullmatch(amount) or per is None or per in found:
            raise ValueError("an amount of 0 or more and day, week or month, each once, such as 100/month")
        found[per] = nano(Decimal(amount))
    return tuple((limit, per) for per, limit in found.items())


_NO_ZONES = ("localtime", "posixrules", "Factory", "posix/", "right/")
"""What stands beside the zones where a system keeps them: what this machine is set to, a zone that nobody has
set, and copies that other machines lack or count leap seconds by."""


def zone_named(name: str) -> str:
    """That name, where every machine takes it for the same time zone.

    Raises:
        ValueError: where it is none.
    """
    try:
        found = None if name.startswith(_NO_ZONES) else ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        found = None
    if found is None:
        raise ValueError(f"{name!r} is no time zone")
    return found


def account(kind: str, name: str, per: str) -> str:
    """The name under which is kept what was spent."""
    return f"{kind}/{name}/{per}"


def period_at(wall: float, per: Per, zone: str) -> Period:
    """The period in which that time lies."""
    today = datetime.fromtimestamp(wall, ZoneInfo(zone)).date()
    return period_from(_first(today, per).toordinal(), per, zone)


def period_from(day: int, per: Per, zone: str) -> Period:
    """The period that begins on that day."""
    first = date.fromordinal(day)
    return Period(day, _midnight(first, zone), _midnight(_next(first, per), zone))


def _first(day: date, per: Per) -> date:
    if per == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if per == "week" else day


def _next(first: date, per: Per) -> date:
    if per == "month":
        return (first + timedelta(days=31)).replace(day=1)
    return first + timedelta(days=7 if per == "week" else 1)


def _midnight(day: date, zone: str) -> float:
    """Where clocks are put forward at midnight, the moment they are."""
    return datetime.combine(day, time(), ZoneInfo(zone)).timestamp()


def forecast_nano(spent: int, period: Period, wall: float) -> int:
    """What will have been spent when the period ends, if it goes on as it has gone so far."""
    whole = period.ends_at - period.starts_at
    passed = min(max(wall - period.starts_at, YOUNG_S), whole)
    return round(spent * whole / passed)
