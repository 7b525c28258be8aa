from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.providers.retry_after import duration_s, retry_after_s

WALL = 1_757_000_000.0


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "2m"}, 120.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1_000"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": formatdate(WALL + 90, usegmt=True)}, 90.0),
        ({"retry-after": formatdate(WALL - 90, usegmt=True)}, 0.0),
        ({"retry-after": "Wed, 99 Zzz 9999 99:99:99 GMT"}, None),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"x-ms-retry-after-ms": "20"}, 0.02),
        ({"retry-after-ms": "what", "retry-after": "3"}, 3.0),
        ({"retry-after-ms": "10", "retry-after": "3"}, 0.01),
        (
            {
                "retry-after": "soon",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "1s",
            },
            1.0,
        ),
    ],
)
def test_the_header_most_to_be_trusted_says_when(headers: dict[str, str], expected: float | None) -> None:
    assert retry_after_s(headers.get, WALL) == expected


@pytest.mark.parametrize(
    ("requests", "tokens", "expected"),
    [
        (("0", "1s"), ("5", "6m0s"), 1.0),
        (("5", "1s"), ("0", "6m0s"), 360.0),
        (("0", "1s"), ("0", "120ms"), 1.0),
        (("5", "1s"), ("5", "6m0s"), None),
        (("0", ""), ("0", "later"), None),
        (("0", "12.5"), ("1", "1"), 12.5),
    ],
)
def test_only_an_exhausted_limit_makes_anybody_wait(
    requests: tuple[str, str], tokens: tuple[str, str], expected: float | None
) -> None:
    headers = {
        "x-ratelimit-remaining-requests": requests[0],
        "x-ratelimit-reset-requests": requests[1],
        "x-ratelimit-remaining-tokens": tokens[0],
        "x-ratelimit-reset-tokens": tokens[1],
    }
    assert retry_after_s(headers.get, WALL) == expected


@pytest.mark.parametrize(
    ("reset", "expected"),
    [("1757000060000", 60.0), ("1757000060", 60.0), ("1756999999", 0.0), ("30", 30.0)],
)
def test_a_reset_may_be_a_date(reset: str, expected: float) -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}
    assert retry_after_s(headers.get, WALL) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("120ms", 0.12),
        ("2m59.56s", 179.56),
        ("1h2m3.5s", 3723.5),
        ("1d", 86400.0),
        ("8.64s", 8.64),
        ("", None),
        ("s", None),
        ("1 s", None),
        ("1s later", None),
        ("later 1s", None),
        ("-1s", None),
    ],
)
def test_a_duration_is_a_run_of_numbers_with_units(text: str, expected: float | None) -> None:
    assert duration_s(text) == (expected if expected is None else pytest.approx(expected))


NAMES = st.sampled_from(
    [
        *(
            "retry-after",
            "retry-after-ms",
            "x-ms-retry-after-ms",
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
        ),
        *("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ]
)
VALUES = st.text(max_size=12) | st.integers().map(str) | st.floats().map(str) | st.just("0")


@given(st.dictionaries(NAMES, VALUES))
def test_whatever_the_headers_say_the_wait_is_a_number_of_seconds_or_none(headers: dict[str, str]) -> None:
    wait_s = retry_after_s(headers.get, WALL)
    assert wait_s is None or 0.0 <= wait_s < float("inf")
