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


ADMIN = {"name": "a", "key": "admin-key-0123456789"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"server": {"admin_keys": [ADMIN, {**ADMIN, "name": "b"}]}}, ["is another key's, or the admin key"]),
        ({"server": {"admin_keys": [ADMIN, {**ADMIN, "key": "x" * 20}]}}, ["is the name of another key"]),
        (
            {"server": {"admin_key": ADMIN["key"], "admin_keys": [ADMIN]}},
            ["is another key's, or the admin key"],
        ),
        (
            {"keys": [{"name": "k", "key": "0123456789abcdef", "tenant": "mirror"}]},
            ["is what copies for a mirror are booked under"],
        ),
        (
            {"store": {"url": "off"}, "routes": {"r": {"use": ["m"], "durable": "strict"}}},
            ["waits for books that are not kept"],
        ),
        ({"routes": {"r": {"use": ["m"], "durable": "strict"}}}, []),
    ],
)
def test_nobody_is_taken_for_another_and_no_promise_is_made_that_cannot_be_kept(
    more: dict[str, object], said: list[str]
) -> None:
    raw = {
        "providers": {"p": {"dialect": "simulated"}},
        "models": {"m": {"provider": "p"}},
        "keys": [{"name": "k", "key": "0123456789abcdef"}],
        **more,
    }
    assert [one.message for one in findings(raw)] == said
