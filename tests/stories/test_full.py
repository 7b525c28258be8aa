"""More callers than there is room for."""

from __future__ import annotations

import asyncio
from typing import Any

from headgate.core.call import Outcome
from headgate.core.errors import Overloaded
from staged import Stage, play, play_cancelled_everywhere, simulated, two_neighbours


def small(**server: Any) -> dict[str, Any]:
    """Two calls at a time at each provider."""
    settings = two_neighbours()
    providers = {name: simulated(concurrency=2) for name in settings["providers"]}
    return {**settings, "providers": providers, "server": {**settings["server"], **server}}


async def a_crowd(stage: Stage) -> None:
    await asyncio.gather(*(stage.ask() for _ in range(8)))
    stage.seen["crowd"] = list(stage.told)
    stage.told.clear()
    await asyncio.gather(*(stage.ask() for _ in range(4)))


def test_upstreams_that_are_full_are_passed_over_and_who_finds_no_room_is_told_when() -> None:
    stage = play(small(), a_crowd)
    served = [told.model for told in stage.seen["crowd"] if told.whole]
    refused = [told for told in stage.seen["crowd"] if not told.whole]
    assert served.count("a") >= 2
    assert served.count("b") >= 2
    assert len(served) + len(refused) == 8
    for told in refused:
        assert isinstance(told.error, Overloaded)
        assert (told.error.retry_after_s or 0.0) >= 1.0
        assert told.took_s < 2.0
    assert stage.breaker("a").breaker.failures == stage.breaker("b").breaker.failures == 0
    assert sorted(str(told.model) for told in stage.told) == ["a", "a", "b", "b"]


def test_a_house_that_is_full_refuses_at_once() -> None:
    stage = play(small(max_in_flight=3), a_crowd)
    refused = [told for told in stage.seen["crowd"] if told.error]
    assert len(refused) == 5
    assert all(told.took_s == 0.0 for told in refused)
    assert stage.outcomes.count(Outcome.REFUSED) == 6
    assert stage.outcomes.count(Outcome.FINISHED) == 6


def test_cancelled_at_every_turn() -> None:
    assert play_cancelled_everywhere(small(), a_crowd, at_most=40) > 10
    assert play_cancelled_everywhere(small(max_in_flight=3), a_crowd, at_most=40) > 10
