"""`ports.Transport` over connections of our own: asyncio's transports, httptools' parser, nothing between."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from functools import lru_cache
from types import TracebackType
from urllib.parse import quote, urlsplit

from headgate.adapters.http.connection import MAX_DOCUMENT_BYTES, STALE_S, Connection
from headgate.core.errors import UpstreamUnavailable
from headgate.ports.transport import Outgoing

IDLE_S = 30.0
"""A connection that nobody has used for so long is closed. Most servers give them 60 s and more; those that
give less close it themselves."""

FRESH_S = 30.0
"""How long the addresses of a name are used before they are looked up again."""

SLACK_S = 0.02
"""How much longer than it took to connect, which is a round trip or more, a closed connection may take to say
that it is one: a busy loop hears of it late."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_TARGET = "/?:@!$&'()*+,;=~%[]"
_FRAMING = frozenset({"connection", "content-length", "transfer-encoding"})


class DirectTransport:
    """Posts to one base URL with one set of credentials, over a pool of kept-alive connections.

    Redirects are not followed: a provider that answers with one is misconfigured, and a request carrying a
    key goes where the operator said or nowhere. Answers are asked for uncompressed: compressing a stream
    holds its events back. There are as many connections as requests at once; leaving an exchange that has not
    ended closes its connection at once. Build it inside the loop it serves. Idle connections close when the
    last who holds it lets go, or the loop ends.

    A request on a kept connection that breaks within about a round trip, before a byte of an answer, is sent
    again, once, on a new one: so does one break that was closed while it was idle, and nobody has read the
    request. An upstream that reads it and dies within that time cannot be told from that, and gets it twice;
    what breaks later is never repeated here.

    Known weakness: HTTP/1.1 alone, so that every request under way has a connection of its own.
    """

    def __init__(self, base_url: str, *, headers: Mapping[str, str], connect_s: float) -> None:
        """Raises `ValueError` for headers that are none."""
        parts = urlsplit(base_url.rstrip("/"))
        self._path = parts.path
        self._origin = _Origin(parts.hostname or "", parts.port, is_tls=parts.scheme == "https")
        self._fixed = {"host": parts.netloc, "accept": "*/*", "content-type": "application/json"}
        self._fixed |= {name.lower(): value for name, value in headers.items()}
        self._fixed.setdefault("user-agent", "headgate")
        self._heads: dict[str, tuple[Mapping[str, str], bytes]] = {}
        self._connect_s = connect_s
        self._idle = _Idle()
        self._end: AsyncGenerator[None, None] | None = None
        self._head(Outgoing("/", b""))

    def __call__(self, request: Outgoing, *, stream: bool) -> _Exchange:
        known = self._heads.get(request.path)
        head = known[1] if known and known[0] == request.headers else self._head(request)
        body = request.body
        return _Exchange(self, self._idle, b"%b%d\r\n\r\n%b" % (head, len(body), body), stream)

    def _head(self, request: Outgoing) -> bytes:
        """A request's head up to its length, which is last. Kept: there are as many as paths."""
        lines = [f"POST {quote(self._path + request.path, safe=_TARGET)} HTTP/1.1"]
        for name, value in {**self._fixed, **request.headers}.items():
            if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value) or name in _FRAMING:
                raise ValueError(f"{name!r} cannot be sent as a header of a request")
            lines.append(f"{name}: {value}")
        head = "\r\n".join([*lines, "content-length: "]).encode("latin-1")
        self._heads[request.path] = (request.headers, head)
        return head

    async def connect(self) -> Connection:
        """A new connection. Raises `UpstreamUnavailable`, in words that name neither address nor key."""
        if self._end is None:
            self._end = _close_at_the_end(self._idle)
            await anext(self._end)
        try:
            async with asyncio.timeout(self._connect_s):
                return await self._origin.reach(self._connect_s)
        except TimeoutError as error:
            raise UpstreamUnavailable("The upstream did not accept the connection in time.") from error
        except (OSError, UnicodeError) as error:
            raise UpstreamUnavailable("The upstream could not be connected to.") from error


class _Exchange:
    """One request and its answer. A hand-written context: there is one on every attempt."""

    __slots__ = ("_connection", "_idle", "_live", "_request", "_transport", "status")

    status: int
    _connection: Connection

    def __init__(self, transport: DirectTransport, idle: _Idle, request: bytes, live: bool) -> None:
        self._transport = transport
        self._idle = idle
        self._request = request
        self._live = live

    async def __aenter__(self) -> _Exchange:
        connection, is_used = self._idle.take(), True
        while True:
            if connection is None:
                connection, is_used = await self._transport.connect(), False
            try:
                await connection.ask(self._request, live=self._live)
            except BaseException:
                connection.abort()
                raise
            failure = connection.failure
            if failure is None:
                break
            if not is_used or not connection.was_stale:
                raise failure
            connection = None
        self._connection = connection
        self.status = connection.status
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection = self._connection
        del self._connection  # the next answer on it is somebody else's
        if connection.is_reusable:
            self._idle.keep(connection)
        else:
            connection.abort()

    def header(self, name: str) -> str | None:
        """A header's text; `None` also for one that is no text."""
        wanted = name.encode()
        for found, value in self._connection.headers.items():
            if found.lower() == wanted:
                return value.decode() if value.isascii() else None
        return None

    async def read(self) -> bytes:
        pieces = self._connection.pieces
        if self._connection.complete and len(pieces) == 1:
            return pieces.popleft()
        parts, size = [], 0
        while (piece := await self.chunk()) is not None:
            parts.append(piece)
            size += len(piece)
            if size > MAX_DOCUMENT_BYTES:
                raise UpstreamUnavailable("The upstream's answer is too large.")
        return b"".join(parts)

    async def chunk(self) -> bytes | None:
        connection = self._connection
        while True:
            if connection.pieces:
                return connection.take()
            if connection.complete:
                return None
            if connection.failure is not None:
                raise connection.failure
            await connection.more()


class _Idle:
    """Connections that nobody uses just now, the one used last on top: what is not needed grows old."""

    __slots__ = ("_closed", "_loop", "_stack", "_timer")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stack: list[Connection] = []
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def take(self) -> Connection | None:
        while self._stack:
            connection = self._stack.pop()
            if not connection.is_closing:
                return connection
        return None

    def keep(self, connection: Connection) -> None:
        if self._closed:
            connection.abort()
            return
        connection.idle_since = self._loop.time()
        self._stack.append(connection)
        if self._timer is None:
            self._timer = self._loop.call_later(IDLE_S, self._look)

    def close(self) -> None:
        """Closes them all, and those that come."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for connection in self._stack:
            connection.abort()
        self._stack.clear()

    def _look(self) -> None:
        """Closes those that are too old; comes back when the next will be."""
        too_old, self._timer = self._loop.time() - IDLE_S, None
        young = next((at for at, one in enumerate(self._stack) if one.idle_since > too_old), len(self._stack))
        for connection in self._stack[:young]:
            connection.abort()
        del self._stack[:young]
        if self._stack:
            left_s = self._stack[0].idle_since - too_old
            self._timer = self._loop.call_later(left_s, self._look)


async def _close_at_the_end(idle: _Idle) -> AsyncGenerator[None, None]:
    """Closes what is idle when this generator is forgotten, or when the loop shuts down: it then closes every
    generator that has begun."""
    try:
        yield
    finally:
        idle.close()


class _Origin:
    """Where an upstream is: a host, all its addresses, and whether it is spoken to over TLS."""

    def __init__(self, host: str, port: int | None, *, is_tls: bool) -> None:
        self._host = host
        self._port = port or (443 if is_tls else 80)
        self._tls = _tls() if is_tls else None
        self._good = ""
        self._is_address = _is_address(host)
        self._known: list[str] = []
        self._known_since = 0.0
        self._asking: asyncio.Future[list[str]] | None = None

    async def reach(self, within_s: float) -> Connection:
        """A connection to the first address that accepts one, beginning with the one that did last time.
        Each gets an equal share of the time that is left."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + within_s
        addresses = await self._addresses(loop)
        for left in range(len(addresses), 0, -1):
            address, begun_at = addresses[-left], loop.time()
            try:
                async with asyncio.timeout((ends_at - loop.time()) / left):
                    _, connection = await loop.create_connection(
                        Connection,
                        address,
                        self._port,
                        ssl=self._tls,
                        server_hostname=self._host if self._tls else None,
                    )
            except (OSError, asyncio.CancelledError) as error:
                if left == 1:
                    self._known = []  # it may live elsewhere by now
                if left == 1 or not isinstance(error, OSError):
                    raise
            else:
                self._good = address
                connection.stale_s = min(STALE_S, SLACK_S + loop.time() - begun_at)
                return connection
        raise OSError(f"{self._host} has no address")

    async def _addresses(self, loop: asyncio.AbstractEventLoop) -> list[str]:
        """All there are, the one that did last time first. Old ones do until the new are here."""
        if self._is_address:
            return [self._host]
        if not self._known or loop.time() - self._known_since >= FRESH_S:
            if self._asking is None:
                self._asking = _look_up(loop, self._host, self._port)
                self._asking.add_done_callback(self._looked_up)
            if not self._known:
                await asyncio.shield(self._asking)
        return sorted(self._known, key=self._good.__ne__)

    def _looked_up(self, asking: asyncio.Future[list[str]]) -> None:
        self._asking = None
        if not asking.cancelled() and asking.exception() is None:
            self._known, self._known_since = asking.result(), asking.get_loop().time()


def _look_up(loop: asyncio.AbstractEventLoop, host: str, port: int) -> asyncio.Future[list[str]]:
    """All addresses of a name, from a thread of its own. The loop has few threads for that (libuv's four, of
    which two may look up names), and one name whose servers are silent would hold up every other."""
    asking: asyncio.Future[list[str]] = loop.create_future()

    def tell(found: list[str] | Exception) -> None:
        if asking.done():
            return
        if isinstance(found, Exception):
            asking.set_exception(found)
        else:
            asking.set_result(found)

    def ask() -> None:
        found: list[str] | Exception
        try:
            found = _addresses_of(host, port)
        except (OSError, UnicodeError) as error:  # whoever waits gets it
            found = error
        with suppress(RuntimeError):  # the loop has closed meanwhile
            loop.call_soon_threadsafe(tell, found)

    threading.Thread(target=ask, name="headgate-names", daemon=True).start()
    return asking


def _addresses_of(host: str, port: int) -> list[str]:
    """Blocks as long as the system's resolver does: 40 s where nobody answers. Raises `OSError`, and
    `UnicodeError` for what can be no name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """The system's authorities, or those of `SSL_CERT_FILE`. One for all: reading them takes 20 ms."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
