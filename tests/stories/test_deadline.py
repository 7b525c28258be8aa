"""The caller's time is up, whatever the providers are doing."""

from __future__ import annotations

import pytest

from headgate.core.call import Outcome
from headgate.core.errors import AllUpstreamsFailed, DeadlineExceeded
from staged import Stage, Told, play, play_cancelled_everywhere, two_neighbours


async def impatient(stage: Stage) -> None:
    """Patience with an upstream is 5 s here; these callers have two, or a third of a second."""
    for name in ("north", "south"):
        stage.befalls(name, "hang")
    for stream in (True, False):
        await stage.ask(stream=stream, deadline_s=2.0)
    stage.seen["failures"] = stage.breaker("a").breaker.failures
    for name in ("north", "south"):
        stage.befalls(name, None)
    for stream in (True, False):
        await stage.ask(stream=stream, deadline_s=0.35)
    stage.befalls("north", "slow:2")
    await stage.ask(deadline_s=1.5)


async def no_time_to_wait(stage: Stage) -> None:
    """Both are throttled for 3 s; the caller has two: nothing is gained by waiting."""
    for name in ("north", "south"):
        stage.befalls(name, "429:3")
    await stage.ask(deadline_s=2.0)


def test_it_ends_at_the_deadline_to_the_instant_and_no_breaker_is_told() -> None:
    stage = play(two_neighbours(), impatient)
    assert all(isinstance(told.error, DeadlineExceeded) for told in stage.told)
    assert [told.took_s for told in stage.told] == pytest.approx([2.0, 2.0, 0.35, 0.35, 1.5])
    assert stage.seen["failures"] == 0
    assert stage.outcomes == [Outcome.DEADLINE] * 5
    assert [bool(told.body) for told in stage.told] == [False, False, True, False, True]
    assert not any(told.whole for told in stage.told)


def test_what_cannot_be_in_time_is_said_at_once() -> None:
    [told] = play(two_neighbours(), no_time_to_wait).told
    assert told.error is not None
    assert not isinstance(told.error, DeadlineExceeded | AllUpstreamsFailed)
    assert told.took_s < 0.5


def test_cancelled_at_every_turn() -> None:
    assert play_cancelled_everywhere(two_neighbours(), impatient) > 10
    told: list[Told] = play(two_neighbours(), no_time_to_wait).told
    assert len(told) == 1
