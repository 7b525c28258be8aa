"""uvicorn's HTTP protocol, with two things it lacks: a bound on a request's head, and a short way in and out.

uvicorn times out idle connections only after their first answer; a peer that sends its head one byte a
second, or never, would hold its connection for ever. Here a head must be complete `HEAD_PATIENCE_S` seconds
after the connection was made, or after its own first byte, and within `MAX_HEAD_BYTES`. A head that arrives
in one piece, as nearly all do, costs no timer.

The short way is the ASGI extension `headgate.direct`, a `Direct`: the body if it is there already, an answer
in as few writes as it has pieces, and a call when the peer hangs up. By the messages of ASGI the three cost
a third of what a gateway may (`docs/decisions/004-the-hot-path.md`); an application that does not know it
loses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

EXTENSION = "headgate.direct"
HEAD_PATIENCE_S = 10.0
MAX_HEAD_BYTES = 64 * 1024

_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Direct:
    """One request's short way (`server.intake.Direct`)."""

    __slots__ = ("_cycle", "_protocol")

    def __init__(self, protocol: BoundedProtocol, cycle: RequestResponseCycle) -> None:
        self._protocol = protocol
        self._cycle = cycle

    def body(self, at_most: int) -> bytes | None:
        """The whole body, once, if it has arrived and is no longer than that; `None` if it must be read."""
        cycle = self._cycle
        if cycle.more_body or cycle.disconnected or len(cycle.body) > at_most:
            return None
        body = bytes(cycle.body)
        cycle.body = bytearray()
        cycle.message_event.clear()
        cycle.flow.resume_reading()
        return body

    def on_gone(self, call: Callable[[], None] | None) -> bool:
        """Calls `call` when the peer hangs up; `None` calls that off. Whether it has hung up already."""
        self._protocol.gone = call
        return self._cycle.disconnected

    def answer(self, status: int, head: bytes, body: bytes) -> None:
        """Writes a whole answer. The caller vouches for the head: lines of lower-case names and values
        without control characters, each with its line break, `content-length` among them."""
        self._write(self._top(status, head) + b"\r\n" + body)
        self._finish()

    def begin(self, status: int, head: bytes) -> None:
        """Writes the head of a stream of unknown length; the same rules as for `answer`."""
        self._write(self._top(status, head) + b"transfer-encoding: chunked\r\n\r\n")
        self._cycle.chunked_encoding = True

    async def piece(self, data: bytes) -> None:
        """Writes a piece of the stream; waits first, as long as the peer does not take what it was sent."""
        if self._cycle.flow.write_paused:
            await self._cycle.flow.drain()
        self._write(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self, data: bytes) -> None:
        """Writes the last piece of the stream."""
        self._write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data))
        self._finish()

    def _top(self, status: int, head: bytes) -> bytes:
        cycle = self._cycle
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        lines = [STATUS_LINE[status], *[b"%b: %b\r\n" % header for header in cycle.default_headers], head]
        if not cycle.keep_alive:
            lines.append(b"connection: close\r\n")
        return b"".join(lines)

    def _write(self, data: bytes) -> None:
        if not self._cycle.disconnected:
            self._cycle.transport.write(data)

    def _finish(self) -> None:
        cycle = self._cycle
        cycle.response_complete = True
        cycle.message_event.set()
        if cycle.disconnected:
            return
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()


class BoundedProtocol(HttpToolsProtocol):
    """Refuses heads that are too slow or too large, and offers every request a `Direct`."""

    gone: Callable[[], None] | None = None

    _head_bytes = 0
    _in_head = True
    _head_timer: asyncio.TimerHandle | None = None
    _idle_since: float | None = None
    _idle_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        if self._idle_timer:
            self._idle_timer.cancel()
        super().connection_lost(exc)
        if self.gone:
            self.gone()

    def data_received(self, data: bytes) -> None:
        continued = self._in_head
        super().data_received(data)
        if not self._in_head:
            if self._head_timer:
                self._disarm()
            return
        if continued:
            self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(_TOO_LARGE)
        elif self._head_timer is None:
            self._arm()

    def on_response_complete(self) -> None:
        """uvicorn's, but for the timer: one a connection that looks when the last answer was, instead of one
        an answer. A timer of uvloop's costs as much as reading a request's head."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._look)

    def _look(self) -> None:
        """Closes a connection that has been idle for long enough, or comes back when it would be."""
        self._idle_timer = None
        if self._idle_since is None or self.transport.is_closing():
            return
        left_s = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left_s <= 0.0:
            self.transport.close()
        else:
            self._idle_timer = self.loop.call_later(left_s, self._look)

    def on_message_begin(self) -> None:
        self._in_head = True
        self._idle_since = None
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()
        extensions: dict[str, Any] = {EXTENSION: Direct(self, self.cycle)}
        self.scope["extensions"] = extensions

    def _arm(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_PATIENCE_S, self._refuse, _TIMED_OUT)

    def _disarm(self) -> None:
        if self._head_timer:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, answer: bytes) -> None:
        self._disarm()
        if self.cycle is not None and not self.cycle.response_complete:
            self._arm()  # an answer is under way on this connection: its next head waits with it
            return
        transport: Any = self.transport
        if transport is not None and not transport.is_closing():
            transport.write(answer)
            transport.close()
