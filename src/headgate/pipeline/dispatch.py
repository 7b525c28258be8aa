"""Dispatch: asks one upstream, and reads its answer in the caller's own dialect.

The leaf of every stack. Marries a link (how to ask and how to read, sans-I/O) with a transport (bytes to
and from one base URL). The context opens with the first complete event of a stream, or with the whole of a
non-streamed answer: until then any failure means that somebody else may still be asked. Holds the
upstream's response until the context is left, which closes it at once.

Known weakness: a non-streamed answer is held in memory whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType

from headgate.core.call import Call, Reply, Source
from headgate.core.directives import said_of
from headgate.core.errors import UpstreamError, UpstreamInterrupted, UpstreamUnavailable
from headgate.ports.clock import Clock
from headgate.ports.codec import Exchange, Link
from headgate.ports.transport import Outgoing, Response, Transport

LINGER_S = 0.5
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
        outgoing = exchange.outgoing
        if self._call.traceparent is not None:
            outgoing = _traced(outgoing, self._call.traceparent)
        self._opened = self._transport(outgoing, stream=exchange.stream)
        response = await self._opened.__aenter__()
        try:
            if response.status != 200:
                raise await self._refusal(response)
            if self._call.identity is not None and (said := response.header("cache-control")) is not None:
                exchange.seen.keepable, exchange.seen.said = said_of(said)
            exchange.seen.standing = self._link.standing(response.header, self._clock.wall())
            body: AsyncIterator[bytes] = _NOTHING
            if exchange.stream:
                body = await _begun(exchange, response, self._clock)
            else:
                _gather(exchange, await response.read())
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
        wall = self._clock.wall()
        error = self._link.refusal(response.status, response.header, body, wall)
        error.standing = self._link.standing(response.header, wall)
        return error


def _traced(outgoing: Outgoing, traceparent: str) -> Outgoing:
    headers = {**outgoing.headers, "traceparent": traceparent}
    return Outgoing(outgoing.path, outgoing.body, headers)


def _gather(exchange: Exchange, document: bytes) -> None:
    """Takes in a non-streamed answer. Whatever is wrong with it, somebody else may still be asked."""
    try:
        exchange.feed(document)
        exchange.close()
    except UpstreamInterrupted as cut:
        raise _unavailable(cut) from cut


async def _begun(exchange: Exchange, response: Response, clock: Clock) -> AsyncIterator[bytes]:
    """Reads a stream until its first event. What fails before that, somebody else may still be asked."""
    out, seen = b"", exchange.seen
    try:
        while not seen.started and not seen.over:
            chunk = await response.chunk()
            seen.over = chunk is None
            out += exchange.close() if chunk is None else exchange.feed(chunk)
    except UpstreamInterrupted as cut:
        raise _unavailable(cut) from cut
    return _Body(exchange, response, out, clock)


def _unavailable(cut: UpstreamInterrupted) -> UpstreamUnavailable:
    return UpstreamUnavailable(cut.message, status=cut.status, kind=cut.kind)


class _Body:
    """The rest of a stream. An iterator by hand: nothing to close, and one coroutine per piece."""

    __slots__ = ("_chunk", "_exchange", "_first", "_now", "_seen")

    def __init__(self, exchange: Exchange, response: Response, first: bytes, clock: Clock) -> None:
        self._exchange = exchange
        self._chunk = response.chunk
        self._first = first
        self._now = clock.now
        self._seen = exchange.seen

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        seen = self._seen
        if self._first:
            first, self._first = self._first, b""
            if seen.tape is not None:
                seen.tape.append(first)
            return first
        try:
            while not seen.over:
                seen.waiting_since = self._now()
                chunk = await (self._last_chunk() if seen.complete else self._chunk())
                seen.waiting_since = None
                if chunk is None:
                    seen.over = True
                    out = self._exchange.close()
                else:
                    out = self._exchange.feed(chunk)
                if out:
                    if seen.tape is not None:
                        seen.tape.append(out)
                    return out
        except UpstreamUnavailable as broken:
            raise UpstreamInterrupted(broken.message, status=broken.status, kind=broken.kind) from broken
        finally:
            seen.waiting_since = None
        raise StopAsyncIteration

    async def _last_chunk(self) -> bytes | None:
        """What follows a complete answer: its end, so that the connection can be used again. An upstream that
        keeps it open is not waited for."""
        try:
            async with asyncio.timeout(LINGER_S):
                return await self._chunk()
        except TimeoutError:
            return None


class _Empty:
    """The body of an answer that is all tail."""

    __slots__ = ()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration


_NOTHING = _Empty()
