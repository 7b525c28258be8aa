"""What no single value shows."""

from __future__ import annotations

import pytest

from headgate.config.cross import findings
from headgate.core.secret import Secret


@pytest.mark.parametrize(
    ("more", "is_well"),
    [
        ({"server": {"admin_key": "admin-key-0123456789"}}, True),
        ({"server": {"admin_keys": [{"name": "a", "key": "admin-key-0123456789"}]}}, True),
        ({"store": {"url": "sqlite:///books.db"}}, True),
        ({"store": {"url": "off"}, "server": {"admin_key": "admin-key-0123456789"}}, False),
        ({}, False),
    ],
)
def test_keys_may_be_left_to_be_made_at_run_time(more: dict[str, object], is_well: bool) -> None:
    raw = {
        "providers": {"p": {"dialect": "simulated"}},
        "models": {"m": {"provider": "p"}},
        "keys": [],
        **more,
    }
    assert [one.message for one in findings(raw)] == (
        [] if is_well else ["none is given, so nobody could call"]
    )


@pytest.mark.parametrize(
    ("cache", "store", "said"),
    [
        ({"semantic": {"store": "file"}, "store": "file"}, {}, []),
        ({"semantic": {"store": "file"}}, {}, ["set cache.store"]),
        ({"semantic": {}}, {}, []),
        ({"semantic": None}, {}, []),
        (
            {"semantic": {"store": "postgres"}, "store": "redis"},
            {"redis": "redis://x", "url": Secret("postgresql://x")},
            [],
        ),
        ({"semantic": {"store": "postgres"}, "store": "file"}, {"url": "postgresql://x/y"}, []),
        (
            {"semantic": {"store": "postgres"}, "store": "file"},
            {"url": Secret("sqlite:///x")},
            ["set store.url to postgresql://…"],
        ),
    ],
)
def test_questions_survive_where_answers_do(
    cache: dict[str, object], store: dict[str, object], said: list[str]
) -> None:
    raw = {
        "providers": {"p": {"dialect": "simulated"}},
        "models": {"m": {"provider": "p"}},
        "keys": [{"name": "k", "key": "0123456789abcdef"}],
        "cache": cache,
        "store": store,
    }
    assert [one.hint for one in findings(raw)] == said
