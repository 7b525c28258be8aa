"""What no single value shows."""

from __future__ import annotations

import pytest

from headgate.config.cross import findings


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
