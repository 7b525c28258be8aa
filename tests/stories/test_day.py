"""A day at the office: how few calls are left, and nobody told wrongly. `make soak` plays all of it."""

from __future__ import annotations

from bench.quality.day import BURSTS_AN_HOUR, RPM, play

from headgate.config.load import process_environment
from headgate.core.reuse import Reuse

SOAK = process_environment().get("HEADGATE_SOAK") == "1"
SIZE = (RPM, BURSTS_AN_HOUR) if SOAK else (2.0, 1)


def test_a_day_with_what_is_on_by_default() -> None:
    played = play({}, *SIZE)
    assert not played.wrong
    how = played.how
    assert played.calls == how[Reuse.MISS] == played.requests - how[Reuse.EXACT] - how[Reuse.COALESCED]
    assert how[Reuse.COALESCED] > 100
    assert played.calls < (0.35 if SOAK else 0.75) * played.requests


def test_a_day_with_the_semantic_cache() -> None:
    alone = play({}, *SIZE)
    played = play({"semantic": {"ttl_s": 7200}, "exact": {"ttl_s": 7200}}, *SIZE)
    assert not played.wrong
    assert played.how[Reuse.SEMANTIC] > 0.05 * played.requests
    assert played.calls < alone.calls
    if SOAK:
        assert played.calls <= 0.25 * played.requests
