"""One of two keys is dead: it is left alone, and its neighbour serves the same request."""

from __future__ import annotations

import asyncio

from headgate.core.breaker import State
from headgate.core.call import Outcome
from headgate.core.errors import AllUpstreamsFailed
from staged import Stage, play, play_cancelled_everywhere, two_neighbours


def visits(stage: Stage) -> dict[str, int]:
    """How often each key has been shown to the provider."""
    return {key: report.requests for key, report in stage.provider("north").report().keys.items()}


async def a_dead_key(stage: Stage) -> None:
    stage.befalls("north", "bad-key", key="1")
    await stage.ask_all(20, gap_s=1.0)
    stage.seen["visits"] = visits(stage)
    stage.seen["states"] = [upstream.breaker.state for upstream in stage.upstreams("a")]


async def a_key_that_revives(stage: Stage) -> None:
    stage.befalls("north", "bad-key", key="1")
    await stage.ask_all(3, gap_s=1.0)
    stage.befalls("north", None)
    await stage.until(70.0)
    await asyncio.gather(*(stage.ask("a") for _ in range(8)))
    stage.seen["visits"] = visits(stage)


async def only_dead_keys(stage: Stage) -> None:
    stage.befalls("north", "bad-key")
    await stage.ask()
    await stage.ask("a")


def test_it_is_left_alone_and_its_neighbour_serves_the_same_request() -> None:
    stage = play(two_neighbours(keys=2), a_dead_key)
    assert [(told.model, told.instead_of, told.whole) for told in stage.told] == [("a", None, True)] * 20
    assert sorted(told.attempts for told in stage.told) == [1] * 19 + [2]
    assert stage.seen["visits"] == {"1": 1, "2": 20}
    assert stage.seen["states"] == [State.OPEN, State.CLOSED]
    assert set(stage.outcomes) == {Outcome.FINISHED}
    assert stage.notes.fallbacks == []


def test_a_key_that_revives_is_used_again() -> None:
    stage = play(two_neighbours(keys=2), a_key_that_revives)
    assert all(told.model == "a" and told.whole for told in stage.told)
    assert stage.seen["visits"]["1"] >= 2


def test_where_all_keys_are_dead_the_next_model_serves() -> None:
    stage = play(two_neighbours(keys=2), only_dead_keys)
    by_route, by_name = stage.told
    assert (by_route.model, by_route.attempts, by_route.instead_of) == ("b", 3, "a")
    assert by_name.error is not None
    assert not isinstance(by_name.error, AllUpstreamsFailed) or by_name.error.attempts <= 3


def test_cancelled_at_every_turn() -> None:
    for traffic in (a_dead_key, a_key_that_revives, only_dead_keys):
        assert play_cancelled_everywhere(two_neighbours(keys=2), traffic, at_most=30) > 5
