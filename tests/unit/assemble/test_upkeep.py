"""What goes on beside the requests goes on, and says what became of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from headgate.assemble import Gateway, Machine
from headgate.assemble.upkeep import AGAIN_MAX_S, AGAIN_S, WELL_S, Upkeep
from headgate.config.validate import settings
from virtual import VirtualClock, clock, run

Turns = list[float]


def kept(work: Callable[[VirtualClock, Turns], Awaitable[None]], *, for_s: float) -> tuple[Turns, list[Any]]:
    """When the work was begun, and what was said of it every half second."""

    async def story() -> tuple[Turns, list[Any]]:
        time, begun, said = clock(), Turns(), []
        upkeep, start = Upkeep(time), time.now()

        async def one() -> None:
            begun.append(time.now() - start)
            await work(time, begun)

        task = asyncio.create_task(upkeep.keep("it", one))
        while time.now() - start < for_s:
            await time.sleep(0.5)
            said.append(upkeep.condition())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return begun, said

    return run(story())


def test_who_fails_is_begun_again_later_and_later(caplog: pytest.LogCaptureFixture) -> None:
    async def fails(time: VirtualClock, begun: Turns) -> None:
        raise ValueError("a row nobody can read")

    with caplog.at_level(logging.ERROR):
        begun, said = kept(fails, for_s=200.0)
    gaps = [later - earlier for earlier, later in pairwise(begun)]
    assert gaps[:6] == pytest.approx([AGAIN_S * 2**turn for turn in range(6)])
    assert max(gaps) == pytest.approx(AGAIN_MAX_S)
    assert all(one == {"it": "ValueError"} for one in said)
    assert "it: failed" in caplog.text
    assert "a row nobody can read" in caplog.text


def test_who_goes_on_is_well_again_and_fails_as_if_for_the_first_time() -> None:
    async def fails_at_times(time: VirtualClock, begun: Turns) -> None:
        if len(begun) > 3:
            await time.sleep(2 * WELL_S)
        raise OSError("now and then")

    begun, said = kept(fails_at_times, for_s=400.0)
    well = [one for one in said if not one]
    assert 2 * WELL_S <= len(well) * 0.5 <= 3 * WELL_S
    assert said[0] == {"it": "OSError"}
    assert begun[5] - begun[4] == pytest.approx(2 * WELL_S + AGAIN_S)


def test_what_ends_by_itself_is_not_begun_again() -> None:
    async def ends(time: VirtualClock, begun: Turns) -> None:
        if len(begun) < 3:
            raise KeyError("x")

    begun, said = kept(ends, for_s=100.0)
    assert len(begun) == 3
    assert said[-1] == {}


def test_health_metrics_and_log_say_what_fails() -> None:
    raw = {
        "server": {"auth": "off"},
        "providers": {"p": {"dialect": "simulated"}},
        "models": {"m": {"provider": "p"}},
    }

    async def story() -> tuple[list[Any], list[bytes]]:
        upkeep, time = Upkeep(clock()), clock()
        machine = Machine(clock=time, chance=Random(1), pepper=b"x" * 16, upkeep=upkeep)
        gateway = Gateway(settings(raw, environ={}), machine)

        async def fails_once() -> None:
            if not health:
                raise ValueError("once")
            await time.sleep(1e9)

        health: list[Any] = []
        pages: list[bytes] = []
        task = asyncio.create_task(upkeep.keep("books", fails_once))
        for _ in range(2):
            await time.sleep(0.1)
            health.append(gateway.house.front.health())
            gateway.show_health()
            pages.append(gateway.page()[0])
            await time.sleep(2 * WELL_S)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return health, pages

    [failing, well], [first, second] = run(story())
    assert (failing["status"], failing["failing"]) == ("degraded", {"books": "ValueError"})
    assert (well["status"], "failing" in well) == ("ok", False)
    assert b'headgate_work_failing{work="books"} 1.0' in first
    assert b"headgate_work_failing{" not in second
