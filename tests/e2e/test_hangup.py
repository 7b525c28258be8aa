"""A client that hangs up, wherever its request stands: the upstream is let go, nothing stays behind."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from configs import provider
from gateway import CHAT, HI, KEY, Gateway, running
from simserver import Server

pytestmark = pytest.mark.e2e

DIALECTS = ("openai", "anthropic", "gemini", "ollama")
MESSAGES = "/v1/messages"
AT_ONCE_S = 0.1
BRIEF = "{first_byte_s: 1, total_s: 1}"
TRIES = 4
"""The machine may be busy elsewhere for a moment; being late every time is our own doing."""


@pytest.fixture(scope="module")
def sim() -> Iterator[Server]:
    """One of its own: who else is being served must not disturb."""
    server = Server()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def gateway(sim: Server) -> Iterator[Gateway]:
    providers = "".join(provider(dialect, sim.port) for dialect in DIALECTS)
    providers += "".join(
        provider(dialect, sim.port, name=f"brief-{dialect}", timeouts=BRIEF) for dialect in DIALECTS
    )
    models = ""
    for dialect in DIALECTS:
        for fault in ("slow-20", "stall-mid", "status-429-9", "none"):
            models += f"  {dialect}-{fault}: {{provider: {dialect}, name: left-{dialect}-fault-{fault}}}\n"
        models += f"  {dialect}-hang: {{provider: brief-{dialect}, name: left-{dialect}-fault-hang}}\n"
    text = f"""
server: {{host: 127.0.0.1}}
keys: [{{name: me, key: {KEY}}}]
breaker: {{failures: 1000000}}
retry: {{attempts: 9, backoff_s: 30, max_backoff_s: 30, budget: 1}}
cache: {{exact: {{ttl_s: 0}}}}
coalesce: {{window_s: 0}}
providers:
{providers}models:
{models}"""
    with running(text) as served:
        assert served.ask("/livez").status == 200, "what is still being imported would take its time"
        yield served


def asked(model: str, *, stream: bool) -> dict[str, Any]:
    return {"model": model, "messages": HI, "stream": stream, "max_tokens": 300}


def none_open(sim: Server) -> dict[str, Any]:
    """The provider's books once nobody is with it any more."""
    deadline = time.monotonic() + 10
    while (stats := sim.stats())["open"]:
        assert time.monotonic() < deadline, stats["open"]
    return stats


def leave(gateway: Gateway, sim: Server, path: str, model: str, *, stream: bool, after: bytes) -> float:
    """Asks, waits for `after` in what comes, hangs up. Seconds until the upstream's end closed."""
    dialect, _, fault = model.partition("-")
    name = f"left-{dialect}-fault-{fault}"
    connection = gateway.open(path, asked(model, stream=stream))
    with connection:
        sim.until(lambda stats: [visit["model"] for visit in stats["open"]] == [name])
        found = b""
        while after not in found:
            piece = connection.recv(65536)
            assert piece, "the gateway hung up"
            found += piece
        left_at = time.monotonic()
    visit = none_open(sim)["closed"][-1]
    assert (visit["model"], visit["ended"]) == (name, "client_gone")
    closed_at: float = visit["closed_at"]
    return closed_at - left_at


def quickest(
    gateway: Gateway, sim: Server, path: str, model: str, *, stream: bool, after: bytes = b""
) -> float:
    """The best of a few tries; the first that is quick enough ends them."""
    best = 1e9
    for _ in range(TRIES):
        best = min(best, leave(gateway, sim, path, model, stream=stream, after=after))
        if best < AT_ONCE_S:
            break
    gateway.until(lambda page: page("in_flight") == 0)
    return best


# ── one ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", [CHAT, MESSAGES], ids=["openai-client", "anthropic-client"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_in_the_middle_of_a_stream(gateway: Gateway, sim: Server, dialect: str, path: str) -> None:
    model = f"{dialect}-slow-20"
    before = gateway.metrics()("requests_total", model=model, status="client_gone")
    assert quickest(gateway, sim, path, model, stream=True, after=b"\r\n\r\n") < AT_ONCE_S
    assert gateway.metrics()("requests_total", model=model, status="client_gone") > before
    assert gateway.metrics()("requests_total", model=model, status="finished") == 0


@pytest.mark.parametrize("dialect", DIALECTS)
def test_in_a_stream_that_has_fallen_silent(gateway: Gateway, sim: Server, dialect: str) -> None:
    assert quickest(gateway, sim, CHAT, f"{dialect}-stall-mid", stream=True, after=b"data: ") < AT_ONCE_S


def test_before_the_first_byte(gateway: Gateway, sim: Server) -> None:
    """The gateway is rid of it at once, and so is the upstream."""
    waiting = [
        gateway.open(CHAT, asked(f"{dialect}-hang", stream=stream))
        for dialect in DIALECTS
        for stream in (True, False)
    ]
    sim.until(lambda stats: len(stats["open"]) == len(waiting))
    before = gateway.metrics()("requests_total", status="client_gone")
    for connection in waiting:
        connection.close()
    left_at = time.monotonic()
    gateway.until(lambda page: page("in_flight") == 0)
    assert time.monotonic() - left_at < 1
    none_open(sim)
    assert time.monotonic() - left_at < 1
    assert gateway.metrics()("requests_total", status="client_gone") == before + len(waiting)


def test_while_the_gateway_waits_to_try_again(gateway: Gateway) -> None:
    before = gateway.metrics()("requests_total", status="client_gone")
    with gateway.open(CHAT, asked("openai-status-429-9", stream=False)):
        gateway.until(lambda page: page("in_flight") == 1)
    gateway.until(lambda page: page("in_flight") == 0)
    assert gateway.metrics()("requests_total", status="client_gone") == before + 1


def test_on_a_connection_that_has_served_before(gateway: Gateway, sim: Server) -> None:
    """The end of the answer before must not make the gateway deaf to this one's caller."""
    first = json.dumps(asked("openai-none", stream=True)).encode()
    second = json.dumps(asked("openai-slow-20", stream=True)).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-length: "
    for _ in range(10):
        with gateway.connect() as connection:
            connection.sendall(head.encode() + b"%d\r\n\r\n" % len(first) + first)
            found = b""
            while not found.endswith(b"0\r\n\r\n"):
                found += connection.recv(65536)
            connection.sendall(head.encode() + b"%d\r\n\r\n" % len(second) + second)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    left_at = time.monotonic()
    none_open(sim)
    gateway.until(lambda page: page("in_flight") == 0)
    assert time.monotonic() - left_at < 1, "a stream of one and a half seconds was played to its end"


def test_by_a_reset_instead_of_an_end(gateway: Gateway, sim: Server) -> None:
    connection = gateway.open(CHAT, asked("openai-slow-20", stream=True))
    with connection:
        assert connection.recv(65536)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    none_open(sim)
    gateway.until(lambda page: page("in_flight") == 0)


def test_while_the_request_is_still_being_sent(gateway: Gateway) -> None:
    for _ in range(20):
        with gateway.connect() as connection:
            connection.sendall(f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n".encode())
            connection.sendall(b'content-length: 1000\r\n\r\n{"model": ')
    gateway.until(lambda page: page("in_flight") == 0)
    assert gateway.chat("openai-none").status == 200


# ── many ─────────────────────────────────────────────────────────────────────────────────────────


def test_many_at_once_leave_nothing_behind(gateway: Gateway, sim: Server) -> None:
    connections = [
        gateway.open(CHAT, asked(f"{DIALECTS[number % 4]}-{fault}", stream=True))
        for number, fault in enumerate(("slow-20", "hang", "stall-mid") * 20)
    ]
    sim.until(lambda stats: len(stats["open"]) == 60)
    for connection in connections:
        connection.close()
    none_open(sim)
    gateway.until(lambda page: page("in_flight") == 0)
    models = gateway.ask("/health").document["models"]
    assert sum(upstream["in_flight"] for model in models.values() for upstream in model) == 0
    assert {upstream["state"] for model in models.values() for upstream in model} == {"closed"}
    assert gateway.metrics()("errors_total", error_type="UpstreamInterrupted") == 0


def test_who_stays_is_not_disturbed(gateway: Gateway) -> None:
    with gateway.open(CHAT, asked("openai-slow-20", stream=True)):
        assert gateway.chat("openai-none", stream=True).body.endswith(b"data: [DONE]\n\n")
