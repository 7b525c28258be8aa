"""An event leaves the gateway when it arrives there, not when more have come."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from gateway import CHAT, HI, HOST, KEY, Gateway, running

pytestmark = pytest.mark.e2e

WITHIN_S = 0.005
"""What the issue asks for. pyreqwest holds the first 64 KiB back unless it is told not to."""
ROUNDS = 15
GAP_S = 0.03

OPENAI = [
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":'
    b'{"role":"assistant","content":"%d"},"finish_reason":null}]}\n\n' % number
    for number in range(3)
]
ANTHROPIC = [
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message",'
    b'"role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":3,"output_tokens":1}}}\n\n'
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":'
    b'{"type":"text","text":""}}\n\n',
    *(
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":'
        b'{"type":"text_delta","text":"%d"}}\n\n' % number
        for number in range(2)
    ),
]


class Paced:
    """An upstream that sends its events one by one, and notes when each has left."""

    def __init__(self, events: list[bytes]) -> None:
        self._events = events
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self.left_at: list[float] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        request = connection.recv(65536)
        while not request.endswith(b"}"):
            request += connection.recv(65536)
        connection.sendall(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        self.left_at = []
        for event in self._events:
            time.sleep(GAP_S)
            self.left_at.append(time.monotonic())
            connection.sendall(b"%x\r\n%b\r\n" % (len(event), event))
        connection.recv(1)  # until the gateway lets go

    def close(self) -> None:
        self._listener.close()


@pytest.fixture(scope="module")
def upstreams() -> Iterator[dict[str, Paced]]:
    made = {"openai": Paced(OPENAI), "anthropic": Paced(ANTHROPIC)}
    yield made
    for one in made.values():
        one.close()


@pytest.fixture(scope="module")
def gateway(upstreams: dict[str, Paced]) -> Iterator[Gateway]:
    text = f"""
server: {{host: 127.0.0.1, log: off}}
keys: [{{name: me, key: {KEY}}}]
cache: {{exact: {{ttl_s: 0}}}}
coalesce: {{window_s: 0}}
providers:
  openai: {{dialect: openai, base_url: 'http://{HOST}:{upstreams["openai"].port}/v1'}}
  anthropic: {{dialect: anthropic, base_url: 'http://{HOST}:{upstreams["anthropic"].port}', keys: [none]}}
models:
  openai: {{provider: openai}}
  anthropic: {{provider: anthropic}}
"""
    with running(text) as served:
        yield served


def delays(gateway: Gateway, upstream: Paced, path: str, model: str, marks: list[bytes]) -> list[float]:
    """Seconds from an event's leaving the upstream until its `mark` is here, for each event."""
    body: dict[str, Any] = {"model": model, "messages": HI, "stream": True, "max_tokens": 9}
    arrived, found = [], b""
    with gateway.open(path, body) as connection:
        for mark in marks:
            while mark not in found:
                piece = connection.recv(65536)
                assert piece, found
                found += piece
            arrived.append(time.monotonic())
    return [here - there for here, there in zip(arrived, upstream.left_at, strict=True)]


@pytest.mark.parametrize("path", [CHAT, "/v1/messages"], ids=["openai-client", "anthropic-client"])
@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_every_event_leaves_within_five_milliseconds(
    gateway: Gateway, upstreams: dict[str, Paced], dialect: str, path: str
) -> None:
    contents = [b'"content":"%d"' if path == CHAT else b'"text":"%d"' for _ in range(3)]
    if dialect == "openai":
        marks = [mark % number for number, mark in enumerate(contents)]
    else:
        first = b'"role":"assistant"' if path == CHAT else b"message_start"
        marks = [first, contents[0] % 0, contents[0] % 1]
    rounds = [delays(gateway, upstreams[dialect], path, dialect, marks) for _ in range(ROUNDS)]
    quickest = [min(column) for column in zip(*rounds, strict=True)]  # a busy machine only ever adds
    assert max(quickest) < WITHIN_S, quickest


def test_the_upstream_is_not_asked_to_compress(gateway: Gateway) -> None:
    """Compression would hold events back; nobody asked for it."""
    listener = socket.create_server((HOST, 0))
    config = gateway.file.read_text()
    port = listener.getsockname()[1]
    text = config.replace(config.split("127.0.0.1:")[1].split("/")[0], str(port), 1)
    with listener, running(text) as other, other.open(CHAT, {"model": "openai", "messages": HI}):
        connection, _ = listener.accept()
        with connection:
            head = connection.recv(65536).partition(b"\r\n\r\n")[0].lower()
    assert b"accept-encoding" not in head
    assert json.dumps(KEY).encode() not in head
