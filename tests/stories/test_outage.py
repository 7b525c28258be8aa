"""Five failures open the breaker; after 60 s one probe brings the upstream back."""

from __future__ import annotations

import asyncio

from headgate.core.breaker import State
from headgate.core.call import Outcome
from headgate.core.errors import AllUpstreamsFailed, Overloaded
from staged import Stage, play, play_cancelled_everywhere, two_neighbours


async def an_outage(stage: Stage) -> None:
    stage.befalls("north", "503")
    await stage.ask_all(8, gap_s=1.0)
    stage.seen["visits"] = stage.visits("north")
    stage.seen["state"] = stage.breaker("a").breaker.state
    stage.befalls("north", None)
    await stage.until(59.0)
    await stage.ask()
    stage.seen["visits before recovery"] = stage.visits("north")
    await stage.until(stage.breaker("a").ready_at())
    await asyncio.gather(*(stage.ask() for _ in range(6)))
    stage.seen["visits of the probe"] = stage.visits("north")
    await stage.ask_all(3, gap_s=1.0)


async def an_outage_that_lasts(stage: Stage) -> None:
    """Asked once a second for ten minutes, a dead upstream is probed once a minute."""
    stage.befalls("north", "refuse")
    await stage.ask_all(600, gap_s=1.0, stream=False)
    stage.seen["visits"] = stage.visits("north")


async def an_outage_of_everybody(stage: Stage) -> None:
    for name in ("north", "south"):
        stage.befalls(name, "500")
    await stage.ask_all(6, gap_s=1.0)
    stage.seen["visits"] = stage.visits("north") + stage.visits("south")
    await stage.ask()


async def silence(stage: Stage) -> None:
    """An upstream that hangs is found out by patience, not by the callers' deadlines."""
    stage.befalls("north", "hang")
    await asyncio.gather(*(stage.ask() for _ in range(5)))
    stage.seen["state"] = stage.breaker("a").breaker.state
    await stage.ask()


def test_five_failures_open_the_breaker_and_one_probe_closes_it() -> None:
    stage = play(two_neighbours(), an_outage)
    assert (stage.seen["visits"], stage.seen["state"]) == (5, State.OPEN)
    assert [told.attempts for told in stage.told[:8]] == [2] * 5 + [1] * 3
    assert stage.seen["visits before recovery"] == 5
    assert stage.seen["visits of the probe"] == 6
    assert sorted(str(told.model) for told in stage.told[9:15]) == ["a"] + ["b"] * 5
    assert [told.model for told in stage.told[15:]] == ["a"] * 3
    assert set(stage.outcomes) == {Outcome.FINISHED}
    moves = [(before, after) for before, after, _ in stage.notes.moves]
    assert moves == [
        (State.CLOSED, State.OPEN),
        (State.OPEN, State.HALF_OPEN),
        (State.HALF_OPEN, State.CLOSED),
    ]


def test_a_dead_upstream_is_asked_once_a_minute_and_no_caller_notices() -> None:
    stage = play(two_neighbours(), an_outage_that_lasts)
    assert all(told.model == "b" and told.whole for told in stage.told)
    assert 5 + 8 <= stage.seen["visits"] <= 5 + 10


def test_an_outage_of_everybody_is_told_and_soon_costs_nothing() -> None:
    stage = play(two_neighbours(), an_outage_of_everybody)
    *failed, refused = stage.told
    assert all(isinstance(told.error, AllUpstreamsFailed | Overloaded) for told in failed)
    assert isinstance(failed[0].error, AllUpstreamsFailed)
    assert failed[0].error.attempts == 3
    assert stage.seen["visits"] == 10
    assert isinstance(refused.error, Overloaded)
    assert refused.error.retry_after_s is not None
    assert 50.0 < refused.error.retry_after_s <= 60.0
    assert refused.took_s == 0.0


def test_silence_opens_the_breaker_too() -> None:
    stage = play(two_neighbours(), silence)
    assert stage.seen["state"] is State.OPEN
    *waited, at_once = stage.told
    assert all(told.model == "b" and 5.0 < told.took_s < 6.0 for told in waited)
    assert (at_once.model, at_once.attempts) == ("b", 1)
    assert at_once.took_s < 1.0


def test_cancelled_at_every_turn() -> None:
    for traffic in (an_outage, an_outage_of_everybody, silence):
        assert play_cancelled_everywhere(two_neighbours(), traffic, at_most=30) > 10
