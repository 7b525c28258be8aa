"""What batching embeddings saves, and costs: `python -m bench.embeddings`.

Clients with one text each ask a real gateway, over and over, which asks an upstream in this process that
takes its time and counts. Once with `batch` as it is by default, once switched off. Every vector is
checked: it is made of its text, so that one that went to the wrong caller is found.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from zlib import crc32

import msgspec

from bench.processes import HOST, Server, free_port

DIMENSIONS = 16
UPSTREAM_S = 0.03
"""What the upstream takes for an answer, however many texts."""

KEY = "key-of-the-bench"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A run: how many requests, upstream calls, wrong answers; the median of what a client waited."""

    requests: int
    calls: int
    wrong: int
    p50_s: float


def vector(text: str) -> list[float]:
    return [crc32(f"{at} {text}".encode()) / 2**32 for at in range(DIMENSIONS)]


async def _read(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """One message's head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
    return head, await reader.readexactly(length)


class Upstream:
    def __init__(self) -> None:
        self.calls = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                _, body = await _read(reader)
                self.calls += 1
                await asyncio.sleep(UPSTREAM_S)
                writer.write(_answered(json.loads(body)["input"]))
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            writer.close()


def _answered(asked: str | list[str]) -> bytes:
    texts = [asked] if isinstance(asked, str) else asked
    rows = [{"object": "embedding", "index": at, "embedding": vector(one)} for at, one in enumerate(texts)]
    used = sum(map(len, texts))
    spent = {"prompt_tokens": used, "total_tokens": used}
    body = json.dumps({"object": "list", "data": rows, "model": "e", "usage": spent}).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )


async def _client(port: int, name: int, until: float, waits: list[float]) -> int:
    """Asks until it is time. How many answers were wrong."""
    reader, writer = await asyncio.open_connection(HOST, port)
    wrong = number = 0
    while time.monotonic() < until:
        text = f"client {name}, text {number}"
        body = json.dumps({"model": "e", "input": text}).encode()
        head = f"POST /v1/embeddings HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {KEY}\r\n"
        began = time.monotonic()
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        _, answer = await _read(reader)
        waits.append(time.monotonic() - began)
        rows = json.loads(answer).get("data") or [{}]
        wrong += len(rows) != 1 or rows[0].get("embedding") != vector(text)
        number += 1
    writer.close()
    return wrong


async def played(at: Path, *, clients: int, seconds: float, batch: Mapping[str, object]) -> Told:
    upstream, gateway_port = Upstream(), free_port()
    listening = await asyncio.start_server(upstream.serve, HOST, 0, backlog=1024)
    port = listening.sockets[0].getsockname()[1]
    config = {
        "server": {"port": gateway_port, "metrics_port": free_port()},
        "providers": {"p": {"dialect": "openai", "base_url": f"http://{HOST}:{port}/v1", "keys": ["k"]}},
        "models": {"e": {"provider": "p"}},
        "keys": [{"name": "bench", "key": KEY}],
        "batch": dict(batch),
    }
    file = at / "headgate.yaml"
    file.write_text(json.dumps(config))
    command = [str(Path(sys.executable).with_name("headgate")), "serve", "--config", str(file)]
    server = Server("gateway", command, port=gateway_port, cores=_cores(), log=at / "gateway.log")
    server.start()
    try:
        await asyncio.to_thread(server.wait_until_listening)
        waits: list[float] = []
        until = time.monotonic() + seconds
        wrong = await asyncio.gather(*(_client(gateway_port, one, until, waits) for one in range(clients)))
    finally:
        server.stop()
        listening.close()
    return Told(requests=len(waits), calls=upstream.calls, wrong=sum(wrong), p50_s=median(waits))


def _cores() -> set[int]:
    return os.sched_getaffinity(0)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.embeddings", description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = {
            name: asyncio.run(
                played(Path(folder), clients=options.clients, seconds=options.seconds, batch=batch)
            )
            for name, batch in (("batched", {}), ("apart", {"size": 1}))
        }
    for name, told in runs.items():
        ratio = told.requests / max(told.calls, 1)
        print(f"{name}: {told.requests} requests, {told.calls} upstream calls (1 in {ratio:.1f}), "
              f"{told.wrong} wrong, p50 {told.p50_s * 1e3:.1f} ms")  # fmt: skip
    added = runs["batched"].p50_s - runs["apart"].p50_s
    print(f"p50 added: {added * 1e3:.1f} ms (reach: at most 15; upstream calls at most 1 in 20)")
    return 1 if any(told.wrong for told in runs.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
