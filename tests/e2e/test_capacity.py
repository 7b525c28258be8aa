"""Keys used to their limits at a provider that is another process, counts strictly and answers 429 at once.

The simulated provider's windows are of a minute and a second, like anybody's. Of the minute three are used by
`make soak`; here, the second.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pyreqwest.client import Client, ClientBuilder

from gateway import CHAT, HI, HOST, KEY, Gateway, running
from simserver import Server

pytestmark = pytest.mark.e2e

SOAK = os.environ.get("HEADGATE_SOAK") == "1"
KEYS = ("one", "two")


def config(
    port: int, limits: str, *, dialect: str = "openai", max_wait_s: float = 3.0, shape: str = "smooth"
) -> str:
    keys = ", ".join(f"{{key: {key}, {limits}}}" for key in KEYS)
    root = {"openai": "/v1", "anthropic": ""}[dialect]
    return f"""
server: {{host: {HOST}, log: "off"}}
keys: [{{name: me, key: {KEY}}}]
queue: {{max_wait_s: {max_wait_s}}}
cache: {{exact: {{ttl_s: 0}}}}
coalesce: {{window_s: 0}}
providers:
  sim:
    dialect: {dialect}
    base_url: http://{HOST}:{port}{root}
    concurrency: 500
    shape: {shape}
    keys: [{keys}]
models: {{m: {{provider: sim, name: sim}}}}
"""


@contextmanager
def strict(limits: dict[str, int], *options: str, **more: Any) -> Iterator[tuple[Server, Gateway]]:
    """A provider that holds every key to `limits`, and a gateway that has been told of them."""
    named = [f"--{name}={limit}" for name, limit in limits.items()]
    sim = Server("--latency-s", "0.05", *named, *options)
    try:
        text = ", ".join(f"{name}: {limit}" for name, limit in limits.items())
        with running(config(sim.port, text, **more)) as gateway:
            yield sim, gateway
    finally:
        sim.kill()


def client() -> Client:
    return ClientBuilder().no_proxy().pool_max_idle_per_host(0).build()


async def pressed(gateway: Gateway, per_s: float, seconds: float, **members: Any) -> Counter[int]:
    """How many requests were answered with which status: so many a second came, for so long."""
    statuses: Counter[int] = Counter()
    body = json.dumps({"model": "m", "messages": HI, **members}).encode()
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}

    async def ask(asking: Client) -> None:
        answer = await asking.post(gateway.url + CHAT).headers(headers).body_bytes(body).build().send()
        statuses[answer.status] += 1

    async with client() as asking, asyncio.TaskGroup() as group:
        begin = time.monotonic()
        for number in range(int(per_s * seconds)):
            await asyncio.sleep(max(begin + number / per_s - time.monotonic(), 0.0))
            group.create_task(ask(asking))
    return statuses


def keys_of(sim: Server) -> dict[str, dict[str, Any]]:
    keys: dict[str, dict[str, Any]] = sim.stats()["keys"]
    assert set(keys) == set(KEYS)
    return keys


def test_pressed_three_times_as_hard_as_bursts_allow_no_refusal_is_drawn() -> None:
    """A second has to be longer by as much as its answers are late; of a minute that would be nothing."""
    seconds, burst = 10.0 if SOAK else 2.5, 20
    with strict({"rpm": 1000, "burst": burst}) as (sim, gateway):
        statuses = asyncio.run(pressed(gateway, 3 * burst * len(KEYS), seconds))
        assert set(statuses) <= {200, 429, 503}
        for key in keys_of(sim).values():
            assert key["throttled"] == 0
            assert key["worst"]["requests_in_1_s"] <= burst
            assert key["granted"] >= (0.75 * burst * seconds if SOAK else burst)


def test_how_a_key_stands_can_be_seen() -> None:
    with strict({"rpm": 4, "tpm": 100000}, max_wait_s=0, shape="burst") as (sim, gateway):
        statuses = [gateway.chat("m").status for _ in range(9)]
        assert statuses.count(200) == 8
        refused = gateway.chat("m")
        assert refused.status in (429, 503)
        assert 0 < int(refused.headers["retry-after"]) <= 61
        assert [key["throttled"] for key in keys_of(sim).values()] == [0, 0]
        page = gateway.metrics()
        assert page("limit_usage_ratio", provider="sim", key="1", kind="requests") == 1.0
        assert 0 < page("limit_usage_ratio", provider="sim", key="2", kind="tokens") < 0.1
        assert 0 < page("token_estimate_error_ratio", model="m", of="prompt") < 1
        health = gateway.ask("/health").document["models"]["m"][0]["limits"]
        assert health["requests"] == {"limit": 4, "used": 4}
        assert 0 < health["room_in_s"] <= 61
        assert all(key not in gateway.ask("/health").body.decode() for key in KEYS)


@pytest.mark.skipif(not SOAK, reason="takes minutes: make soak")
@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
@pytest.mark.parametrize(
    ("limits", "each"), [({"rpm": 60, "burst": 5}, 1), ({"tpm": 12000}, 60)], ids=["requests", "tokens"]
)
def test_three_minutes_at_three_times_the_limit(limits: dict[str, int], each: int, dialect: str) -> None:
    minutes = 3
    limit = limits.get("rpm") or limits["tpm"]
    with strict(limits, dialect=dialect) as (sim, gateway):
        statuses = asyncio.run(pressed(gateway, 3 * len(KEYS) * limit / each / 60, 60.0 * minutes))
        assert set(statuses) <= {200, 429, 503}
        for key in keys_of(sim).values():
            assert key["throttled"] == 0
            used = key["granted"] if "rpm" in limits else key["granted_tokens"]
            print(f"{dialect} {limits}: {used / minutes / limit:.2%} used")
            assert used >= 0.97 * minutes * limit


@pytest.mark.skipif(not SOAK, reason="takes minutes: make soak")
def test_a_limit_cut_by_half_in_the_middle() -> None:
    async def story() -> None:
        pressing = asyncio.ensure_future(pressed(gateway, 6.0, 240.0))
        await asyncio.sleep(90.0)
        sim.ask("/sim/limits", {"rpm": 30})
        await asyncio.sleep(60.0)
        before = {name: key["granted"] for name, key in keys_of(sim).items()}
        await asyncio.sleep(60.0)
        for name, key in keys_of(sim).items():
            print(f"{name}: {(key['granted'] - before[name]) / 30:.2%} used, {key['throttled']} refused")
            assert key["granted"] - before[name] >= 0.95 * 30
            assert key["throttled"] <= 1
        await pressing

    with strict({"rpm": 60}) as (sim, gateway):
        asyncio.run(story())
