"""uvicorn's HTTP protocol, with two things it lacks: a bound on a request's head, and a short way out.

uvicorn times out idle connections only after their first answer; a peer that sends its head one byte a
second, or never, would hold its connection for ever. Here a head must be complete `HEAD_PATIENCE_S` seconds
after the connection was made, or after its own first byte, and within `MAX_HEAD_BYTES`. A head that arrives
in one piece, as nearly all do, costs no timer.

An answer that is known whole leaves by the ASGI extension `headgate.answer`, a function `(status, headers,
body)`, in one write. uvicorn's `send` takes two messages, two writes and two regular expressions a header: a
fifth of what a gateway may cost (`docs/decisions/004-the-hot-path.md`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

EXTENSION = "headgate.answer"
HEAD_PATIENCE_S = 10.0
MAX_HEAD_BYTES = 64 * 1024

_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


def answer(
    cycle: RequestResponseCycle, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes
) -> None:
    """Writes a whole answer at once. The caller vouches for the headers: lower-case names, values without
    control characters, `content-length` among them."""
    if cycle.disconnected:
        return
    lines = [STATUS_LINE[status], *[b"%b: %b\r\n" % header for header in cycle.default_headers]]
    lines += [b"%b: %b\r\n" % header for header in headers]
    lines.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
    lines.append(body)
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.transport.write(b"".join(lines))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()


class BoundedProtocol(HttpToolsProtocol):
    """Refuses heads that are too slow or too large."""

    _head_bytes = 0
    _in_head = True
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._in_head:
            if self._head_timer:
                self._disarm()
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(_TOO_LARGE)
        elif self._head_timer is None:
            self._arm()

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()
        extensions: dict[str, Any] = {EXTENSION: partial(answer, self.cycle)}
        self.scope["extensions"] = extensions

    def _arm(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_PATIENCE_S, self._refuse, _TIMED_OUT)

    def _disarm(self) -> None:
        if self._head_timer:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, answer: bytes) -> None:
        self._disarm()
        transport: Any = self.transport
        if transport is not None and not transport.is_closing():
            transport.write(answer)
            transport.close()
