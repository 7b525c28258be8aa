"""Dispatch: asks one upstream, and reads its answer in the caller's own dialect.

The leaf of every stack. Marries a link (how to ask and how to read, sans-I/O) with a transport (bytes to
and from one base URL). The context opens with the first complete event of a stream, or with the whole of a
non-streamed answer: until then any failure means that somebody else may still be asked. Holds the
upstream's response until the context is left, which closes it at once.

Known weakness: a non-streamed answer is held in memory whole.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType

from headgate.core.call import Call, Reply, Source
from headgate.core.errors import UpstreamError, UpstreamInterrupted, UpstreamUnavailable
from headgate.ports.clock import Clock
from headgate.ports.codec import Exchange, Link
from headgate.ports.transport import Outgoing, Response, Transport

MAX_ERROR_BODY = 64 * 1024
"""Bytes of an error document that are worth reading."""


class Dispatch:
    def __init__(self, *, link: Link, transport: Transport, source: Source, clock: Clock) -> None:
        self._link = link
        self._transport = transport
        self._source = source
        self._clock = clock

    def __call__(self, call: Call) -> _Asked:
        return _Asked(self._link, self._transport, self._source, self._clock, call)


class _Asked:
    """One upstream being asked. A hand-written context: it is entered on every attempt."""

    __slots__ = ("_call", "_clock", "_link", "_opened", "_source", "_transport")

    def __init__(self, link: Link, transport: Transport, source: Source, clock: Clock, call: Call) -> None:
        self._link = link
        self._transport = transport
        self._source = source
        self._clock = clock
        self._call = call

    async def __aenter__(self) -> Reply:
        exchange = self._link.open(self._call.payload)
        asked_at = self._clock.now()
        outgoing = _traced(exchange.outgoing, self._call)
        self._opened = self._transport(outgoing, stream=exchange.stream)
        response = await self._opened.__aenter__()
        try:
            if response.status != 200:
                raise await self._refusal(response)
            body = await _begun(exchange, response) if exchange.stream else await _whole(exchange, response)
        except BaseException as error:
            await self._opened.__aexit__(type(error), error, error.__traceback__)
            raise
        return Reply(
            source=self._source,
            seen=exchange.seen,
            body=body,
            tail=exchange.tail,
            stream=exchange.stream,
            asked_at=asked_at,
            opened_at=self._clock.now(),
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._opened.__aexit__(kind, error, trace)

    async def _refusal(self, response: Response) -> UpstreamError:
        body = (await response.read())[:MAX_ERROR_BODY]
        return self._link.refusal(response.status, response.header, body, self._clock.wall())


def _traced(outgoing: Outgoing, call: Call) -> Outgoing:
    if call.traceparent is None:
        return outgoing
    headers = {**outgoing.headers, "traceparent": call.traceparent}
    return Outgoing(outgoing.path, outgoing.body, headers)


async def _whole(exchange: Exchange, response: Response) -> AsyncIterator[bytes]:
    """Reads a non-streamed answer. Whatever is wrong with it, somebody else may still be asked."""
    try:
        exchange.feed(await response.read())
        exchange.close()
    except UpstreamInterrupted as cut:
        raise _unavailable(cut) from cut
    return _NOTHING


async def _begun(exchange: Exchange, response: Response) -> AsyncIterator[bytes]:
    """Reads a stream until its first event. What fails before that, somebody else may still be asked."""
    out, ended = b"", False
    try:
        while not exchange.seen.started and not ended:
            chunk = await response.chunk()
            ended = chunk is None
            out += exchange.close() if chunk is None else exchange.feed(chunk)
    except UpstreamInterrupted as cut:
        raise _unavailable(cut) from cut
    return _Body(exchange, response, out, ended)


def _unavailable(cut: UpstreamInterrupted) -> UpstreamUnavailable:
    return UpstreamUnavailable(cut.message, status=cut.status, kind=cut.kind)


class _Body:
    """The rest of a stream. An iterator by hand: nothing to close, and cheap per piece."""

    __slots__ = ("_ended", "_exchange", "_first", "_response")

    def __init__(self, exchange: Exchange, response: Response, first: bytes, ended: bool) -> None:
        self._exchange = exchange
        self._response = response
        self._first = first
        self._ended = ended

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        while not self._ended:
            if out := await self._more():
                return out
        raise StopAsyncIteration

    async def _more(self) -> bytes:
        try:
            chunk = await self._response.chunk()
            if chunk is None:
                self._ended = True
                return self._exchange.close()
            return self._exchange.feed(chunk)
        except UpstreamUnavailable as broken:
            raise UpstreamInterrupted(broken.message, status=broken.status, kind=broken.kind) from broken


class _Empty:
    """The body of an answer that is all tail."""

    __slots__ = ()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration


_NOTHING = _Empty()
