"""Several processes behind one port, and how one or many stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from configs import provider
from gateway import CHAT, HI, HOST, KEY, STARTED, Gateway, ran, received, running
from headgate.adapters.shared import EVERY_S
from simserver import Server

pytestmark = pytest.mark.e2e


def config(sim: Server, *, drain_s: float = 10, more: str = "") -> str:
    return f"""
server: {{host: {HOST}, drain_s: {drain_s}}}
keys: [{{name: me, key: {KEY}}}]
cache: {{exact: {{ttl_s: 0}}}}
coalesce: {{window_s: 0}}
providers:
{provider("openai", sim.port)}models:
  plain: {{provider: openai, name: fine}}
  slow: {{provider: openai, name: fault-slow-30}}
  endless: {{provider: openai, name: fault-stall-mid}}
{more}"""


def workers_of(gateway: Gateway) -> list[int]:
    """The processes that serve: children that are no resource trackers."""
    parent = gateway.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def served_by(gateway: Gateway) -> int:
    """Asks on a connection of its own. How many workers hold a connection of ours, while several are open."""
    inodes = [set(_sockets(worker, gateway.port)) for worker in workers_of(gateway)]
    return sum(bool(found) for found in inodes)


def _sockets(process: int, port: int) -> Iterator[str]:
    """Established connections to `port` that `process` holds, by inode."""
    table = Path("/proc/net/tcp").read_text().splitlines()[1:]
    ours = {
        row.split()[9] for row in table if row.split()[1].endswith(f":{port:04X}") and row.split()[3] == "01"
    }
    for fd in Path(f"/proc/{process}/fd").iterdir():
        target = os.readlink(fd)
        if target.startswith("socket:[") and target[8:-1] in ours:
            yield target[8:-1]


@pytest.fixture(scope="module")
def pair(sim: Server) -> Iterator[Gateway]:
    with running(config(sim), workers=2) as gateway:
        yield gateway


# ── serving ──────────────────────────────────────────────────────────────────────────────────────


def test_both_workers_serve(pair: Gateway) -> None:
    connections = [pair.open(CHAT, {"model": "endless", "messages": HI, "stream": True}) for _ in range(40)]
    for connection in connections:
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    assert served_by(pair) == 2
    pair.until(lambda page: page("in_flight") == 40)
    for connection in connections:
        connection.close()
    pair.until(lambda page: page("in_flight") == 0)


def test_a_scrape_of_any_one_answers_for_both(pair: Gateway) -> None:
    before = pair.metrics()("requests_total", model="plain", status="finished")
    for _ in range(30):
        assert pair.chat("plain").status == 200
    for _ in range(5):
        pair.until(lambda page: page("requests_total", model="plain", status="finished") == before + 30)
    pair.until(lambda page: page("latency_seconds_count", model="plain") == before + 30)
    assert pair.metrics()("model_health", model="plain") == 1


def test_a_worker_that_is_killed_is_replaced_and_its_counts_remain(pair: Gateway) -> None:
    assert pair.chat("plain").status == 200
    time.sleep(2 * EVERY_S)  # what is younger than that dies with the worker
    before = pair.metrics()("requests_total", model="plain")
    victim, other = workers_of(pair)
    started = pair.log.count(STARTED)
    os.kill(victim, signal.SIGKILL)
    pair.logged(STARTED, times=started + 1)
    assert other in workers_of(pair)
    assert len(workers_of(pair)) == 2
    for _ in range(10):
        assert pair.chat("plain").status == 200
    pair.until(lambda page: page("requests_total", model="plain") == before + 10)


HALF = (
    f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-length: 99\r\n\r\n{{".encode()
)


def refused(gateway: Gateway) -> bool:
    """Whether it soon lets nobody in."""
    for _ in range(1000):
        try:
            gateway.connect().close()
        except ConnectionError:
            return True
    return False


# ── stopping ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("workers", "number"),
    [(1, signal.SIGINT), (1, signal.SIGTERM), (2, signal.SIGTERM)],
    ids=["one-int", "one-term", "two-term"],
)
def test_a_running_stream_is_finished_and_nothing_new_begun(sim: Server, workers: int, number: int) -> None:
    with running(config(sim), workers=workers) as gateway:
        stream = gateway.open(CHAT, {"model": "slow", "messages": HI, "stream": True})
        plain = gateway.open(CHAT, {"model": "slow", "messages": HI}, {"connection": "close"})
        idle = gateway.connect()
        assert stream.recv(16) == b"HTTP/1.1 200 OK\r"
        sim.until(lambda stats: [visit["model"] for visit in stats["open"]] == ["fault-slow-30"] * 2)
        gateway.tell(number)
        gateway.logged("Shutting down", times=workers)
        assert refused(gateway)
        rest = received(stream)
        assert rest.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        assert json.loads(received(plain).partition(b"\r\n\r\n")[2])["choices"][0]["finish_reason"] == "stop"
        assert received(idle) == b""
        assert gateway.wait() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_who_does_not_finish_is_cut_off_after_the_drain(sim: Server, workers: int) -> None:
    with running(config(sim, drain_s=1), workers=workers) as gateway:
        half = gateway.connect()
        half.sendall(HALF)
        stream = gateway.open(CHAT, {"model": "endless", "messages": HI, "stream": True})
        assert b"200 OK" in stream.recv(65536)
        told_at = time.monotonic()
        assert gateway.stop() == 0
        assert 0.9 < time.monotonic() - told_at < 5
        assert b"[DONE]" not in received(stream)
        head, _, body = received(half).partition(b"\r\n\r\n")
        if workers == 1:  # of two, the other may never have looked at it
            assert head.startswith(b"HTTP/1.1 503")
            assert json.loads(body)["error"]["code"] == "shutting_down"
    sim.until(lambda stats: not stats["open"])


def test_an_idle_gateway_stops_at_once(sim: Server) -> None:
    with running(config(sim)) as gateway:
        told_at = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - told_at < 2


def test_workers_do_not_outlive_their_supervisor(sim: Server) -> None:
    with running(config(sim), workers=2) as gateway:
        gateway.process.kill()
        gateway.logged("Finished server process", times=2)
        assert refused(gateway)


# ── starting ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_in_use_is_one_line_and_exit_code_1(workers: str, tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text("{server: {auth: off}, providers: {p: {dialect: simulated}}, models: {m: {provider: p}}}")
    with socket.create_server((HOST, 0)) as taken:
        port = str(taken.getsockname()[1])
        found = ran("serve", "--config", str(file), "--port", port, "--workers", workers)
    assert found.returncode == 1
    assert found.stderr.splitlines()[1:] == [f"cannot listen on {HOST}:{port}: Address already in use"]


def test_it_is_ready_within_two_seconds(sim: Server) -> None:
    """1.2 s is the aim on a machine that does nothing else; this one may."""
    taken = [9.9]
    while min(taken) >= 2.0 and len(taken) < 4:
        began = time.monotonic()
        with running(config(sim)) as gateway:
            assert gateway.chat("plain").status == 200
            taken.append(time.monotonic() - began)
    assert min(taken) < 2.0


def test_reloading_by_signal_reaches_every_worker(sim: Server) -> None:
    with running(config(sim), workers=2) as gateway:
        stream = gateway.open(CHAT, {"model": "slow", "messages": HI, "stream": True})
        assert b"200 OK" in stream.recv(65536)
        gateway.file.write_text(config(sim, more="  fresh: {provider: openai, name: fine}\n"))
        gateway.tell(signal.SIGHUP)
        gateway.logged("reloaded as generation 2", times=2)
        assert len(gateway.ask("/v1/models").document["data"]) == 5
        for _ in range(12):
            assert gateway.chat("fresh").status == 200
        gateway.file.write_text("models: [")
        gateway.tell(signal.SIGHUP)
        gateway.logged("not reloaded", times=2)
        assert gateway.chat("fresh").status == 200
        assert received_stream(stream).endswith(b"0\r\n\r\n")


def received_stream(connection: socket.socket) -> bytes:
    """All up to the last chunk."""
    found = b""
    with connection:
        while not found.endswith(b"0\r\n\r\n"):
            piece = connection.recv(65536)
            assert piece, found[-200:]
            found += piece
    return found
