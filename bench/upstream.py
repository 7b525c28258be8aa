"""A provider that costs next to nothing: enough HTTP for a gateway's client, hand-parsed, on uvloop.

    python -m bench.upstream --port 9001

Any path ending in `/messages` is answered in Anthropic's dialect, any other in OpenAI's. The model name in
the request says how (`bench.wire`). JSON documents are served too, for machines without nginx.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import signal
import sys
from typing import cast

import uvloop

from bench.wire import ANTHROPIC_DOCUMENT, OPENAI_DOCUMENT, Plan, events_of, plan_of

_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"
)
_LAST_CHUNK = b"0\r\n\r\n"


def _document(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


_DOCUMENTS = {False: _document(OPENAI_DOCUMENT), True: _document(ANTHROPIC_DOCUMENT)}


def _chunks(plan: Plan, *, anthropic: bool) -> tuple[bytes, ...]:
    """The writes of a stream after its head, each one event in HTTP's chunked coding."""
    events = events_of(plan, anthropic=anthropic)
    chunks = [b"%x\r\n%b\r\n" % (len(event), event) for event in events]
    chunks[-1] += _LAST_CHUNK
    return tuple(chunks)


_cached_chunks = functools.lru_cache(maxsize=64)(_chunks)


class Provider(asyncio.Protocol):
    """One connection: requests one after the other, no pipelining."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """uvloop sets TCP_NODELAY on every TCP transport; its class is a Transport only in shape."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        _, _, after = head.partition(b"\r\ncontent-length:")
        length = int(after.partition(b"\r\n")[0] or 0)
        if len(self._buffer) < end + 4 + length:
            return
        body, self._buffer = self._buffer[end + 4 :], b""
        path = head.partition(b" http/")[0]
        self._answer(body, anthropic=path.endswith(b"/messages"))

    def _answer(self, body: bytes, *, anthropic: bool) -> None:
        try:
            plan = plan_of(body)
        except ValueError as problem:
            text = str(problem).encode()
            self._write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text))
            return
        if not plan.stream:
            self._write(_DOCUMENTS[anthropic])
            return
        self._write(_STREAM_HEAD)
        if plan.kind == "stamp":
            self._timer = self._loop.call_later(plan.gap_us / 1e6, self._stamped, plan, anthropic)
        else:
            self._next(_cached_chunks(plan, anthropic=anthropic), 0, plan.gap_us / 1e6, self._loop.time())

    def _stamped(self, plan: Plan, anthropic: bool) -> None:
        self._next(_chunks(plan, anthropic=anthropic), 0, plan.gap_us / 1e6, self._loop.time())

    def _next(self, chunks: tuple[bytes, ...], index: int, gap_s: float, began: float) -> None:
        """Writes one event and plans the next. Each turn of the loop is a write of its own."""
        if self._transport is None:
            return
        self._transport.write(chunks[index])
        index += 1
        if index == len(chunks):
            return
        if gap_s:
            self._timer = self._loop.call_at(began + index * gap_s, self._next, chunks, index, gap_s, began)
        else:
            self._loop.call_soon(self._next, chunks, index, gap_s, began)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


async def serve(host: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(lambda: Provider(loop), host, port, backlog=4096)
    await stop.wait()
    server.close()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.upstream", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args(argv)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(options.host, options.port))
    return 0


if __name__ == "__main__":
    sys.exit(main())
