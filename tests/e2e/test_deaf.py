"""Callers who never read what they asked for."""

from __future__ import annotations

import json
import socket
import time
from contextlib import suppress

import pytest

from gateway import CHAT, HI, HOST, KEY, running

pytestmark = pytest.mark.e2e

CONFIG = f"""
server: {{host: 127.0.0.1, deadline_s: 1.5}}
keys: [{{name: me, key: {KEY}}}]
cache: {{exact: {{ttl_s: 0}}}}
coalesce: {{window_s: 0}}
providers:
  sim: {{dialect: simulated, simulated: {{latency_s: 0, tokens_per_s: 0, output_tokens: 60000}}}}
models:
  endless: {{provider: sim}}
"""


def test_who_never_reads_a_stream_loses_the_connection_at_the_deadline() -> None:
    body = json.dumps({"model": "endless", "messages": HI, "stream": True, "max_tokens": 60000}).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-length: {len(body)}"
    with running(CONFIG) as gateway, socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((HOST, gateway.port))
        deaf.sendall(head.encode() + b"\r\n\r\n" + body)
        gateway.until(lambda page: page("requests_total", status="deadline") == 1)
        deaf.settimeout(5)
        began, found = time.monotonic(), b""
        with suppress(ConnectionResetError):
            while piece := deaf.recv(65536):
                found = (found + piece)[-4096:]
        assert b"[DONE]" not in found
        assert time.monotonic() - began < 4, "nobody waits for a caller who does not read"
        assert gateway.metrics()("in_flight") == 0
