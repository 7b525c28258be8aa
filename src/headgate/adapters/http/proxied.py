"""`ports.Transport` over pyreqwest (Rust's reqwest), which knows proxies: HTTP, CONNECT and SOCKS."""

from __future__ import annotations

from asyncio import CancelledError, current_task
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from types import TracebackType

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import ConnectError, PyreqwestError, RequestTimeoutError
from pyreqwest.http import Url
from pyreqwest.request import RequestBuilder, StreamRequest
from pyreqwest.response import Response as Answer
from pyreqwest.response import ResponseBodyReader

from headgate.core.errors import UpstreamUnavailable
from headgate.ports.transport import Outgoing, Response

USER_AGENT = "headgate"

GRACE_S = 1.0
"""How much longer than anybody's patience a request may live: the layers above give up first, and say why."""


def unavailable(error: PyreqwestError) -> UpstreamUnavailable:
    """A connection's failure in words that name neither address nor key."""
    if isinstance(error, ConnectError):
        return UpstreamUnavailable("The upstream could not be connected to.", reached=False)
    if isinstance(error, RequestTimeoutError):
        return UpstreamUnavailable("The upstream did not accept the connection in time.", reached=False)
    return UpstreamUnavailable("The connection to the upstream broke.")


class ProxiedTransport:
    """Posts to one base URL with one set of credentials, through the proxy that the environment names.

    Redirects are not followed: a provider that answers with one is misconfigured, and a request carrying a
    key goes where the operator said or nowhere. Answers are asked for uncompressed: compressing a stream
    holds its events back. Build it inside the loop it serves. Connections close when the last who holds it
    lets go.

    Known weakness: pyreqwest lets a request that is cancelled before its answer has a head run on, and
    its connection with it, until the upstream answers or `total_s` have passed. From the head on, leaving the
    context closes the connection at once.
    """

    def __init__(
        self, base_url: str, *, headers: Mapping[str, str], connect_s: float, total_s: float
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._urls: dict[str, Url] = {}
        self._at_most = timedelta(seconds=total_s + GRACE_S)
        self._client: Client = (
            ClientBuilder()
            .user_agent(USER_AGENT)
            .default_headers({"content-type": "application/json", **headers})
            .connect_timeout(timedelta(seconds=connect_s))
            .follow_redirects(False)
            .gzip(False)
            .brotli(False)
            .zstd(False)
            .deflate(False)
            .build()
        )

    def __call__(self, request: Outgoing, *, stream: bool) -> AbstractAsyncContextManager[Response]:
        url = self._urls.get(request.path)
        if url is None:
            url = self._urls[request.path] = Url(self._base_url + request.path)
        builder = self._client.post(url).body_bytes(request.body).timeout(self._at_most)
        if request.headers:
            builder = builder.headers(dict(request.headers))
        return _Streamed(builder) if stream else _Whole(builder)


def _cancellations() -> int:
    """How often this task has been cancelled. To be compared around every wait for pyreqwest: where an answer
    comes as the task is cancelled, it hands the answer out and forgets the cancellation."""
    task = current_task()
    return task.cancelling() if task else 0


def _heed(before: int) -> None:
    """Raises the cancellation that has come since there were `before` of them."""
    if _cancellations() > before:
        raise CancelledError


def _header(answer: Answer, name: str) -> str | None:
    """A header's text; `None` also for one that is no text."""
    try:
        return answer.get_header(name)
    except ValueError:
        return None


class _Whole:
    """An answer that is read whole before it opens."""

    __slots__ = ("_answer", "_builder", "_told", "status")

    status: int

    def __init__(self, builder: RequestBuilder) -> None:
        self._builder = builder
        self._told = False

    async def __aenter__(self) -> _Whole:
        cancelled = _cancellations()
        try:
            self._answer = await self._builder.build().send()
        except PyreqwestError as error:
            _heed(cancelled)
            raise unavailable(error) from error
        _heed(cancelled)
        self.status = self._answer.status
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def header(self, name: str) -> str | None:
        return _header(self._answer, name)

    async def read(self) -> bytes:
        return (await self._answer.bytes()).to_bytes()

    async def chunk(self) -> bytes | None:
        """The whole body at once, then nothing."""
        told, self._told = self._told, True
        return None if told else await self.read() or None


class _Streamed:
    """An answer that is read piece by piece, as the pieces arrive.

    `streamed_read_buffer_limit(0)`: pyreqwest otherwise holds back the first 64 KiB.
    """

    __slots__ = ("_answer", "_reader", "_request", "status")

    status: int
    _answer: Answer
    _reader: ResponseBodyReader

    def __init__(self, builder: RequestBuilder) -> None:
        self._request: StreamRequest = builder.streamed_read_buffer_limit(0).build_streamed()

    async def __aenter__(self) -> _Streamed:
        cancelled = _cancellations()
        try:
            self._answer = await self._request.__aenter__()
        except PyreqwestError as error:
            _heed(cancelled)
            raise unavailable(error) from error
        try:
            _heed(cancelled)
        except CancelledError:
            await self._request.__aexit__(None, None, None)
            raise
        self._reader = self._answer.body_reader
        self.status = self._answer.status
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._request.__aexit__(kind, error, trace)

    def header(self, name: str) -> str | None:
        return _header(self._answer, name)

    async def read(self) -> bytes:
        parts = []
        while (piece := await self.chunk()) is not None:
            parts.append(piece)
        return b"".join(parts)

    async def chunk(self) -> bytes | None:
        cancelled = _cancellations()
        try:
            piece = await self._reader.read_chunk()
        except PyreqwestError as error:
            _heed(cancelled)
            raise unavailable(error) from error
        _heed(cancelled)
        return None if piece is None else piece.to_bytes()
