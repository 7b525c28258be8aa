"""Every fault of `headgate sim-providers` on a real socket, its pace, and clients that hang up."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from simserver import BODIES, CHAT, Server, received

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server()
    try:
        yield running
        assert running.stop()[::2] == (0, b""), "the server logged something, or did not end well"
    finally:
        running.kill()


# ── faults on the wire ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "plain"])
@pytest.mark.parametrize(
    ("fault", "end"),
    [
        ("refuse", "reset"),
        ("cut-head", "closed"),
        ("cut-mid", "closed"),
        ("cut-mid-json", "closed"),
        ("hang", "silent"),
        ("stall-mid", "silent"),
    ],
)
def test_a_connection_breaks(server: Server, fault: str, end: str, stream: bool) -> None:
    asked = {**BODIES[CHAT], "stream": stream}
    within_s = 0.15 if end == "silent" else 5.0
    found, ended = received(server.open(CHAT, asked, {"x-sim-fault": fault}), within_s=within_s)
    assert ended == end
    head, _, body = found.partition(b"\r\n\r\n")
    assert bool(head) == (fault not in ("refuse", "hang"))
    assert bool(body) == (fault not in ("refuse", "hang", "cut-head"))
    assert b"[DONE]" not in body
    if stream:
        assert not body.endswith(b"0\r\n\r\n")
        assert body.count(b"data: {") == {"cut-mid": 3, "stall-mid": 3, "cut-mid-json": 4}.get(fault, 0)
    elif head:
        promised = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length"))
        assert len(body) < int(promised.split()[1])


@pytest.mark.parametrize(
    "path", ["/v1/messages", "/v1beta/models/m:streamGenerateContent?alt=sse", "/api/chat"]
)
def test_the_other_dialects_break_too(server: Server, path: str) -> None:
    body = {**BODIES.get(path, BODIES["/v1beta/models/m:generateContent"])}
    if "v1beta" not in path:
        body["stream"] = True
    found, ended = received(server.open(path, body, {"x-sim-fault": "cut-mid:2"}))
    assert (ended, found.endswith(b"0\r\n\r\n")) == ("closed", False)
    found, ended = received(server.open(path, body, {"x-sim-fault": "error-event:2", "connection": "close"}))
    assert (ended, found.endswith(b"0\r\n\r\n")) == ("closed", True)
    assert b'"error"' in found


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("garbage", "text/html"),
        ("garbage-json", "application/json"),
        ("garbage-sse", "text/event-stream"),
        ("empty", "application/json"),
    ],
)
def test_nonsense_comes_with_a_200(server: Server, fault: str, kind: str) -> None:
    status, headers, body = server.ask(CHAT, {**BODIES[CHAT], "model": f"gpt-4o-fault-{fault}"})
    assert (status, headers["content-type"]) == (200, kind)
    assert b"choices" not in body


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("status", [400, 401, 404, 422, 429, 500, 503, 529])
def test_any_status_on_demand(server: Server, path: str, status: int) -> None:
    found, _, body = server.ask(path, BODIES[path], {"x-sim-fault": f"status:{status}"})
    assert found == status
    assert json.loads(body)["error"]


def test_a_bad_key_is_refused_in_each_dialects_way(server: Server) -> None:
    answers = [server.ask(path, BODIES[path], {"x-sim-fault": "bad-key"}) for path in BODIES]
    assert [status for status, _, _ in answers] == [401, 401, 400, 401]
    assert b"API_KEY_INVALID" in answers[2][2]


def test_a_fault_nobody_knows_is_a_bad_request(server: Server) -> None:
    status, _, body = server.ask(CHAT, BODIES[CHAT], {"x-sim-fault": "hong"})
    assert status == 400
    assert b"hang" in body


def test_faults_are_scheduled_at_run_time(server: Server) -> None:
    assert server.ask("/sim/faults", [{"fault": "503", "to_s": 60, "model": "doomed"}])[0] == 200
    assert server.ask(CHAT, {**BODIES[CHAT], "model": "doomed"})[0] == 503
    assert server.ask(CHAT, BODIES[CHAT])[0] == 200
    assert server.ask("/sim/faults", [])[0] == 200
    assert server.ask(CHAT, {**BODIES[CHAT], "model": "doomed"})[0] == 200
    assert "cut-mid" in json.loads(server.ask("/sim/faults")[2])["faults"]


# ── pace, hanging up ─────────────────────────────────────────────────────────────────────────────


def test_every_event_leaves_when_it_is_due(server: Server) -> None:
    body = {**BODIES[CHAT], "stream": True, "max_tokens": 10}
    connection = server.open(CHAT, body, {"x-sim-fault": "slow:50"})
    seen, last = [], b""
    with connection:
        while not last.endswith(b"0\r\n\r\n"):
            last = connection.recv(65536)
            seen.append(time.monotonic())
    assert len(seen) >= 10
    assert 0.15 < seen[-1] - seen[0] < 1.0


@pytest.mark.parametrize("fault", ["hang", "slow:20", "stall-mid"])
def test_a_client_that_hangs_up_is_noticed_at_once(server: Server, fault: str) -> None:
    asked = {**BODIES[CHAT], "stream": True, "model": f"left-{fault}"}
    connection = server.open(CHAT, asked, {"x-sim-fault": fault})
    server.until(lambda stats: [visit["model"] for visit in stats["open"]] == [f"left-{fault}"])
    left_at = time.monotonic()
    connection.close()
    visit = server.until(lambda stats: not stats["open"])["closed"][-1]
    assert (visit["model"], visit["ended"]) == (f"left-{fault}", "client_gone")
    assert visit["closed_at"] - left_at < 0.1
