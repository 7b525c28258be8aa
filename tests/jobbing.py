"""A gateway whose callers take their answers later, in virtual time, and who runs its jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from typing import Any

from asgi import CHAT, KEY, Heard, ask, gateway_with
from headgate.adapters.memory.jobs import MemoryJobs
from headgate.assemble import Gateway
from headgate.providers.simulated import Scheduled
from headgate.server import cold
from headgate.server.app import AsgiApp
from headgate.server.worker import Worker
from scripted import Notes
from virtual import clock

OTHER = "other-key-0123456789abcdef"
SHY = "shy-key-0123456789abcdefgh"
LATER = [("prefer", "respond-async")]
NORTH = {"dialect": "simulated", "simulated": {"latency_s": 0.1, "tokens_per_s": 100}, "region": "us"}
HOUSE: dict[str, Any] = {
    "keys": [
        {"name": "me", "key": KEY, "tenant": "acme"},
        {"name": "other", "key": OTHER, "tenant": "acme"},
        {"name": "shy", "key": SHY, "privacy": "no_content"},
    ],
    "providers": {
        "north": {**NORTH, "timeouts": {"first_byte_s": 3, "total_s": 15}},
        "south": {**NORTH, "region": "eu"},
    },
    "models": {"a": {"provider": "north"}, "b": {"provider": "south"}},
    "routes": {"auto": {"use": ["a"]}, "now": {"use": ["a"], "degrade": {"job": False}}},
    "cache": {"exact": {"ttl_s": 0}},
    "coalesce": {"window_s": 0},
    "server": {"deadline_s": 20},
    "jobs": {"backoff_s": 5, "max_backoff_s": 30},
}


def body(text: str = "What is a bridge?", model: str = "auto", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


class House:
    """A gateway, its jobs, and who runs them."""

    def __init__(self, served: Gateway, store: MemoryJobs) -> None:
        self.served = served
        self.store = store
        self.notes = Notes()
        served._recorder.add(self.notes)
        self.hot = served.endpoints()
        self.cold: AsgiApp = cold.create(served.house, served.surface)
        found = served.worker()
        assert found is not None
        self.worker: Worker = found
        self.task: asyncio.Task[None] | None = None

    def works(self) -> None:
        self.task = asyncio.ensure_future(self.worker.run())

    async def stops(self) -> None:
        self.dies()
        await self.worker.stop()

    def dies(self) -> None:
        """At once, and nothing is put back."""
        if self.task is not None:
            self.task.cancel()
        for one in list(self.worker._runs.values()):
            one.task.cancel()

    def befalls(self, fault: str | None, for_s: float = 1e9) -> None:
        for simulation in self.served.simulations().values():
            now = clock().now()
            simulation.schedule([Scheduled(fault=fault, to_s=now + for_s)] if fault else [])

    async def ask(self, asks: dict[str, Any] | None = None, *, path: str = CHAT, **more: Any) -> Heard:
        return await ask(self.hot[path], path, asks or body(), **{"headers": LATER, **more})

    async def job(self, id_: str, *, method: str = "GET", key: str = KEY) -> Heard:
        return await ask(self.cold, f"/v1/jobs/{id_}", method=method, key=key)

    async def until_over(self, id_: str) -> Any:
        found = (await self.job(id_)).document
        while found["status"] in ("queued", "running"):
            await clock().sleep(2.0)
            found = (await self.job(id_)).document
        return found

    def visits(self) -> int:
        return sum(one.report().requests for one in self.served.simulations().values())

    def outcomes(self) -> list[str]:
        return [record.outcome for record in self.notes.records]


@asynccontextmanager
async def house(store: MemoryJobs | None = None, *, works: bool = True, **more: Any) -> AsyncIterator[House]:
    store = store or MemoryJobs()
    found = House(gateway_with(store, deepcopy({**HOUSE, **more})), store)
    if works:
        found.works()
    try:
        yield found
    finally:
        await found.stops()
