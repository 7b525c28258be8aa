"""429 with Retry-After 7: the neighbour serves, and after 7 s traffic returns."""

from __future__ import annotations

import pytest

from headgate.core.call import Outcome
from headgate.core.errors import UpstreamThrottled
from staged import Stage, Traffic, play, play_cancelled_everywhere, two_neighbours
from virtual import clock


async def told_to_wait(stage: Stage) -> None:
    stage.befalls("north", "429:7", for_s=0.5)
    await stage.ask_all(7, gap_s=1.0)
    stage.seen["visits while away"] = stage.visits("north")
    await stage.until(7.001)
    await stage.ask()
    stage.seen["returned at"] = clock().now()


async def told_to_wait_everywhere(stage: Stage) -> None:
    """A short pause is waited for, a long one is passed on to the caller."""
    stage.befalls("north", "429:3", for_s=0.5)
    stage.befalls("south", "429:4", for_s=0.5)
    await stage.ask(stream=False)
    await stage.until(10.0)
    for name in ("north", "south"):
        stage.befalls(name, "429:30", for_s=0.5)
    await stage.ask(stream=False)


async def one_of_two_keys_is_told_to_wait(stage: Stage) -> None:
    stage.befalls("north", "429:7", key="1", for_s=1.5)
    await stage.ask_all(70, gap_s=1.0, model="a")


def test_the_neighbour_serves_and_after_seven_seconds_traffic_returns() -> None:
    stage = play(two_neighbours(), told_to_wait)
    first, *others, last = stage.told
    assert (first.model, first.attempts, first.instead_of) == ("b", 2, "a")
    assert [(told.model, told.attempts) for told in others] == [("b", 1)] * 6
    assert stage.seen["visits while away"] == 1
    assert (last.model, last.attempts, last.instead_of) == ("a", 1, None)
    assert all(told.whole for told in stage.told)
    assert set(stage.outcomes) == {Outcome.FINISHED}
    assert stage.breaker("a").breaker.failures == 0


def test_where_nobody_has_room_a_short_pause_is_waited_for_and_a_long_one_passed_on() -> None:
    stage = play(two_neighbours(), told_to_wait_everywhere)
    waited, refused = stage.told
    assert (waited.model, waited.attempts, waited.whole) == ("a", 3, True)
    assert 3.0 < waited.took_s < 4.0
    assert isinstance(refused.error, UpstreamThrottled)
    assert refused.error.retry_after_s == pytest.approx(30.0)
    assert refused.took_s < 0.1
    assert stage.outcomes == [Outcome.FINISHED, Outcome.FAILED]


def test_a_throttled_key_is_left_alone_and_gets_its_share_again() -> None:
    stage = play(two_neighbours(keys=2), one_of_two_keys_is_told_to_wait)
    assert [told.model for told in stage.told] == ["a"] * 70
    assert max(told.attempts for told in stage.told) == 2
    assert sum(told.attempts for told in stage.told) == 71
    keys = stage.provider("north").report().keys
    assert keys["1"].faulted == 1
    assert keys["1"].served > 5


@pytest.mark.parametrize("traffic", [told_to_wait, told_to_wait_everywhere])
def test_cancelled_at_every_turn(traffic: Traffic) -> None:
    assert play_cancelled_everywhere(two_neighbours(), traffic) > 5
