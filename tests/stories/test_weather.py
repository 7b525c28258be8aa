"""Half an hour of bad weather: everything at once, in an order nobody thought of."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from headgate.config.tree import Settings
from headgate.core.call import Outcome
from headgate.providers.simulated import FAULTS
from staged import Stage, Traffic, play, two_neighbours
from virtual import clock

FAIR = None
WEATHER = [*FAULTS, "429:0", "429:7", "503", "stall-mid:1", "cut-mid:1", FAIR, FAIR, FAIR, FAIR]


def weather(seed: int) -> Traffic:
    chance = Random(seed)

    async def caller(stage: Stage) -> None:
        task = asyncio.ensure_future(
            stage.ask(
                chance.choice(["auto", "auto", "a", "b"]),
                stream=chance.random() < 0.6,
                deadline_s=chance.choice([0.3, 2.0, 15.0, 600.0, 600.0]),
            )
        )
        if chance.random() < 0.2:
            await clock().sleep(chance.uniform(0.0, 3.0))
            stage.loop.strike()
        await task

    async def sky(stage: Stage) -> None:
        while clock().now() < 1800.0:
            where, what = chance.choice(["north", "south"]), chance.choice(WEATHER)
            stage.befalls(where, what, for_s=chance.uniform(1.0, 90.0))
            await clock().sleep(chance.uniform(0.0, 60.0))
            if chance.random() < 0.1:
                stage.gateway.reload(Settings.model_validate(stage.settings))

    async def traffic(stage: Stage) -> None:
        sky_ = asyncio.ensure_future(sky(stage))
        callers = []
        while clock().now() < 1800.0:
            callers.append(asyncio.ensure_future(caller(stage)))
            await clock().sleep(chance.expovariate(0.25))
        await asyncio.gather(sky_, *callers)

    return traffic


@pytest.mark.parametrize("seed", range(4))
def test_afterwards_everything_is_as_it_was(seed: int) -> None:
    stage = play(two_neighbours(keys=2), weather(seed))
    assert stage.begun > 300
    assert stage.outcomes.count(Outcome.FINISHED) > stage.begun / 4
    assert {Outcome.CANCELLED, Outcome.DEADLINE} <= set(stage.outcomes)


def test_the_same_seed_is_the_same_half_hour() -> None:
    one, other = (play(two_neighbours(keys=2), weather(11)) for _ in range(2))
    assert [(told.at, told.model, told.took_s) for told in one.told] == [
        (told.at, told.model, told.took_s) for told in other.told
    ]
