"""uvicorn's HTTP protocol, with what it lacks: bounds, and a short way for hot paths.

uvicorn times out idle connections only after their first answer; a peer that sends its head one byte a
second, or never, would hold its connection for ever. Here a head must be complete `HEAD_PATIENCE_S` seconds
after the connection was made, or after its own first byte, and within `MAX_HEAD_BYTES`. A head that arrives
in one piece, as nearly all do, costs no timer. A peer that does not read its answers gets no more of them:
the next request waits until the last answer has left, and the connection closes when nothing of it has been
taken for as long as a connection may idle.

A POST to a hot path becomes a `Turn` (`server.turn`); everything else goes uvicorn's way, by ASGI. Both are
parsed by llhttp, whose findings are kept by methods of built-in types: a call of Python's for every header
would cost as much as a layer. A header that is sent twice counts once, the last.

Known weakness: a caller who closes its sending side after the request is taken for one who has hung up; one
who hangs up having sent the next request too is only noticed when something is written to it.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from headgate.server.app import Hot
from headgate.server.turn import Turn

HEAD_PATIENCE_S = 10.0
MAX_HEAD_BYTES = 64 * 1024
MAX_PIPELINED = 128
"""Requests a peer may send before it has the answer to the first."""

_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_END_OF_HEAD = b"\r\n\r\n"
_NOT_HTTP = "Invalid HTTP request received."
_UPGRADING = frozenset({b"upgrade", b"connection", b"http2-settings"})


class BoundedProtocol(HttpToolsProtocol):
    """Refuses heads that are too slow or too large, waits for slow readers, and knows the hot paths."""

    _head_bytes = 0
    _in_body = False
    _in_head = True
    _head_timer: asyncio.TimerHandle | None = None
    _busy = False
    _idle_since: float | None = None
    _idle_timer: asyncio.TimerHandle | None = None
    _unsent = 0
    _running: Turn | None = None
    _standing: tuple[list[tuple[bytes, bytes]], bytes] = ([], b"")

    def __init__(self, *args: Any, **options: Any) -> None:
        self._target: list[bytes] = []
        self._fields: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self.on_url = self._target.append  # type: ignore[method-assign,assignment]  # what the parser calls
        self.on_header = self._fields.__setitem__  # type: ignore[method-assign,assignment]  # this too
        self.on_body = self._body.append  # type: ignore[method-assign,assignment]  # and this
        super().__init__(*args, **options)
        self._hot: dict[bytes, Hot] = getattr(self.app, "hot", {})

    # ── the connection ──

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        if self._idle_timer:
            self._idle_timer.cancel()
        self.pipeline.clear()
        if isinstance(self.cycle, Turn):
            self.cycle = None  # as it is before the first
        super().connection_lost(exc)
        if self._running:
            self._running.lost()

    def data_received(self, data: bytes) -> None:
        continued = self._in_head
        if (
            len(data) > MAX_HEAD_BYTES
            and not self._in_body
            and data.find(_END_OF_HEAD, 0, MAX_HEAD_BYTES) < 0
        ):
            self._refuse(_TOO_LARGE)
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as declined:
            self._go_on_without_upgrade(data[declined.args[0] :])
            return
        except httptools.HttpParserError:
            self._give_up()
            return
        if self._in_head:
            self._bound(len(data) if continued else 0)
            return
        if self._head_timer:
            self._disarm()
        if self._body:
            self._hand_over(more=True)
            self._head_bytes = 0
        elif self._in_body and not continued:  # the frames of chunks, and the fields after the last
            self._bound_frames(len(data))

    def pause_writing(self) -> None:
        super().pause_writing()
        if not self._busy:
            self.flow.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self._busy and not self.transport.is_closing():
            self._go_on()

    # ── a request ──

    def on_message_begin(self) -> None:
        self._in_head = True
        self._idle_since = None
        self._head_bytes = 0
        self._target.clear()
        self._fields.clear()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._in_body = True
        self._head_bytes = 0
        if self.parser.should_upgrade():
            return  # the parser stops here, and `data_received` goes on
        if len(self.pipeline) >= MAX_PIPELINED:
            self.transport.abort()
            return
        target = b"".join(self._target)
        endpoint = self._hot.get(target.partition(b"?")[0])
        fields = self._fields
        names = b"\n".join(fields).lower().split(b"\n")  # no name has a line break in it
        headers = dict(zip(names, fields.values(), strict=False))  # of none, the name of none is left
        if endpoint is None or self.parser.get_method() != b"POST":
            self._by_asgi(target, headers)
            return
        stays = self.parser.should_keep_alive()
        is_old = (not stays or b"connection" in headers) and self.parser.get_http_version() == "1.0"
        turn = Turn(self, headers, stays and not is_old, not is_old)
        self.cycle = turn  # type: ignore[assignment]  # it has all that is asked of a cycle
        if self._busy or self.flow.write_paused:
            self.flow.pause_reading()
            self.pipeline.appendleft((turn, endpoint))  # type: ignore[arg-type]  # see `_start_asgi_task`
        else:
            self._start_asgi_task(turn, endpoint)

    def on_message_complete(self) -> None:
        self._in_body = False
        if not self.parser.should_upgrade():
            self._hand_over(more=False)

    def _by_asgi(self, target: bytes, headers: dict[bytes, bytes]) -> None:
        """uvicorn's way."""
        super().on_message_begin()
        self.url = target
        self.headers += headers.items()
        self.expect_100_continue = headers.get(b"expect", b"").lower() == b"100-continue"
        super().on_headers_complete()

    def _hand_over(self, *, more: bool) -> None:
        """Gives what has come of a body to whoever reads it; nobody does after the answer."""
        cycle, parts = self.cycle, self._body
        if not cycle.response_complete:
            if isinstance(cycle, Turn):
                cycle.feed(parts, more=more)
            else:
                super().on_body(b"".join(parts))
                if not more:
                    super().on_message_complete()
        parts.clear()

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """No upgrade is offered here, and who asks for one must be answered as if he had not (RFC 9110
        § 7.8). The parser cannot be told so: the request is read again, without the question."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._give_up()
            return
        lines = [b"%b %b HTTP/1.1" % (method, b"".join(self._target))]
        for name, value in self._fields.items():
            if name.lower() not in _UPGRADING:
                lines.append(b"%b: %b" % (name, value))
            elif name.lower() == b"connection" and b"close" in value.lower():
                lines.append(b"connection: close")
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join([*lines, b"", rest]))

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._busy = True
        if not isinstance(cycle, Turn):
            self._running = None
            super()._start_asgi_task(cycle, app)
            return
        self._running = cycle
        cycle.task = task = self.loop.create_task(app.serve(cycle))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    # ── an answer ──

    def standing_lines(self) -> bytes:
        """Header lines that every answer has; uvicorn makes new ones every second, for the date."""
        headers = self.server_state.default_headers
        known = BoundedProtocol._standing
        if known[0] is not headers:
            lines = b"".join([b"%b: %b\r\n" % header for header in headers])
            known = BoundedProtocol._standing = (headers, lines)
        return known[1]

    def on_response_complete(self) -> None:
        """uvicorn's, but for the timer: one a connection that looks when the last answer was, instead of one
        an answer. A timer of uvloop's costs as much as reading a request's head."""
        self.server_state.total_requests += 1
        self._busy = False
        self._running = None
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._unsent = 0
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._look)
        if self.flow.write_paused:
            self.flow.pause_reading()
        elif not self.transport.is_closing():
            self._go_on()

    def _go_on(self) -> None:
        """To the next request, if it has come."""
        self.flow.resume_reading()
        if self.pipeline:
            self._idle_since = None
            self._start_asgi_task(*self.pipeline.pop())

    def _look(self) -> None:
        """Closes a connection that has been idle for long enough, or comes back when it would be. One whose
        peer takes what it was sent, however slowly, is not idle."""
        self._idle_timer = None
        if self._idle_since is None:
            return
        unsent, before = self.transport.get_write_buffer_size(), self._unsent
        left_s = self._idle_since + self.timeout_keep_alive - self.loop.time()
        self._unsent = unsent
        if unsent and (not before or unsent < before):
            left_s = self.timeout_keep_alive
        if left_s > 0.0:
            self._idle_timer = self.loop.call_later(left_s, self._look)
        elif unsent:
            self.transport.abort()
        else:
            self.transport.close()

    # ── a head that is not as it should be ──

    def _give_up(self) -> None:
        """What came is not HTTP. While an answer is under way, nothing else may be written into it."""
        self.logger.warning(_NOT_HTTP)
        if self._busy:
            self.transport.abort()
        else:
            self.send_400_response(_NOT_HTTP)

    def _bound(self, more: int) -> None:
        self._head_bytes += more
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(_TOO_LARGE)
        elif self._head_timer is None:
            self._arm()

    def _bound_frames(self, more: int) -> None:
        """The fields that follow a body are bounded like those before it: the parser keeps them all."""
        self._head_bytes += more
        if self._head_bytes > MAX_HEAD_BYTES:
            self.transport.abort()

    def _arm(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_PATIENCE_S, self._refuse, _TIMED_OUT)

    def _disarm(self) -> None:
        if self._head_timer:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, answer: bytes) -> None:
        self._disarm()
        if self._busy:
            self._arm()  # an answer is under way on this connection: its next head waits with it
            return
        transport: Any = self.transport
        if transport is not None and not transport.is_closing():
            transport.write(answer)
            transport.close()
