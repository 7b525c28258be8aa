"""Whatever comes in: an error of the table or a closed connection, and nobody else is harmed."""

from __future__ import annotations

import json
import os
import re
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from configs import provider
from gateway import CHAT, HI, HOST, KEY, Answer, Gateway, received, running
from simserver import Server

pytestmark = pytest.mark.e2e

SOAK = os.environ.get("HEADGATE_SOAK") == "1"
DRIPPING = 10_000 if SOAK else 500
HOT = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/messages")
LIMIT = 200_000
_INVALID = "invalid_request_error"
TYPES = {400: _INVALID, 401: "authentication_error", 404: _INVALID, 413: "request_too_large"}


@pytest.fixture(scope="module")
def gateway(sim: Server) -> Iterator[Gateway]:
    text = f"""
server: {{host: {HOST}, max_body_bytes: {LIMIT}, log: off}}
keys: [{{name: me, key: {KEY}}}]
cache: {{exact: {{ttl_s: 0}}}}
coalesce: {{window_s: 0}}
providers:
{provider("openai", sim.port)}models:
  plain: {{provider: openai, name: fine}}
  slow: {{provider: openai, name: fault-slow-10}}
  slower: {{provider: openai, name: fault-slow-1}}
"""
    with running(text) as served:
        yield served
        assert served.chat("plain").status == 200


def sent(gateway: Gateway, *pieces: bytes) -> bytes:
    """All that comes back for these bytes."""
    with gateway.connect() as connection:
        for piece in pieces:
            connection.sendall(piece)
        return received(connection)


def head(path: str = CHAT, *lines: str, length: int | None = None) -> bytes:
    """A request's head; the connection is to be closed after it."""
    found = [f"POST {path} HTTP/1.1", "host: x", f"authorization: Bearer {KEY}", "connection: close", *lines]
    if length is not None:
        found.append(f"content-length: {length}")
    return "\r\n".join([*found, "", ""]).encode()


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def is_clear(answer: Answer, path: str, status: int) -> None:
    """An error of the table, in the shape of its surface."""
    assert answer.status == status, answer.body
    assert answer.headers["x-request-id"]
    document = answer.document
    error = document["error"]
    assert isinstance(error["message"], str)
    assert "Traceback" not in error["message"]
    if path == "/v1/messages":
        assert document["type"] == "error"
    else:
        assert error["type"] == TYPES[status]
        assert "None" not in (error["param"], error["code"])


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────

NO_BODY: list[bytes] = [
    b"",
    b" ",
    b"{",
    b"nonsense",
    b"null",
    b"[]",
    b'"text"',
    b"1e999",
    b"\xff\xfe",
    b'{"model": "\xff"}',
    b"\xef\xbb\xbf{}",
    b'{"model": "plain", "messages": [{"role": "user", "content": "\\ud800"}]}',
    b"[" * 100_000,
    b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    b'{"model": "plain", "messages": ' + b"[" * 60_000 + b"]" * 60_000 + b"}",
    b'{"model": ' + b"9" * 5_000 + b"}",
    b"\x00" * 1_000,
]


@pytest.mark.parametrize("path", HOT)
@pytest.mark.parametrize("body", NO_BODY, ids=lambda body: repr(body[:24]))
def test_a_body_that_is_none(gateway: Gateway, path: str, body: bytes) -> None:
    is_clear(gateway.ask(path, body), path, 400)


WRONG: list[dict[str, Any]] = [
    {"messages": 5},
    {"messages": []},
    {"messages": [5]},
    {"messages": [{"role": "nobody", "content": "x"}]},
    {"messages": [{"role": "user", "content": 5}]},
    {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
    {"stream": "yes"},
    {"max_tokens": "many"},
    {"temperature": "hot"},
    {"model": None},
    {"model": ""},
    {"model": ["plain"]},
    {"tool_choice": 5},
    {"tools": "all"},
]


@pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: json.dumps(wrong)[:40])
def test_a_member_of_the_wrong_type_is_named(gateway: Gateway, path: str, wrong: dict[str, Any]) -> None:
    body = {"model": "plain", "max_tokens": 9, "messages": HI, **wrong}
    answer = gateway.ask(path, json.dumps(body).encode())
    is_clear(answer, path, 400)
    (name,) = wrong
    assert name in json.dumps(answer.error)


@pytest.mark.parametrize("path", HOT)
def test_a_member_that_is_missing_is_named(gateway: Gateway, path: str) -> None:
    answer = gateway.ask(path, {"prompt": "x", "input": "x", "messages": HI, "max_tokens": 9})
    is_clear(answer, path, 400)
    assert "model" in answer.error["message"]


NAMES = [
    "nobody",
    "x" * 5_000,
    "a\r\nset-cookie: x=1\r\n\r\n",
    "\x00\x1b[31m",
    "‮evil",
    "../../etc/passwd",
    "{model}",
    "%s%n",
]


@pytest.mark.parametrize("path", HOT)
@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name[:12]))
def test_a_model_that_does_not_exist(gateway: Gateway, path: str, name: str) -> None:
    body = {"model": name, "messages": HI, "max_tokens": 9, "input": "x", "prompt": "x"}
    answer = gateway.ask(path, body)
    is_clear(answer, path, 404)
    message = answer.error["message"]
    assert message.isprintable()
    assert len(message) < 400
    assert "set-cookie" not in answer.headers


# ── sizes ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", HOT)
def test_a_body_that_is_announced_too_long(gateway: Gateway, path: str) -> None:
    """Refused by its head, before a byte of it has come."""
    answer = sent(gateway, head(path, length=10**15))
    assert status_of(answer) == 413
    assert b"request_too_large" in answer


def test_a_body_that_is_too_long_and_sent_all_the_same(gateway: Gateway) -> None:
    answer = gateway.ask(CHAT, b"x" * (LIMIT + 1))
    is_clear(answer, CHAT, 413)
    exactly = json.dumps({"model": "plain", "messages": HI}).encode().ljust(LIMIT)
    assert gateway.ask(CHAT, exactly).status == 200


def test_chunks_that_grow_too_long(gateway: Gateway) -> None:
    chunk = b"%x\r\n%b\r\n" % (60_000, b" " * 60_000)
    with gateway.connect() as connection:
        connection.sendall(head(CHAT, "transfer-encoding: chunked"))
        try:
            for _ in range(200):
                connection.sendall(chunk)
        except OSError:
            pass  # it has stopped listening, which is as good
        answer = received(connection)
    assert not answer or status_of(answer) == 413


def test_a_chunked_body_that_fits(gateway: Gateway) -> None:
    body = json.dumps({"model": "plain", "messages": HI}).encode()
    chunks = b"".join(b"%x\r\n%b\r\n" % (1, body[at : at + 1]) for at in range(len(body)))
    answer = sent(gateway, head(CHAT, "transfer-encoding: chunked"), chunks + b"0\r\n\r\n")
    assert status_of(answer) == 200


# ── heads ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "given",
    ["a b", "é", "x" * 129, "a;b", '"', "<script>", "", "a\tb", "../x", "a%0d%0ab"],
    ids=repr,
)
def test_a_request_id_that_is_not_fit_is_not_echoed(gateway: Gateway, given: str) -> None:
    body = json.dumps({"model": "nobody", "messages": HI}).encode()
    raw = head(CHAT, length=len(body)).replace(
        b"host: x", b"host: x\r\nx-request-id: " + given.encode("latin-1")
    )
    answer = sent(gateway, raw, body)
    assert status_of(answer) == 404
    (echoed,) = re.findall(rb"\r\nx-request-id: ([^\r]*)\r\n", answer)
    assert re.fullmatch(rb"req_[0-9a-f]{24}", echoed)


@pytest.mark.parametrize(
    "raw",
    [
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50,
        b"POST /v1/chat/completions HTTP/9.9\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999999\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n"
        b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-a: b\x00c\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nno colon\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=lambda raw: repr(raw[:60]),
)
def test_what_is_no_http_is_turned_away(gateway: Gateway, raw: bytes) -> None:
    answer = sent(gateway, raw)
    assert answer == b"" or status_of(answer) == 400
    assert b"Traceback" not in answer


@pytest.mark.parametrize("way", ["one", "many", "path"])
def test_a_head_that_is_too_large(gateway: Gateway, way: str) -> None:
    big = {
        "one": b"POST /x HTTP/1.1\r\nhost: x\r\nx-big: " + b"a" * 200_000,
        "many": b"POST /x HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 40_000,
        "path": b"GET /" + b"a" * 200_000,
    }[way]
    with gateway.connect() as connection:
        try:
            for at in range(0, len(big), 8_192):
                connection.sendall(big[at : at + 8_192])
        except OSError:
            pass
        answer = received(connection)
    assert not answer or status_of(answer) in (400, 431)


def test_a_wrong_deadline_is_named(gateway: Gateway) -> None:
    for given in ("soon", "-1s", "0", "1h", "", "9" * 400):
        answer = gateway.ask(CHAT, {"model": "plain", "messages": HI}, {"x-headgate-deadline": given})
        is_clear(answer, CHAT, 400)
        assert answer.error["param"] == "x-headgate-deadline"


def test_a_head_is_expected_in_reasonable_time(gateway: Gateway) -> None:
    """Silent and slow heads end after ten seconds; others are served meanwhile. A head that has begun while
    an answer is still running must not put its 408 into the middle of it. (A slow body has a minute:
    `tests/unit/server`.)"""
    started = time.monotonic()
    silent, slow = gateway.connect(), gateway.connect()
    early = gateway.open(CHAT, {"model": "slower", "messages": HI, "stream": True})
    early.sendall(b"GET /livez HTTP/1.1\r\nhost: ")
    slow.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nx-slow: ")
    while time.monotonic() - started < 9:
        assert gateway.ask("/livez").status == 200
        slow.sendall(b"a")
        time.sleep(1)
    answers = [received(silent), received(slow)]
    assert 9 < time.monotonic() - started < 14
    assert all(not answer or status_of(answer) == 408 for answer in answers)
    with early:
        found = early.recv(1 << 20)
    assert found.startswith(b"HTTP/1.1 200 OK")
    assert b"408 Request Timeout" not in found


# ── many ─────────────────────────────────────────────────────────────────────────────────────────


def memory_mb(gateway: Gateway) -> float:
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024


def test_many_that_drip_harm_nobody(gateway: Gateway) -> None:
    """Half of them drip a head, half a body, a byte at a time. The others are served as before."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, DRIPPING + 200)), hard))
    dripping: list[socket.socket] = []
    try:
        assert gateway.chat("plain").status == 200
        before, calm = memory_mb(gateway), quickest(gateway)
        for number in range(DRIPPING):
            connection = gateway.connect()
            connection.sendall(head(length=100_000) if number % 2 else b"POST /v1/chat/c")
            dripping.append(connection)
        for _ in range(5):
            for connection in dripping:
                drip(connection)
            assert quickest(gateway) < calm + 0.1
        grown = memory_mb(gateway) - before
        assert grown < 20 + DRIPPING * 0.03, f"{grown:.0f} MB for {DRIPPING} connections"
    finally:
        for connection in dripping:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    gateway.until(lambda page: page("in_flight") == 0)


def drip(connection: socket.socket) -> None:
    with suppress(OSError):  # turned away already, as it should be
        connection.send(b" ")


def quickest(gateway: Gateway) -> float:
    """The best of some requests, in seconds."""
    taken = []
    for _ in range(5):
        began = time.monotonic()
        assert gateway.chat("plain").status == 200
        taken.append(time.monotonic() - began)
    return min(taken)


def test_a_slow_reader_holds_up_nobody_and_fills_no_memory(gateway: Gateway) -> None:
    """Answers that nobody takes: pipelined requests, never a byte read."""
    before = memory_mb(gateway)
    body = json.dumps({"model": "nobody", "messages": HI}).encode()
    one = head(length=len(body)).replace(b"connection: close\r\n", b"") + body
    with gateway.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.settimeout(0.5)
        try:
            for _ in range(20_000):
                connection.sendall(one)
        except OSError:
            pass  # no more is taken of it
        assert gateway.chat("plain").status == 200
        assert memory_mb(gateway) - before < 30


def test_pipelined_requests_are_answered_in_order(gateway: Gateway) -> None:
    bodies = [json.dumps({"model": f"nobody-{number}", "messages": HI}).encode() for number in range(50)]
    raw = [head(length=len(body)).replace(b"connection: close\r\n", b"") + body for body in bodies]
    raw[-1] = head(length=len(bodies[-1])) + bodies[-1]
    answer = sent(gateway, b"".join(raw))
    assert [int(number) for number in re.findall(rb"'nobody-(\d+)'", answer)] == list(range(50))


def test_a_large_body_and_the_next_head_in_one_piece(gateway: Gateway) -> None:
    """What is counted against a head's limit is the head."""
    body = json.dumps({"model": "plain", "messages": HI}).encode().ljust(150_000)
    first = head(length=len(body)).replace(b"connection: close\r\n", b"") + body
    second = head(length=len(body)) + body
    cut = len(first) + 20
    both = first + second
    with gateway.connect() as connection:
        connection.sendall(both[:cut])
        time.sleep(0.1)
        connection.sendall(both[cut:])
        answer = received(connection)
    assert answer.count(b"HTTP/1.1 200 OK") == 2


def test_what_a_client_sends_too_early_does_not_break_its_stream(gateway: Gateway) -> None:
    """The first byte of its next request, while a stream still runs."""
    with gateway.open(CHAT, {"model": "slow", "messages": HI, "stream": True}) as connection:
        found = connection.recv(65536)
        connection.sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n")
        while b"[DONE]" not in found:
            piece = connection.recv(65536)
            assert piece, found[-300:]
            found += piece
        connection.sendall(b"\r\n")
        found += received(connection)
    assert b"408" not in found
    assert found.endswith(b'{"status":"ok"}')
