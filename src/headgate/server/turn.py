"""One request for a hot path, on a connection of our own server: its short way in and out.

By the messages of ASGI, receiving a request, noticing a hang-up and answering cost a third of what a
gateway may (`docs/decisions/004-the-hot-path.md`). A `Turn` takes the place of uvicorn's cycle, which speaks
ASGI: the body if it is there already, an answer in as few writes as it has pieces, a call when the peer hangs
up.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import msgspec
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from headgate.core.call import Line
from headgate.server.intake import Headers, Message

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(Protocol):
    """What a turn must know of its connection (`server.protocol`)."""

    transport: Any
    flow: FlowControl

    def standing_lines(self) -> bytes:
        """Header lines that every answer has."""
        ...

    def on_response_complete(self) -> None: ...


class Turn(msgspec.Struct, eq=False):
    """`server.intake.Direct`, over a connection. `keep_alive` may be taken back while it lasts; `task` is
    that which answers, as long as it does. Who speaks HTTP/1.0 knows no chunks.

    A Struct, because one is made for every request (see `pipeline.service.Passage`).
    """

    _connection: Connection
    headers: Headers
    keep_alive: bool
    _is_chunked: bool
    more_body: bool = True
    disconnected: bool = False
    response_complete: bool = False
    task: asyncio.Task[None] | None = None
    _parts: list[bytes] = []
    _size: int = 0
    _waiter: asyncio.Future[None] | None = None
    _line: Line | None = None
    _told_to_go_on: bool = False

    # ── for the connection ──

    def feed(self, parts: list[bytes], *, more: bool) -> None:
        """Pieces of the body, and whether there are more."""
        self._parts += parts
        self.more_body = more
        if more:
            self._size += sum(map(len, parts))
            if self._size > HIGH_WATER_LIMIT:
                self._connection.flow.pause_reading()
        if self._waiter is not None:
            self._wake()

    def lost(self) -> None:
        """The peer has hung up."""
        if self.response_complete:
            return
        self.disconnected = True
        self._wake()
        if self._line is not None and self.task is not None:
            self._line.gone = True
            self.task.cancel()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # ── the way in ──

    def body(self, at_most: int) -> bytes | None:
        """The whole body, once, if it has arrived and is no longer than that; `None` if it must be read."""
        if self.more_body or self.disconnected:
            return None
        parts = self._parts
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        if len(body) > at_most:
            return None
        self._parts = []
        return body

    async def receive(self) -> Message:
        """The next message, as ASGI has it."""
        if self.more_body and not self._told_to_go_on and b"expect" in self.headers:
            self._go_on()
        while self.more_body and not self._parts and not self.disconnected:
            self._connection.flow.resume_reading()
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if self.disconnected:
            return {"type": "http.disconnect"}
        parts, self._parts, self._size = self._parts, [], 0
        return {"type": "http.request", "body": b"".join(parts), "more_body": self.more_body}

    def _go_on(self) -> None:
        """Tells a peer that waits to be told (RFC 9110 § 10.1.1)."""
        self._told_to_go_on = True
        if self.headers[b"expect"].lower() == b"100-continue":
            self._connection.transport.write(_CONTINUE)

    def watch(self, line: Line | None) -> bool:
        """From now on a hang-up is noted on the line, and cancels the task that answers; `None` calls that
        off. Whether the peer has hung up already."""
        self._line = line
        return self.disconnected

    # ── the way out ──

    def answer(self, status: int, head: bytes, body: bytes) -> None:
        """Writes a whole answer. The caller vouches for the head: lines of lower-case names and values
        without control characters, each with its line break, `content-length` among them."""
        lines = self._connection.standing_lines()
        closing = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
        self._write(b"".join((STATUS_LINE[status], lines, head, closing, body)))
        self._finish()

    def begin(self, status: int, head: bytes) -> None:
        """Writes the head of a stream of unknown length; the same rules as for `answer`."""
        if self._is_chunked:
            self._write(self._top(status, head) + b"transfer-encoding: chunked\r\n\r\n")
        else:
            self.keep_alive = False  # the end of the connection is the end of the stream
            self._write(self._top(status, head) + b"\r\n")

    async def piece(self, data: bytes) -> None:
        """Writes a piece of the stream; waits first, as long as the peer does not take what it was sent."""
        if self._connection.flow.write_paused:
            await self._connection.flow.drain()
        self._write(b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data)

    def end(self, data: bytes) -> None:
        """Writes the last piece of the stream."""
        self._write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data) if self._is_chunked else data)
        self._finish()

    def cut(self, data: bytes) -> None:
        """Writes the last piece of a stream that has failed. To a peer that does not even take what it was
        sent before, nothing more is said: its connection closes at once."""
        if self._connection.flow.write_paused:
            self._connection.transport.abort()
        self.end(data)

    def _top(self, status: int, head: bytes) -> bytes:
        closing = b"" if self.keep_alive else b"connection: close\r\n"
        return b"%b%b%b%b" % (STATUS_LINE[status], self._connection.standing_lines(), head, closing)

    def _write(self, data: bytes) -> None:
        if not self.disconnected:
            self._connection.transport.write(data)

    def _finish(self) -> None:
        self.response_complete = True
        self.task = None
        if self.disconnected:
            return
        if not self.keep_alive:
            self._connection.transport.close()
        self._connection.on_response_complete()
