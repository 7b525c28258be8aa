"""Ten times as many requests as a provider in another process allows: everybody is answered, at once if it
is a refusal. A minute of it with `make soak`; here some seconds."""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import dataclass
from random import Random

import pytest
from pyreqwest.client import Client, ClientBuilder

from gateway import CHAT, HI, HOST, Gateway, running
from simserver import Server

pytestmark = pytest.mark.e2e

SOAK = os.environ.get("HEADGATE_SOAK") == "1"
SECONDS = 60.0 if SOAK else 4.0
RPM = 300 if SOAK else 60
TIMES = 10 if SOAK else 40
"""How much more is asked for than there is room for; in a few seconds it takes more to fill a minute."""
PATIENCE_S = {"enterprise": 1.0, "pro": 2.0, "basic": 5.0, "free": 60.0}


def config(port: int) -> str:
    tiers = ", ".join(
        f"{name}: {{weight: {weight}, max_wait_s: {PATIENCE_S[name]}}}"
        for name, weight in (("free", 1), ("basic", 5), ("pro", 10), ("enterprise", 10))
    )
    callers = ", ".join(f"{{name: {name}, key: key-of-{name}, tier: {name}}}" for name in PATIENCE_S)
    return f"""
server: {{host: {HOST}, log: "off"}}
tiers: {{{tiers}}}
keys: [{callers}]
cache: {{exact: {{ttl_s: 0}}}}
coalesce: {{window_s: 0}}
providers:
  sim:
    dialect: openai
    base_url: http://{HOST}:{port}/v1
    concurrency: 500
    keys: [{{key: one, rpm: {RPM}}}, {{key: two, rpm: {RPM}}}]
models: {{m: {{provider: sim, name: sim}}}}
"""


@dataclass
class Answer:
    tier: str
    status: int
    took_s: float
    came: float
    retry_after: str | None
    metadata: str | None


async def flooded(gateway: Gateway, per_s: float) -> list[Answer]:
    """`per_s` requests a second, of any tier, at random."""
    chance, answers, begin = Random(3), list[Answer](), time.monotonic()
    body = json.dumps({"model": "m", "messages": HI}).encode()

    async def ask(asking: Client, tier: str) -> None:
        headers = {"authorization": f"Bearer key-of-{tier}", "content-type": "application/json"}
        came = time.monotonic()
        request = asking.post(gateway.url + CHAT).headers(headers).body_bytes(body).build()
        answer = await request.send()
        took_s, told = time.monotonic() - came, answer.headers
        after, metadata = told.get("retry-after"), told.get("x-routing-metadata")
        answers.append(Answer(tier, answer.status, took_s, came - begin, after, metadata))

    async with ClientBuilder().no_proxy().build() as asking, asyncio.TaskGroup() as group:
        while (passed := time.monotonic() - begin) < SECONDS:
            group.create_task(ask(asking, chance.choice(list(PATIENCE_S))))
            await asyncio.sleep(max(0.0, chance.expovariate(per_s) - (time.monotonic() - begin - passed)))
    return answers


def test_ten_times_as_much_as_there_is_room_for() -> None:
    sim = Server("--latency-s", "0.05", f"--rpm={RPM}")
    try:
        with running(config(sim.port)) as gateway:
            answers = asyncio.run(flooded(gateway, TIMES * 2 * RPM / 60))
            refusals = [one for one in answers if one.status != 200]
            served = [one for one in answers if one.status == 200]
            assert {one.status for one in refusals} <= {429, 503}
            assert all(one.retry_after for one in refusals)
            quick = sorted(one.took_s for one in refusals)
            late = [(one.tier, round(one.took_s, 3)) for one in refusals if one.took_s > 0.05]
            print(f"refused: {len(quick)}, later than 50 ms: {len(late) / len(quick):.3%}: {late}")
            assert all(key["throttled"] == 0 for key in sim.stats()["keys"].values())
            waited = [json.loads(one.metadata or "{}") for one in served]
            assert any("queue_s" in one for one in waited)
            assert gateway.metrics()("refusals_total", reason="late") == 0.0
            if SOAK:
                assert quick[len(quick) * 99 // 100] <= 0.05
                assert len(served) >= 0.97 * 2 * RPM
                for tier in ("enterprise", "pro", "basic"):
                    told = [json.loads(one.metadata or "{}") for one in served if one.tier == tier]
                    waits = sorted(one.get("queue_s", 0.0) for one in told)
                    assert waits[len(waits) * 99 // 100] <= PATIENCE_S[tier]
                assert any(one.tier == "free" for one in served)
    finally:
        sim.kill()
