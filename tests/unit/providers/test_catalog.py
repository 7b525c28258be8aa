import re
from typing import get_args

import pytest

from headgate.core.errors import Unsupported
from headgate.core.secret import Secret
from headgate.providers.catalog import (
    LOCAL,
    NAMES,
    ROWS,
    SIMULATED,
    AuthStyle,
    Dialect,
    Row,
    auth_headers,
    by_dialect,
    by_name,
    row_of,
)
from headgate.providers.spec import STANDARD

KEY = Secret("k-0123456789abcdef")


def test_no_two_rows_share_a_name() -> None:
    names = [name for row in ROWS for name in (row.name, row.alias) if name]
    assert len(names) == len(set(names)) == len(NAMES)
    assert not any("/" in name for name in names)


def test_the_providers_of_the_default_chain_come_first_and_in_order() -> None:
    assert [row.alias or row.name for row in ROWS[:3]] == ["gemini", "claude", "openai"]
    clouds = [index for index, row in enumerate(ROWS) if row.env]
    assert max(clouds) < ROWS.index(LOCAL) < ROWS.index(SIMULATED)


def test_every_dialect_has_the_provider_that_gave_it_its_name() -> None:
    for dialect in get_args(Dialect):
        row = by_dialect(dialect)
        assert row is not None
        assert row.name == row.dialect == dialect
    assert by_dialect("azure") is None
    assert by_name("nobody") is None


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_is_complete(row: Row) -> None:
    assert row.auth in get_args(AuthStyle)
    assert row.docs
    if row is SIMULATED:
        return
    assert re.fullmatch(r"https?://[a-z0-9.:]+(/[a-z0-9]+)*", row.base_url)
    assert row.docs.startswith("https://")
    assert row.needs_key == bool(row.env) == row.base_url.startswith("https://")
    assert bool(row.models) == bool(row.env)
    assert all(re.fullmatch(r"[A-Z]+_API_KEY", name) for name in row.env)


def test_a_key_travels_as_its_provider_wants_it() -> None:
    assert auth_headers("bearer", KEY) == {"authorization": f"Bearer {KEY.reveal()}"}
    assert auth_headers("x-api-key", KEY) == {"x-api-key": KEY.reveal()}
    assert auth_headers("x-goog-api-key", KEY) == {"x-goog-api-key": KEY.reveal()}
    assert auth_headers("none", KEY) == {}
    assert auth_headers("bearer", None) == {}


def test_a_configured_provider_is_treated_by_its_name_where_the_dialect_agrees() -> None:
    assert row_of("claude", "anthropic", "https://elsewhere.example") is by_name("anthropic")
    assert row_of("work", "anthropic", "https://api.anthropic.com") is by_name("anthropic")


def test_a_provider_nobody_knows_is_exactly_its_dialect() -> None:
    row = row_of("local", "openai", "http://10.0.0.7:8000/v1")
    assert (row.name, row.auth, row.rules, row.prices) == ("local", "bearer", STANDARD, None)
    assert not row.needs_key


def test_the_rules_say_what_the_providers_pages_say() -> None:
    rules = {row.name: row.rules for row in ROWS}
    assert rules["openai"].rename["max_tokens"] == "max_completion_tokens"
    assert rules["mistral"].rename["seed"] == "random_seed"
    assert not rules["mistral"].stream_usage
    assert rules["groq"].permits("n", 1)
    with pytest.raises(Unsupported):
        rules["groq"].permits("n", 2)
    for provider, param in [("groq", "logprobs"), ("mistral", "logit_bias"), ("xai", "presence_penalty")]:
        with pytest.raises(Unsupported) as caught:
            rules[provider].permits(param, 1)
        assert caught.value.param == param
