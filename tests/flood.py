"""More requests than there is room for, from callers of every tier, against the assembled gateway."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from crowded import TIERS, Told
from headgate.adapters.virtual import VirtualClock
from headgate.assemble import Gateway, Machine
from headgate.config.tree import Settings
from headgate.core.call import Call, Caller, Operation
from headgate.core.errors import GatewayError
from staged import NO_REUSE

ANSWER_S = 0.2


def settings(*, rpm: int, keys: int) -> dict[str, Any]:
    """One provider that enforces the limits of its keys, which are all the room there is."""
    return {
        "server": {"auth": "off", "log": "off", "max_in_flight": 100_000},
        "providers": {
            "north": {
                "dialect": "simulated",
                "concurrency": 1000,
                "keys": [{"key": f"key-{number}", "rpm": rpm} for number in range(keys)],
                "simulated": {"latency_s": ANSWER_S, "tokens_per_s": 0, "output_tokens": 5, "rpm": rpm},
            }
        },
        "models": {"a": {"provider": "north"}},
        **NO_REUSE,
    }


@dataclass
class Flood:
    """What came of it: `told` for every request."""

    document: dict[str, Any]
    clock: VirtualClock
    told: list[Told] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = Random(5)
        machine = Machine(clock=self.clock, chance=Random(7), pepper=b"x" * 16)
        self.gateway = Gateway(Settings.model_validate(self.document), machine)
        body = {"model": "a", "messages": [{"role": "user", "content": "hi"}]}
        self._payload = self.gateway.surface.parse(Operation.CHAT, json.dumps(body).encode())

    async def pour(self, per_s: float, seconds: float, who: Callable[[Random], tuple[str, str]]) -> None:
        """Requests at random (a Poisson process), each from whomever `who` draws: (tier, tenant)."""
        tasks: set[asyncio.Task[None]] = set()
        until = self.clock.now() + seconds
        while True:
            await self.clock.sleep(self.chance.expovariate(per_s))
            if self.clock.now() >= until:
                break
            task = asyncio.create_task(self._ask(Told(*who(self.chance), self.clock.now())))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        while tasks:
            await asyncio.wait(tasks)

    async def _ask(self, told: Told) -> None:
        call = Call(
            payload=self._payload,
            caller=Caller(key=told.tenant, tenant=told.tenant, tier=TIERS[told.tier]),
            request_id="r",
            started_at=told.came,
            deadline_at=told.came + 600.0,
        )
        try:
            async with self.gateway.service(call) as reply:
                told.queued = reply.queued
                async for _ in reply.body:
                    pass
                reply.tail(None)
        except GatewayError as error:
            error.__traceback__ = None
            told.error = error
        told.ended = self.clock.now()
        self.told.append(told)

    def of(self, tier: str) -> Iterator[Told]:
        return (one for one in self.told if one.tier == tier)


def anybody(chance: Random) -> tuple[str, str]:
    """Five tenants in each of the four tiers."""
    tier = chance.choice(list(TIERS))
    return tier, f"{tier}-{chance.randrange(5)}"


def p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]
