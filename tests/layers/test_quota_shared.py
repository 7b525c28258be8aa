"""Limits of callers that several processes share: who has room is let in, wherever the room lies."""

from __future__ import annotations

import asyncio
from functools import partial
from random import Random

import pytest

from headgate.adapters.memory.counters import MemoryCounters
from headgate.assemble.sharing import Sharing
from headgate.core.allowance import Rates
from headgate.core.call import Call
from headgate.core.errors import RateLimited
from headgate.core.expected import Usual
from headgate.core.lease import Hello, Reply
from headgate.core.quota import Quota, Several, Shared
from headgate.pipeline.quota import Quotas, Under
from headgate.ports.counters import StoreGone
from scripted import Scripted, answers, asked
from virtual import clock, run

RPM = 60


def _told(found: Under, call: Call) -> Under:
    return found


class Store:
    """Of all of them; away from time to time."""

    def __init__(self) -> None:
        self._counters = MemoryCounters(clock())
        self.down = False

    async def sync(self, hello: Hello) -> Reply:
        await clock().sleep(0.002)
        if self.down:
            raise StoreGone("away")
        return await self._counters.sync(hello)

    async def close(self) -> None: ...


class Replicas:
    """Several gateways, and one caller's key."""

    def __init__(self, count: int) -> None:
        self.store = Store()
        self.chance = Random(3)
        self.sharings = [
            Sharing("memory", self.store, clock(), name=f"p{at}", processes=count) for at in range(count)
        ]
        self.services: list[Quotas] = []

    async def start(self, *, of_its_own: bool = False) -> list[asyncio.Task[None]]:
        for sharing in self.sharings:
            await sharing.start()
            quota = Shared(sharing.allowance("caller/key/a", frugal=True), clock().now)
            quota.allow(Rates(rpm=RPM))
            alone = Quota()
            alone.allow(Rates(rpm=1000))
            found = Under(Several([alone, quota]) if of_its_own else quota, Usual())
            under = partial(_told, found)
            service = Scripted(answers(b"a"))
            self.services.append(Quotas(service, known={}, of=under, clock=clock()))
        return [asyncio.ensure_future(sharing.run()) for sharing in self.sharings]

    async def ask(self, at: int | None = None) -> bool:
        """Whether it was let in."""
        try:
            async with (self.chance.choice(self.services) if at is None else self.services[at])(
                asked()
            ) as reply:
                assert [piece async for piece in reply.body]
        except RateLimited:
            return False
        return True


async def over(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


@pytest.mark.parametrize("of_its_own", [False, True])
@pytest.mark.parametrize("idle_s", [0.0, 30.0])
def test_a_burst_within_the_limit_is_let_in_though_nothing_was_in_hand(
    idle_s: float, of_its_own: bool
) -> None:
    async def story() -> int:
        house = Replicas(4)
        tasks = await house.start(of_its_own=of_its_own)
        await clock().sleep(idle_s)
        let_in = await asyncio.gather(*(house.ask() for _ in range(30)))
        await over(tasks)
        return sum(let_in)

    assert run(story()) == 30


def test_together_they_let_in_as_many_as_the_limit_says_and_refuse_in_a_moment() -> None:
    async def story() -> tuple[int, int, float, int]:
        house = Replicas(4)
        tasks = await house.start()
        burst = sum(await asyncio.gather(*(house.ask() for _ in range(3 * RPM))))
        more, longest = 0, 0.0
        while clock().now() < 50.0:
            began = clock().now()
            more += await house.ask()
            longest = max(longest, clock().now() - began)
            await clock().sleep(0.25)
        await clock().sleep(75.0 - clock().now())
        anew = sum(await asyncio.gather(*(house.ask() for _ in range(30))))
        await over(tasks)
        return burst, more, longest, anew

    burst, more, longest, anew = run(story())
    assert burst >= 0.75 * RPM
    assert burst + more == RPM
    assert longest <= 0.5
    assert anew == 30


def test_while_the_store_is_away_each_goes_on_with_its_part_at_once() -> None:
    async def story() -> list[int]:
        house = Replicas(2)
        tasks = await house.start()
        assert await house.ask(0)
        assert await house.ask(1)
        house.store.down = True
        await clock().sleep(12.0)
        let_in = [sum([await house.ask(at) for _ in range(RPM)]) for at in range(2)]
        await over(tasks)
        return let_in

    assert run(story()) == [RPM // 2 - 1, RPM // 2 - 1]
