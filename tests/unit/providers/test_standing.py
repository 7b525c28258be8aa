"""How a key stands, from the headers of an answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.allowance import Rates
from headgate.core.standing import Quota, Standing
from headgate.providers.simulated.manners import MANNERS
from headgate.providers.simulated.window import Standing as Simulated
from headgate.providers.standing import of_anthropic, of_openai

NAMES = [
    f"{family}-{part}"
    for family in ("x-ratelimit", "anthropic-ratelimit")
    for part in (
        "limit-requests",
        "remaining-requests",
        "reset-requests",
        "limit-tokens",
        "requests-limit",
        "requests-remaining",
        "requests-reset",
        "tokens-limit",
    )
]


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=12) | st.integers(0, 99).map(str)))
def test_no_headers_whatever_are_an_error(headers: dict[str, str]) -> None:
    for read in (of_openai, of_anthropic):
        standing = read(headers.get, 0.0)
        assert standing is None or standing.requests or standing.tokens


def test_openai() -> None:
    headers = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-limit-tokens": "150000",
        "x-ratelimit-remaining-tokens": "149984",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    standing = of_openai(headers.get, 0.0)
    assert standing == Standing(Quota(60, 59, 1.0), Quota(150_000, 149_984, 360.0))
    assert standing.rates == Rates(rpm=60)
    assert of_anthropic(headers.get, 0.0) is None


def test_anthropic() -> None:
    headers = {
        "anthropic-ratelimit-tokens-limit": "40000",
        "anthropic-ratelimit-tokens-remaining": "39000",
        "anthropic-ratelimit-tokens-reset": "2024-06-01T00:00:30Z",
    }
    assert of_anthropic(headers.get, 1717200000.0) == Standing(None, Quota(40_000, 39_000, 30.0))
    assert of_openai(headers.get, 0.0) is None


@pytest.mark.parametrize("limit", ["", "0", "-5", "many", "1e3", "9" * 16, "٣"])
def test_a_limit_that_makes_no_sense_is_none(limit: str) -> None:
    assert of_openai({"x-ratelimit-limit-requests": limit}.get, 0.0) is None


@pytest.mark.parametrize(("dialect", "read"), [("openai", of_openai), ("anthropic", of_anthropic)])
def test_what_the_simulated_providers_send_is_understood(dialect: str, read: object) -> None:
    standings = {
        "requests": Simulated(limit=20, used=5, empty_in_s=30.0),
        "tokens": Simulated(limit=1000, used=2000, empty_in_s=60.0),
    }
    headers = MANNERS[dialect].standing(standings, 1000.0)
    assert callable(read)
    assert read(headers.get, 1000.0) == Standing(Quota(20, 15, 30.0), Quota(1000, 0, 60.0))
