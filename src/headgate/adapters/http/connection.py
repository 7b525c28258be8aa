"""One connection to an upstream, and the HTTP/1.1 it speaks: an exchange at a time.

llhttp (through httptools) parses; what it finds is kept by methods of built-in types, so that only the end
of the head and the end of the answer cost a call of Python's. No byte is read twice, no task and no thread
stands between the socket and whoever waits.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from contextlib import suppress
from typing import cast

import httptools

from headgate.core.errors import UpstreamUnavailable

MAX_HEAD_BYTES = 64 * 1024
MAX_UNREAD_BYTES = 64 * 1024
"""As much of a stream is held for a reader who is slow; the upstream waits with the rest."""
MAX_DOCUMENT_BYTES = 128 * 1024 * 1024
"""An answer that is read whole and larger than this is not an answer."""

STALE_S = 1.0
"""A connection that was closed while it was idle says so a round trip after it was used. However long one
takes, what breaks later than this has had the request."""

KEEP_ALIVE_S = 30
"""How often the kernel asks whether a silent upstream is still there, so that no router forgets about it."""

_UNDISTURBED = b""
"""A header's name that no answer has: it is there as long as nothing has come after a complete answer."""


class Connection(asyncio.Protocol):
    """A connection that has been made. `ask`, wait, read until `complete`; then it may be asked again.

    `status` is 0 until the head of an answer is here; `pieces` are those of its body that nobody has taken,
    as its chunks were (of an answer that is not `live`, all at once); `headers` are those of its head,
    whatever follows it; `failure` is what broke it. `idle_since` belongs to whoever keeps it idle, `stale_s`
    (about a round trip) to whoever has made it.
    """

    __slots__ = (
        "_asked_at",
        "_body",
        "_fields",
        "_got",
        "_keep",
        "_live",
        "_loop",
        "_parser",
        "_paused",
        "_transport",
        "_waiter",
        "complete",
        "failure",
        "headers",
        "idle_since",
        "on_body",
        "on_header",
        "on_message_begin",
        "pieces",
        "stale_s",
        "status",
    )

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.headers: dict[bytes, bytes] = {}
        self.pieces: deque[bytes] = deque()
        self._body: list[bytes] = []
        self._fields: dict[bytes, bytes] = {}  # what the parser finds, also after the body
        self.on_message_begin = self._fields.clear
        self.on_header = self._fields.__setitem__
        self.on_body = self._body.append
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self.failure: UpstreamUnavailable | None = None
        self.status = self._got = 0
        self.complete = True
        self._live = self._keep = self._paused = False
        self._asked_at = self.idle_since = 0.0
        self.stale_s = STALE_S

    # ── for who holds it ──

    @property
    def is_closing(self) -> bool:
        return self._transport.is_closing()

    @property
    def is_reusable(self) -> bool:
        """Whether the exchange has ended so that another may follow: both sides have said all they had to."""
        return (
            self.complete
            and self._keep
            and _UNDISTURBED in self._fields
            and not self._transport.is_closing()
            and not self._transport.get_write_buffer_size()
        )

    @property
    def was_stale(self) -> bool:
        """Whether the connection broke as one does that had been closed before it was used: within about a
        round trip, and without a byte of an answer. An upstream that reads a request and dies that soon looks
        the same."""
        return not self.status and not self._got and self._loop.time() - self._asked_at < self.stale_s

    def ask(self, request: bytes, *, live: bool) -> asyncio.Future[None]:
        """Sends a request, whole. What is returned is done when the answer is complete (`live`: when its head
        is here), or the connection has broken: `failure` tells."""
        self.status = self._got = 0
        self.complete = False
        self.pieces.clear()
        self._live = live
        self._asked_at = self._loop.time()
        self._transport.write(request)
        return self.more()

    def more(self) -> asyncio.Future[None]:
        """Is done when something has happened: a piece, the end, a failure. One may wait at a time."""
        self._waiter = waiter = self._loop.create_future()
        return waiter

    def take(self) -> bytes:
        """The next piece. There must be one."""
        pieces = self.pieces
        if len(pieces) == 1:
            self._got = 0
            if self._paused:
                self._paused = False
                self._transport.resume_reading()
        return pieces.popleft()

    def abort(self) -> None:
        """Closes it, whatever is under way."""
        self._transport.abort()

    # ── for the loop ──

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one only in shape
        with suppress(OSError, ValueError):  # it may be gone already
            made = transport.get_extra_info("socket")
            made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):
                if hasattr(socket, option):
                    made.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), KEEP_ALIVE_S)

    def data_received(self, data: bytes) -> None:
        if self.complete or self._parser is None:
            self._transport.abort()  # nobody has asked
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._got += len(data)
            if self.complete:  # what follows an answer does not spoil it, only the connection
                self._transport.abort()
                self._wake()
            else:
                self._break(UpstreamUnavailable("The upstream's answer is not HTTP."))
            return
        if not (self.complete or (self._live and self.status)):
            self._bound(len(data), MAX_DOCUMENT_BYTES if self.status else MAX_HEAD_BYTES)
            return
        if not self.complete:
            self._count(len(data))
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.complete:
            if exc is None and self.status and self._ends_with_the_connection():
                self.on_message_complete()
                self._keep = False
            elif self.failure is None:
                self.failure = UpstreamUnavailable("The connection to the upstream broke.")
            self._wake()
        self._parser = None  # which knows us

    # ── for the parser ──

    def on_headers_complete(self) -> None:
        if self._parser is not None and not self.complete:
            status = self._parser.get_status_code()
            if status < 100:
                raise ValueError(status)  # the parser stops, and `data_received` hears of it
            if status >= 200:
                self.status = status
                self.headers = self._fields.copy()

    def on_message_complete(self) -> None:
        if self.complete or not self.status:
            return
        if self._body:
            self._let_go()
        self.complete = True
        self._keep = self._parser is not None and self._parser.should_keep_alive()
        self._fields[_UNDISTURBED] = b""

    # ── inside ──

    def _let_go(self) -> None:
        """Hands what the parser has found to the reader. What it may find after the end nobody gets."""
        self.pieces += self._body
        self._body.clear()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _break(self, failure: UpstreamUnavailable) -> None:
        self.failure = failure
        self._transport.abort()
        self._wake()

    def _count(self, size: int) -> None:
        """Counts what has come of a live answer. Where nothing of it is a piece, it is the frames of chunks
        and the fields after the last, which the parser keeps: bounded like a head."""
        if self._body:
            self._let_go()
        if not self.pieces:
            self._bound(size, MAX_HEAD_BYTES)
        elif self._waiter is None:
            self._hold_back(size)

    def _hold_back(self, size: int) -> None:
        """Counts what a slow reader has not taken, and stops reading where it is enough."""
        self._got += size
        if self._got > MAX_UNREAD_BYTES and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _bound(self, size: int, at_most: int) -> None:
        """Counts what has come of an answer that somebody waits for."""
        self._got += size
        if self._got > at_most:
            self._break(UpstreamUnavailable("The upstream's answer is too large."))

    def _ends_with_the_connection(self) -> bool:
        """Whether the answer has no other end (RFC 9112 § 6.3)."""
        names = {name.lower() for name in self.headers}
        return b"content-length" not in names and b"transfer-encoding" not in names
