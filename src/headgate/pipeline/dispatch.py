"""Dispatch: asks one upstream, and reads its answer in the caller's own dialect.

The leaf of every stack. Marries a link (how to ask and how to read, sans-I/O) with a transport (bytes to
and from one base URL). The context opens with the first complete event of a stream, or with the whole of a
non-streamed answer: until then any failure means that somebody else may still be asked. Holds the
upstream's response until the context is left, which closes it at once.

Known weakness: a non-streamed answer is held in memory whole.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from headgate.core.call import Call, Reply, Source
from headgate.core.errors import UpstreamInterrupted, UpstreamUnavailable
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

    @asynccontextmanager
    async def __call__(self, call: Call) -> AsyncIterator[Reply]:
        exchange = self._link.open(call.payload)
        asked_at = self._clock.now()
        async with self._transport(_traced(exchange.outgoing, call), stream=exchange.stream) as response:
            if response.status != 200:
                body = (await response.read())[:MAX_ERROR_BODY]
                raise self._link.refusal(response.status, response.header, body, self._clock.wall())
            first = await _first(exchange, response)
            yield Reply(
                source=self._source,
                seen=exchange.seen,
                body=_Body(exchange, response, first) if exchange.stream else _Empty(),
                tail=exchange.tail,
                stream=exchange.stream,
                asked_at=asked_at,
                opened_at=self._clock.now(),
            )


def _traced(outgoing: Outgoing, call: Call) -> Outgoing:
    if call.traceparent is None:
        return outgoing
    headers = {**outgoing.headers, "traceparent": call.traceparent}
    return Outgoing(outgoing.path, outgoing.body, headers)


async def _first(exchange: Exchange, response: Response) -> bytes:
    """Reads until the answer has begun: what may leave at once. A failure here may be asked elsewhere."""
    try:
        if not exchange.stream:
            exchange.feed(await response.read())
            return exchange.close()
        out = b""
        while not exchange.seen.started:
            chunk = await response.chunk()
            if chunk is None:
                return out + exchange.close()
            out += exchange.feed(chunk)
        return out
    except UpstreamInterrupted as cut:
        raise UpstreamUnavailable(cut.message, status=cut.status, kind=cut.kind) from cut


class _Body:
    """The rest of a stream. An iterator by hand: nothing to close, and cheap per piece."""

    __slots__ = ("_ended", "_exchange", "_first", "_response")

    def __init__(self, exchange: Exchange, response: Response, first: bytes) -> None:
        self._exchange = exchange
        self._response = response
        self._first = first
        self._ended = False

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
