"""Several gateways share the limits of a key, in virtual time, before a provider that counts strictly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from headgate.adapters.memory.counters import MemoryCounters
from headgate.assemble.sharing import Sharing
from headgate.core.allowance import Rates
from headgate.core.keylimits import KeyLimits
from headgate.core.lease import Hello, Reply
from headgate.ports.counters import StoreGone
from headgate.providers.simulated import Limits
from headgate.providers.simulated.window import Gate
from virtual import clock, run

UNTIL_S = 180.0
RPM = 600


class Unsteady:
    """A store that is away from time to time."""

    def __init__(self, counters: MemoryCounters) -> None:
        self._counters = counters
        self.down = False
        self.messages = 0

    async def sync(self, hello: Hello) -> Reply:
        self.messages += 1
        await clock().sleep(0.001)
        if self.down:
            raise StoreGone("away", nobody_there=True)
        return await self._counters.sync(hello)

    async def close(self) -> None:
        """Nothing to close."""


class World:
    """Processes, their store, and one key at one provider."""

    def __init__(self, count: int, rates: Rates, seed: int = 3) -> None:
        self.chance = Random(seed)
        self.store = Unsteady(MemoryCounters(clock()))
        self.gate = Gate(Limits(rpm=rates.rpm, tpm=rates.tpm, burst=rates.burst))
        self.served = self.refused = 0
        self.tokens = 0
        self.sharings = [
            Sharing("memory", self.store, clock(), name=f"p{number}", processes=count)
            for number in range(count)
        ]
        self.keys = []
        for sharing in self.sharings:
            key = KeyLimits(sharing.allowance("provider/1"))
            key.configure(rates)
            self.keys.append(key)

    async def requests(self, key: KeyLimits, rate: float, tokens: int) -> None:
        """Requests at random moments; those that find no room wait for it, fifty at most."""
        waiting, due = 0, clock().now()
        async with asyncio.TaskGroup() as group:
            while clock().now() < UNTIL_S:
                waiting = min(50, waiting + 1)
                while waiting and (grant := key.reserve(clock().now(), tokens)):
                    waiting -= 1
                    group.create_task(self._call(key, grant, tokens))
                due += self.chance.expovariate(rate)
                await clock().sleep(max(0.0, due - clock().now()))

    async def _call(self, key: KeyLimits, grant: Any, tokens: int) -> None:
        """On its way for up to 0.2 s, answered 0.1 to 0.6 s later; takes less than was reserved."""
        await clock().sleep(self.chance.uniform(0.001, 0.2))
        took = tokens and self.chance.randint(tokens // 2, tokens)
        if self.gate.admit(clock().now(), took) is None:
            self.served += 1
            self.tokens += took
        else:
            self.refused += 1
        await clock().sleep(self.chance.uniform(0.1, 0.6))
        key.answered(grant, None, clock().now())
        await clock().sleep(self.chance.uniform(0.0, 2.0))
        key.settle(grant, took, clock().now())


def played(
    count: int,
    rates: Rates,
    shares: list[float],
    tokens: int = 0,
    more: Callable[[World], Awaitable[None]] | None = None,
) -> World:
    async def story() -> World:
        world = World(count, rates)
        for sharing in world.sharings:
            await sharing.start()
        tasks = [asyncio.create_task(sharing.run()) for sharing in world.sharings]
        if more is not None:
            tasks.append(asyncio.create_task(more(world)))  # type: ignore[arg-type]  # a coroutine function
        per_s = 3.0 * min(rates.rpm or 10**9, (rates.tpm or 10**12) / max(tokens, 1)) / 60.0
        await asyncio.gather(
            *(
                world.requests(key, per_s * share, tokens)
                for key, share in zip(world.keys, shares, strict=True)
                if share
            )
        )
        for task in tasks:
            task.cancel()
        for sharing in world.sharings:
            await sharing.close()
        return world

    return run(story())


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.4, 0.3, 0.3], [1.0, 0.0, 0.0]])
def test_nothing_is_refused_and_next_to_nothing_left_unused(shares: list[float]) -> None:
    world = played(len(shares), Rates(rpm=RPM), shares)
    assert world.refused == 0
    assert world.served >= 0.97 * 3 * RPM
    assert world.store.messages <= 0.07 * world.served


def test_tokens_are_shared_too() -> None:
    world = played(3, Rates(tpm=300_000), [0.5, 0.3, 0.2], tokens=1500)
    assert world.refused == 0
    assert world.tokens >= 0.9 * 3 * 300_000


def test_bursts_are_shared_out_evenly() -> None:
    world = played(3, Rates(rpm=RPM, burst=30), [0.4, 0.3, 0.3])
    assert world.refused == 0
    assert world.served >= 0.95 * 3 * RPM


def test_a_store_that_goes_away_and_comes_back() -> None:
    async def outage(world: World) -> None:
        await clock().sleep(70.0)
        world.store.down = True
        await clock().sleep(20.0)
        assert all(sharing.condition()["state"] == "alone" for sharing in world.sharings)
        await clock().sleep(10.0)
        world.store.down = False
        await clock().sleep(15.0)
        assert all(sharing.condition()["state"] == "shared" for sharing in world.sharings)

    world = played(3, Rates(rpm=RPM), [0.4, 0.3, 0.3], more=outage)
    assert world.refused == 0
    assert world.served >= 0.8 * 3 * RPM


def test_a_store_that_is_not_there_at_the_start() -> None:
    async def away(world: World) -> None:
        world.store.down = True
        await clock().sleep(0.0)

    world = played(3, Rates(rpm=RPM), [0.4, 0.3, 0.3], more=away)
    assert world.refused == 0


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL", logger="headgate")
