"""Two upstreams, the first failing in every way there is before its first event: no client ever notices."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from pyreqwest.client import Client, ClientBuilder

from configs import DIALECTS, provider
from gateway import HI, HOST, KEY, Gateway, dead_port, events, running
from simserver import Server

pytestmark = pytest.mark.e2e

SOAK = os.environ.get("HEADGATE_SOAK") == "1"
MANY = 2000 if SOAK else 100
SOME = 2000 if SOAK else 24
TOGETHER = 50

FAULTS = (
    "refuse",
    "hang",
    "cut-head",
    "garbage",
    "garbage-json",
    "garbage-sse",
    "empty",
    "bad-key",
    "quota",
    "status-401",
    "status-403",
    "status-404",
    "status-408",
    "status-429",
    "status-429-7",
    "status-500",
    "status-502",
    "status-503",
    "status-504",
    "status-529",
)
"""Whatever comes before the first event, streamed or not."""

PLAIN_ONLY = ("cut-mid", "cut-mid-json", "stall-mid", "error-event")
"""Broken off in the middle: of an answer that is not streamed, nothing has left by then."""

OF_THE_REQUEST = ("status-400", "status-413", "status-422", "context")
"""Any other upstream would say the same."""

HURRIED = "{connect_s: 0.4, first_byte_s: 0.4, idle_s: 0.4, total_s: 0.8}"
WIDE = "concurrency: 1000"


class Rude:
    """A listener that is no provider: `mute` never accepts, `curt` hangs up, `babble` speaks no HTTP."""

    def __init__(self, way: str) -> None:
        self._way = way
        self._listener = socket.create_server((HOST, 0), backlog=0 if way == "mute" else 128)
        self.port: int = self._listener.getsockname()[1]
        self._held: list[socket.socket] = []
        if way == "mute":
            self._fill()
        else:
            threading.Thread(target=self._serve, daemon=True).start()

    def _fill(self) -> None:
        """Takes the places in the queue, so that nobody else is let in."""
        for _ in range(3):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex((HOST, self.port))
            self._held.append(waiting)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                if self._way == "babble":
                    connection.sendall(b"\x15\x03\x01 no such protocol\r\n" * 8)

    def close(self) -> None:
        self._listener.close()
        for waiting in self._held:
            waiting.close()


@pytest.fixture(scope="module")
def rude() -> Iterator[dict[str, int]]:
    """Ports of those with whom no HTTP can be spoken."""
    with ExitStack() as stack:
        ports = {"absent": dead_port()}
        for way in ("mute", "curt", "babble"):
            one = Rude(way)
            stack.callback(one.close)
            ports[way] = one.port
        yield ports


def config(sim: Server, rude: dict[str, int], *, breaker: str) -> str:
    """A route for every way to fail of every dialect: the failing model, then one that is well."""
    providers = provider("openai", sim.port, name="well", more=WIDE)
    models, routes = "  good: {provider: well, name: fine}\n", ""
    ways = [(dialect, fault) for dialect in DIALECTS for fault in (*FAULTS, *PLAIN_ONLY, *OF_THE_REQUEST)]
    providers += "".join(provider(one, sim.port, timeouts=HURRIED, more=WIDE) for one in DIALECTS)
    for name, port in rude.items():
        providers += provider("openai", port, name=name, timeouts=HURRIED, more=WIDE)
        ways.append((name, "x"))
    providers += provider("openai", sim.port, name="tls", timeouts=HURRIED, more=WIDE).replace(
        "http:", "https:"
    )
    ways.append(("tls", "x"))
    for dialect, fault in ways:
        models += f"  {dialect}-{fault}: {{provider: {dialect}, name: fault-{fault}}}\n"
        routes += f"  via-{dialect}-{fault}: {{use: [{dialect}-{fault}, good]}}\n"
    return f"""
server: {{host: 127.0.0.1, log: off}}
keys: [{{name: me, key: {KEY}}}]
breaker: {breaker}
retry: {{backoff_s: 0.01, max_backoff_s: 0.05}}
cache: {{exact: {{ttl_s: 0}}}}
coalesce: {{window_s: 0}}
providers:
{providers}models:
{models}routes:
{routes}"""


@pytest.fixture(scope="module")
def stubborn(sim: Server, rude: dict[str, int]) -> Iterator[Gateway]:
    """No breaker ever opens: every request meets the failure."""
    with running(config(sim, rude, breaker="{failures: 1000000000}")) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def prudent(sim: Server, rude: dict[str, int]) -> Iterator[Gateway]:
    """Breakers open after five failures, and probe again soon."""
    with running(config(sim, rude, breaker="{failures: 5, recovery_s: 0.2}")) as gateway:
        yield gateway


# ── asking ───────────────────────────────────────────────────────────────────────────────────────


async def one(client: Client, gateway: Gateway, route: str, *, stream: bool) -> str | None:
    """Asks once. What is wrong with the answer, if anything."""
    body = {"model": route, "messages": HI, "stream": stream}
    answer = await client.post(f"{gateway.url}/v1/chat/completions").body_json(body).build().send()
    text = (await answer.bytes()).to_bytes()
    if answer.status != 200:
        return f"{answer.status} {text!r}"
    return wrong_stream(text) if stream else wrong_document(json.loads(text))


def wrong_document(found: Any) -> str | None:
    told = found["x-routing-metadata"]
    if told["model_id"] != "good" or told["fallback_used"] is not True:
        return f"served by {told}"
    text = found["choices"][0]["message"]["content"]
    return None if text.count("suspension bridges") == 1 else f"answered {text!r}"


def wrong_stream(body: bytes) -> str | None:
    found = events(body)
    if found[-1] != b"[DONE]" or found.count(b"[DONE]") != 1 or b'"error"' in body:
        return f"ended {found[-2:]}"
    chunks = [json.loads(data) for data in found[:-1]]
    if len({chunk["id"] for chunk in chunks}) != 1:
        return "two answers in one"
    text = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    whole = {"choices": [{"message": {"content": text}}]}
    return wrong_document({**whole, "x-routing-metadata": chunks[-1]["x-routing-metadata"]})


def troubles(gateway: Gateway, routes: list[str], count: int, *, stream: bool) -> list[str]:
    """What was wrong with `count` requests, spread over `routes`, so many at a time."""

    async def main() -> list[str]:
        waiting = iter([routes[number % len(routes)] for number in range(count)])
        headers = {"authorization": f"Bearer {KEY}"}
        async with ClientBuilder().default_headers(headers).build() as client:

            async def worker() -> list[str]:
                found = [(route, await one(client, gateway, route, stream=stream)) for route in waiting]
                return [f"{route}: {trouble}" for route, trouble in found if trouble]

            return [
                line for part in await asyncio.gather(*(worker() for _ in range(TOGETHER))) for line in part
            ]

    return asyncio.run(main())


# ── the table ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "plain"])
@pytest.mark.parametrize("fault", FAULTS)
def test_nobody_notices(stubborn: Gateway, fault: str, stream: bool) -> None:
    assert troubles(stubborn, [f"via-openai-{fault}"], MANY, stream=stream) == []


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "plain"])
@pytest.mark.parametrize("dialect", [name for name in DIALECTS if name != "openai"])
def test_nobody_notices_in_any_dialect(stubborn: Gateway, dialect: str, stream: bool) -> None:
    routes = [f"via-{dialect}-{fault}" for fault in FAULTS]
    assert troubles(stubborn, routes, SOME * len(routes) // 4, stream=stream) == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_plain_answer_that_breaks_off_is_asked_elsewhere(stubborn: Gateway, dialect: str) -> None:
    routes = [f"via-{dialect}-{fault}" for fault in PLAIN_ONLY]
    assert troubles(stubborn, routes, SOME * len(routes) // 2, stream=False) == []


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "plain"])
@pytest.mark.parametrize("way", ["absent", "mute", "curt", "babble", "tls"])
def test_who_speaks_no_http_is_passed_over(stubborn: Gateway, way: str, stream: bool) -> None:
    assert troubles(stubborn, [f"via-{way}-x"], MANY // 2, stream=stream) == []


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "plain"])
def test_nobody_notices_breakers_that_open_and_probe(prudent: Gateway, stream: bool) -> None:
    routes = [f"via-{dialect}-{fault}" for dialect in DIALECTS for fault in FAULTS]
    assert troubles(prudent, routes, len(routes) * (50 if SOAK else 5), stream=stream) == []
    page = prudent.metrics()
    assert page("breaker_transitions_total", upstream="openai/openai-status-503", to="open") >= 1
    assert page("in_flight") == 0


def test_every_failure_and_every_fallback_is_counted(stubborn: Gateway) -> None:
    before = stubborn.metrics()
    assert troubles(stubborn, ["via-openai-status-503"], 20, stream=False) == []
    after = stubborn.metrics()
    for name, labels in (
        ("errors_total", {"model": "openai-status-503", "error_type": "UpstreamUnavailable"}),
        ("fallback_requests_total", {"from_model": "openai-status-503", "to_model": "good"}),
        ("requests_total", {"model": "good", "status": "finished"}),
    ):
        assert after(name, **labels) - before(name, **labels) == 20
    assert after("in_flight") == 0


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", OF_THE_REQUEST)
def test_a_fault_of_the_request_is_not_asked_elsewhere(stubborn: Gateway, dialect: str, fault: str) -> None:
    before = stubborn.metrics()
    status = 400 if fault == "context" else int(fault.removeprefix("status-"))
    for stream in (False, True):
        answer = stubborn.chat(f"via-{dialect}-{fault}", stream=stream)
        assert (answer.status, answer.headers["content-type"]) == (status, "application/json")
        assert answer.error["message"]
    after = stubborn.metrics()
    assert after("requests_total", model="good") == before("requests_total", model="good")
    assert after("requests_total", status="rejected") - before("requests_total", status="rejected") == 2
