"""Stories about the simulated provider: in virtual time, over its in-process transport."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any

import virtual
from headgate.ports.transport import Outgoing, Response
from headgate.providers.simulated import FAULT_HEADER, Settings, SimulatedTransport, Simulation

Story = Callable[[Simulation], Awaitable[Any]]


def run(story: Story, **settings: Any) -> Any:
    async def main() -> Any:
        simulation = Simulation(Settings(**settings), virtual.clock(), random.Random(1))
        return await story(simulation)

    return virtual.run(main())


def chat(
    model: str = "m", prompt: str = "Tell me about bridges", fault: str = "", **members: Any
) -> Outgoing:
    body = {"model": model, "messages": [{"role": "user", "content": prompt}], **members}
    return Outgoing("/chat/completions", json.dumps(body).encode(), {FAULT_HEADER: fault} if fault else {})


async def fetch(simulation: Simulation, request: Outgoing, key: str = "k") -> tuple[int, Any]:
    """(status, document) of a plain request."""
    async with SimulatedTransport(simulation, key=key)(request, stream=False) as response:
        return response.status, json.loads(await response.read())


async def drain(response: Response, into: list[bytes], *, within_s: float = 1e6) -> None:
    async with asyncio.timeout(within_s):
        while (chunk := await response.chunk()) is not None:
            into.append(chunk)


async def chunks(simulation: Simulation, request: Outgoing) -> list[tuple[float, bytes]]:
    """Every piece of a body, and when it came."""
    found = []
    async with SimulatedTransport(simulation)(request, stream=True) as response:
        while (chunk := await response.chunk()) is not None:
            found.append((simulation.clock.now(), chunk))
    return found
