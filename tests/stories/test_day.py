"""A day at the office: how few calls are left, and nobody told wrongly. `make soak` plays all of it."""

from __future__ import annotations

from bench.quality.day import BURSTS_AN_HOUR, RPM, USUAL, Asked, Played, floor, play

from headgate.config.load import process_environment
from headgate.core.reuse import Reuse

SOAK = process_environment().get("HEADGATE_SOAK") == "1"
SIZE = (RPM, BURSTS_AN_HOUR) if SOAK else (2.0, 1)


def explained(played: Played) -> None:
    """Every call has its reason, nothing that was kept was lost, and no cache makes fewer than the floor."""
    assert sum(played.why.values()) == played.calls >= played.floor
    assert "lost" not in played.why


def asked_at(*times: float, tenant: str = "one") -> list[Asked]:
    return [Asked(at, tenant, "do it", USUAL.format("do it"), True) for at in times]


def test_no_cache_can_do_with_less_than_a_call_for_every_span_of_its_time() -> None:
    assert floor(asked_at(0.0, 100.0, 3600.0, 3700.0), 3600.0) == 2
    assert floor(asked_at(0.0, 5.0) + asked_at(1.0, tenant="another"), 3600.0) == 2


def test_a_day_with_what_is_on_by_default() -> None:
    played = play({}, *SIZE)
    assert not played.wrong
    explained(played)
    how = played.how
    assert played.calls == how[Reuse.MISS] == played.requests - how[Reuse.EXACT] - how[Reuse.COALESCED]
    assert how[Reuse.COALESCED] > 100
    assert played.calls < (0.35 if SOAK else 0.75) * played.requests


def test_a_day_with_the_semantic_cache() -> None:
    alone = play({}, *SIZE)
    played = play({"semantic": {"ttl_s": 7200}, "exact": {"ttl_s": 7200}}, *SIZE)
    assert not played.wrong
    explained(played)
    assert played.how[Reuse.SEMANTIC] > (0.05 if SOAK else 0.02) * played.requests
    assert played.calls < alone.calls
    if SOAK:
        assert played.calls <= 0.25 * played.requests
