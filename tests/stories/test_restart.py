"""What was answered once is answered again by the process that comes after, and by those beside it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from random import Random
from typing import Any

from asgi import CHAT, HI, KEY, Heard, scope
from headgate.adapters.system import SystemClock
from headgate.assemble import Gateway, Machine
from headgate.assemble.stores import Stores
from headgate.config.validate import settings


async def answered(file: Path, clock: SystemClock) -> Heard:
    """By a process of its own, from start to stop."""
    configured = settings(
        {
            "keys": [{"name": "me", "key": KEY}],
            "providers": {"p": {"dialect": "simulated", "simulated": {"latency_s": 0, "tokens_per_s": 0}}},
            "models": {"m": {"provider": "p"}},
            "cache": {"store": "file", "file": str(file)},
        },
        environ={},
    )
    stores = Stores(configured, clock, None, None)
    machine = Machine(clock=clock, chance=Random(1), pepper=b"x" * 16, answers=stores.answers)
    gateway = Gateway(configured, machine)
    heard = Heard()

    async def send(message: Any) -> None:
        heard.messages.append(message)

    asked = [{"type": "http.request", "body": json.dumps({"model": "m", "messages": HI}).encode()}]

    async def receive() -> Any:
        return asked.pop() if asked else await asyncio.get_running_loop().create_future()

    app = gateway.endpoints()[CHAT]
    await app(scope(CHAT, [("authorization", f"Bearer {KEY}")]), receive, send)
    await stores.close()
    return heard


def test_what_was_kept_survives_a_restart(tmp_path: Path) -> None:
    async def story() -> None:
        clock = SystemClock()
        first, second = [await answered(tmp_path / "answers.db", clock) for _ in range(2)]
        assert (first.headers["x-cache"], second.headers["x-cache"]) == ("MISS", "HIT")
        assert first.document["choices"] == second.document["choices"]
        assert (tmp_path / "answers.db").stat().st_mode & 0o077 == 0, "nobody else reads it"

    asyncio.run(story())
