"""Periods where tenants live, and what will have been spent when they end."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.budget import Per, Period, forecast_nano, period_at, period_from, terms, zone_named
from headgate.core.price import NANO

ZONES = ("UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata", "Asia/Beirut", "Australia/Lord_Howe")
HOUR = 3600.0


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@given(
    wall=st.floats(0, 4e9),
    per=st.sampled_from(["day", "week", "month"]),
    zone=st.sampled_from(ZONES),
)
def test_periods_follow_one_another_without_a_gap(wall: float, per: Per, zone: str) -> None:
    period = period_at(wall, per, zone)
    assert period.starts_at <= wall < period.ends_at
    assert period_from(period.day, per, zone) == period
    following = period_at(period.ends_at, per, zone)
    assert following.starts_at == period.ends_at
    assert following.day > period.day


@pytest.mark.parametrize(
    ("wall", "per", "zone", "first", "hours"),
    [
        ("2026-11-30T22:59:59", "month", "Europe/Berlin", "2026-11-01", 720),
        ("2026-11-30T23:00:00", "month", "Europe/Berlin", "2026-12-01", 744),
        ("2026-03-29T12:00:00", "day", "Europe/Berlin", "2026-03-29", 23),
        ("2026-10-25T12:00:00", "day", "Europe/Berlin", "2026-10-25", 25),
        ("2026-10-25T12:00:00", "month", "Europe/Berlin", "2026-10-01", 745),
        ("2026-11-22T12:00:00", "week", "UTC", "2026-11-16", 168),
        ("2026-11-20T18:29:00", "day", "Asia/Kolkata", "2026-11-20", 24),
        ("2026-11-20T18:31:00", "day", "Asia/Kolkata", "2026-11-21", 24),
        ("2018-11-04T12:00:00", "day", "America/Sao_Paulo", "2018-11-04", 23),  # there was no midnight
    ],
)
def test_where_they_begin(wall: str, per: Per, zone: str, first: str, hours: int) -> None:
    period = period_at(at(wall), per, zone)
    assert period.name == first
    assert period.day == date.fromisoformat(first).toordinal()
    assert (period.ends_at - period.starts_at) / HOUR == hours


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ()),
        ("100", ((100 * NANO, "month"),)),
        ("0/day", ((0, "day"),)),
        ("0.5/day,100/month", ((NANO // 2, "day"), (100 * NANO, "month"))),
    ],
)
def test_what_is_agreed_in_words(text: str, found: object) -> None:
    assert terms(text) == found


@pytest.mark.parametrize(
    "text",
    [
        *[",", "5,", "5/day,,6/month", "5,6", "5;6", "/day", "5/", "5/year", "5/DAY", " 5/day", "5/day\n"],
        *["-5", "+5", "nan", "inf", "1e3", "1e308", "9999999999", "1.0000000001", "٣/day"],
        "'; DROP TABLE terms; --",
    ],
)
def test_anything_else_is_no_budget_and_not_none_either(text: str) -> None:
    with pytest.raises(ValueError, match="an amount of 0 or more"):
        terms(text)


def test_what_will_have_been_spent() -> None:
    period = Period(1, 0.0, 100 * HOUR)
    assert forecast_nano(10, period, 25 * HOUR) == 40
    assert forecast_nano(10, period, 1.0) == 1000  # a period that has only begun tells little
    assert forecast_nano(10, period, 200 * HOUR) == 10


@pytest.mark.parametrize(
    "name",
    [
        "localtime",
        "posixrules",
        "Factory",
        "posix/UTC",
        "right/Europe/Berlin",
        "Mars/Olympus",
        "../UTC",
        "",
        "a\0b",
    ],
)
def test_what_differs_by_machine_is_no_time_zone(name: str) -> None:
    with pytest.raises(ValueError, match="is no time zone"):
        zone_named(name)


@pytest.mark.parametrize(
    "name", ["UTC", "Europe/Berlin", "Etc/GMT+5", "EST5EDT", "America/Argentina/Ushuaia"]
)
def test_time_zones_are_known_by_their_names(name: str) -> None:
    assert zone_named(name) == name
