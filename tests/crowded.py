"""A fallback over pools with little room, and callers of every tier who want it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

from falling import queueing
from headgate.core.call import Call, Caller, Queued, Reply
from headgate.core.errors import Overloaded
from headgate.core.retry import RetryBudget
from headgate.core.tier import NO_TIER, Tier
from headgate.core.waiting import Bounds
from headgate.pipeline.balance import Balance
from headgate.pipeline.fallback import Fallback, Retry
from headgate.pipeline.queue import Hall, Queue
from headgate.pipeline.service import Upstream
from scripted import Act, FakePayload, Notes, Scripted, asked, drain, ended
from virtual import clock

TIERS = {
    name: Tier(name=name, queue=queue, weight=weight, max_wait_s=max_wait_s)
    for name, queue, weight, max_wait_s in (
        ("free", "batch", 1, 60.0),
        ("basic", "standard", 5, 5.0),
        ("pro", "priority", 10, 2.0),
        ("enterprise", "priority", 10, 1.0),
    )
}


class Paced(Scripted):
    """Takes one call every `gap_s` seconds; of `shared`, all who share it do together."""

    def __init__(self, *acts: Act, gap_s: float, name: str = "m", shared: list[float] | None = None) -> None:
        super().__init__(*acts, name=name)
        self.gap_s = gap_s
        self.next = [0.0] if shared is None else shared

    def ready(self, call: Call | None = None) -> bool:
        return self.is_ready and clock().now() >= self.next[0]

    def ready_at(self, call: Call | None = None) -> float:
        return self.next[0] if self.is_ready else self.is_ready_at

    def refill(self, calls: int) -> float:
        return max(self.next[0], clock().now()) + (calls - 1) * self.gap_s

    @asynccontextmanager
    async def __call__(self, call: Call) -> AsyncIterator[Reply]:
        if not self.ready(call):
            raise Overloaded("no room")
        self.next[0] = clock().now() + self.gap_s
        async with super().__call__(call) as reply:
            yield reply


@dataclass
class Told:
    """What a caller was told, and when."""

    tier: str
    tenant: str
    came: float
    ended: float = 0.0
    error: BaseException | None = None
    queued: Queued | None = None

    @property
    def waited(self) -> float:
        return self.queued.waited_s if self.queued else 0.0


class Crowd:
    """Pools by model id, drawing on what `scarce` says (each on its own, otherwise), and a fallback."""

    def __init__(
        self,
        *pools: Scripted,
        upstreams: Mapping[str, Upstream] | None = None,
        scarce: Mapping[str, str] | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        balanced = {pool.source.model_id: Balance([pool], chance=Random(7)) for pool in pools}
        self.pools: Mapping[str, Upstream] = upstreams or balanced
        self.notes = Notes()
        self.hall = Hall(clock=clock())
        self.told: list[Told] = []
        self._tasks: set[asyncio.Future[Told]] = set()
        self.queue = (
            queueing(self.pools, bounds=bounds, recorder=self.notes, hall=self.hall)
            if scarce is None
            else Queue(
                self.pools,
                hall=self.hall,
                scarce=scarce,
                bounds=bounds or Bounds(),
                unwell_s=5.0,
                clock=clock(),
                recorder=self.notes,
            )
        )
        self.fallback = Fallback(
            self.pools,
            retry=Retry(),
            budget=RetryBudget(reserve=1000.0),
            queue=self.queue,
            clock=clock(),
            chance=Random(7),
            recorder=self.notes,
        )

    def call(
        self,
        tier: str = "",
        tenant: str = "acme",
        *,
        chain: tuple[str, ...] | None = None,
        deadline_s: float = 1e6,
        body: bytes = b"{}",
    ) -> Call:
        caller = Caller(key=tenant, tenant=tenant, tier=TIERS.get(tier, NO_TIER))
        return asked(
            chain=chain or tuple(self.pools),
            deadline_s=deadline_s,
            caller=caller,
            payload=FakePayload("auto", raw=body),
        )

    async def ask(self, tier: str = "", tenant: str = "acme", **more: object) -> Told:
        """One request, to its end; never raises."""
        told = Told(tier, tenant, clock().now())
        call = self.call(tier, tenant, **more)  # type: ignore[arg-type]  # as `call` takes them
        task = asyncio.ensure_future(self._ask(call, told))
        await asyncio.wait({task})
        told.error, told.ended = ended(task), clock().now()
        self.told.append(told)
        return told

    async def _ask(self, call: Call, told: Told) -> None:
        async with self.fallback(call) as reply:
            told.queued = reply.queued
            async for _ in reply.body:
                pass

    def begin(self, tier: str, tenant: str) -> None:
        """One request, which `all` waits for."""
        self._tasks.add(asyncio.ensure_future(self.ask(tier, tenant)))

    async def all(self, work: Iterable[Coroutine[None, None, None]]) -> None:
        """Until the work and all that it began has ended."""
        await asyncio.gather(*work)
        await asyncio.gather(*self._tasks)

    async def drain(self, call: Call) -> list[bytes]:
        return await drain(self.fallback, call)

    def is_empty(self) -> bool:
        """Whether nothing at all is left in the hall."""
        hall, room = self.hall, self.hall.room
        nobody = (hall.waiting, room.size, room.bytes, sum(hall.depth.values())) == (0, 0, 0, 0)
        idle = all(not thing.wanted for thing in hall._things.values())
        deaf = all(lane.end is None and not lane.waiting for lane in self.queue._lanes.values())
        return nobody and idle and deaf and not room._tenants
