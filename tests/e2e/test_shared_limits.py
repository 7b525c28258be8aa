"""Keys whose limits several processes share, at a provider that is another process and counts strictly: two
workers of one host, and three replicas with one Redis.

A window of a minute takes minutes to test: `make soak` does. Here the first minute's worth is used, at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import pytest
from pyreqwest.client import ClientBuilder

from gateway import CHAT, HI, HOST, KEY, Gateway, running
from redises import PrivateRedis, private
from simserver import Server

pytestmark = pytest.mark.e2e

SOAK = os.environ.get("HEADGATE_SOAK") == "1"
KEYS = ("key-number-one-0001", "key-number-two-0002")


def config(port: int, rpm: int, *, store: str = "", shape: str = "burst") -> str:
    keys = ", ".join(f"{{key: {key}, rpm: {rpm}}}" for key in KEYS)
    return f"""
server: {{host: {HOST}, log: "off", drain_s: 1}}
keys: [{{name: me, key: {KEY}}}]
queue: {{max_wait_s: 2}}
{f"store: {{redis: '{store}'}}" if store else ""}
cache: {{exact: {{ttl_s: 0}}}}
coalesce: {{window_s: 0}}
providers:
  sim:
    {{base_url: 'http://{HOST}:{port}/v1', dialect: openai, concurrency: 500, shape: {shape}, keys: [{keys}]}}
models: {{m: {{provider: sim, name: sim}}}}
"""


@contextmanager
def strict(rpm: int) -> Iterator[Server]:
    """A provider that holds every key to its limit."""
    sim = Server("--latency-s", "0.05", f"--rpm={rpm}")
    try:
        yield sim
    finally:
        sim.kill()


@contextmanager
def replicas(count: int, sim: Server, rpm: int, redis: PrivateRedis, **more: Any) -> Iterator[list[Gateway]]:
    with ExitStack() as open_ones:
        text = config(sim.port, rpm, store=redis.url, **more)
        yield [open_ones.enter_context(running(text)) for _ in range(count)]


async def pressed(
    gateways: Sequence[Gateway], per_s: float, seconds: float, enough: Callable[[], bool] = lambda: False
) -> None:
    """So many requests a second for so long, or until it is enough, each on a connection of its own, to each
    gateway in turn."""
    body = json.dumps({"model": "m", "messages": HI}).encode()
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    statuses: set[int] = set()

    async def ask(gateway: Gateway) -> None:
        client = ClientBuilder().no_proxy().build()
        async with client as asking:
            answer = await asking.post(gateway.url + CHAT).headers(headers).body_bytes(body).build().send()
            statuses.add(answer.status)

    async with asyncio.TaskGroup() as group:
        begin = time.monotonic()
        for number in range(int(per_s * seconds)):
            if number % int(per_s) == 0 and enough():
                break
            await asyncio.sleep(max(begin + number / per_s - time.monotonic(), 0.0))
            group.create_task(ask(gateways[number % len(gateways)]))
    assert statuses <= {200, 429, 503}


def granted(sim: Server) -> dict[str, int]:
    """By key; fails where one was refused."""
    keys: dict[str, dict[str, Any]] = sim.stats()["keys"]
    assert not any(key["throttled"] for key in keys.values())
    return {name: key["granted"] for name, key in keys.items()}


def used_up(sim: Server, rpm: int) -> bool:
    """Whether each key has granted a minute's worth, nearly."""
    used = granted(sim)
    return len(used) == len(KEYS) and min(used.values()) >= 0.97 * rpm


def round_trips(redis: PrivateRedis) -> int:
    """Commands of ours that the server has done."""
    lines = redis.lines("INFO", "commandstats")
    counted = (line for line in lines if line.startswith(("cmdstat_evalsha:", "cmdstat_eval:")))
    return sum(int(line.partition("calls=")[2].partition(",")[0]) for line in counted)


def test_two_workers_use_all_of_a_limit_and_none_of_it_twice() -> None:
    rpm = 100
    with strict(rpm) as sim, running(config(sim.port, rpm), workers=2) as gateway:
        assert gateway.ask("/health").document["limits"]["store"] == "sqlite"
        asyncio.run(pressed([gateway], 16 * len(KEYS) * rpm / 60, 40.0, partial(used_up, sim, rpm)))
        used = granted(sim)
        assert all(one >= 0.97 * rpm for one in used.values()), used


def test_three_replicas_share_through_redis() -> None:
    rpm = 100
    with private() as redis, strict(rpm) as sim, replicas(3, sim, rpm, redis) as gateways:
        asyncio.run(pressed(gateways, 16 * len(KEYS) * rpm / 60, 40.0, partial(used_up, sim, rpm)))
        limits = gateways[0].ask("/health").document["limits"]
        assert (limits["store"], limits["state"]) == ("redis", "shared")
        used = granted(sim)
        assert all(one >= 0.97 * rpm for one in used.values()), used
        assert round_trips(redis) <= 0.3 * sum(used.values()), "the start takes a few more"


def test_redis_that_is_not_there_is_a_warning() -> None:
    with strict(60) as sim, running(config(sim.port, 60, store=f"redis://{HOST}:1")) as gateway:
        assert "limits are not shared" in gateway.log
        assert gateway.chat("m").status == 200
        limits = gateway.ask("/health").document["limits"]
        assert (limits["state"], limits["processes"]) == ("alone", 1)
        assert gateway.metrics()("limits_shared") == 0.0
        assert "Connect" in limits["error"]


@pytest.mark.skipif(not SOAK, reason="takes minutes: make soak")
@pytest.mark.parametrize("shape", ["burst", "smooth"])
def test_two_workers_for_three_minutes(shape: str) -> None:
    rpm, minutes = 120, 3
    with strict(rpm) as sim, running(config(sim.port, rpm, shape=shape), workers=2) as gateway:
        asyncio.run(pressed([gateway], 3 * len(KEYS) * rpm / 60, 60.0 * minutes))
        used = granted(sim)
        print(f"2 workers, {shape}: {[f'{one / rpm / minutes:.2%}' for one in used.values()]} used")
        assert all(one >= 0.97 * rpm * minutes for one in used.values())


@pytest.mark.skipif(not SOAK, reason="takes minutes: make soak")
@pytest.mark.parametrize("shape", ["burst", "smooth"])
def test_three_replicas_for_three_minutes(shape: str) -> None:
    rpm, minutes = 400, 3
    with private() as redis, strict(rpm) as sim, replicas(3, sim, rpm, redis, shape=shape) as gateways:
        asyncio.run(pressed(gateways, 3 * len(KEYS) * rpm / 60, 60.0 * minutes))
        used, trips = granted(sim), round_trips(redis)
        print(f"3 replicas, {shape}: {[f'{one / rpm / minutes:.2%}' for one in used.values()]} used")
        print(f"{trips * 1000 / sum(used.values()):.0f} round trips per 1,000 requests")
        assert all(one >= 0.97 * rpm * minutes for one in used.values())
        assert trips <= 0.05 * sum(used.values())


@pytest.mark.skipif(not SOAK, reason="takes minutes: make soak")
def test_redis_killed_and_started_again_under_load() -> None:
    """Empty: it has kept nothing. Nobody is refused, before, meanwhile or after."""

    async def story() -> None:
        pressing = asyncio.ensure_future(pressed(gateways, 3 * len(KEYS) * rpm / 60, 200.0))
        await asyncio.sleep(70.0)
        redis.kill()
        await asyncio.sleep(30.0)
        states = {gateway.ask("/health").document["limits"]["state"] for gateway in gateways}
        assert states == {"alone"}
        redis.start()
        await pressing
        assert {gateway.ask("/health").document["limits"]["state"] for gateway in gateways} == {"shared"}

    rpm = 120
    with private() as redis, strict(rpm) as sim, replicas(3, sim, rpm, redis) as gateways:
        asyncio.run(story())
        print(f"used beside an outage: {[f'{one / rpm / 3:.2%}' for one in granted(sim).values()]}")
