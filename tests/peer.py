"""A server that does what it is told, byte by byte, for tests of the client's side of HTTP."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from headgate.adapters.http.direct import DirectTransport
from headgate.ports.transport import Outgoing, Transport

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
ASKED = Outgoing("/chat", b'{"model": "m"}')
Play = Callable[["Peer"], Awaitable[None]]
Run = Callable[[Coroutine[Any, Any, Any]], Any]
"""Runs a story to its end, on a loop of its own."""


class Peer:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.request = b""

    async def asked(self) -> bytes:
        """The next request, whole. Raises `EOFError` where the client hangs up instead."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        self.request = head + await self.reader.readexactly(length)
        return self.request

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def gone(self) -> None:
        """Returns when the client has hung up."""
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                continue

    def reset(self) -> None:
        self.writer.transport.abort()


class Server:
    """`plays[n]` is what the nth connection meets; the last one is for all that follow."""

    def __init__(self, *plays: Play) -> None:
        self.plays = plays
        self.peers: list[Peer] = []
        self.gone: list[Peer] = []
        self.url = ""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        self.peers.append(peer)
        try:
            await self.plays[min(len(self.peers), len(self.plays)) - 1](peer)
        except (EOFError, ConnectionError):
            pass
        finally:
            self.gone.append(peer)
            writer.close()

    async def until_gone(self, count: int) -> None:
        """Waits until that many connections are over."""
        async with asyncio.timeout(5):
            while len(self.gone) < count:
                await turn_of_the_loop()


async def turn_of_the_loop() -> None:
    turned = asyncio.Event()
    asyncio.get_running_loop().call_later(0.001, turned.set)
    await turned.wait()


@asynccontextmanager
async def serving(*plays: Play, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(*plays)
    async with await asyncio.start_server(server, "127.0.0.1", 0, ssl=tls) as listener:
        server.url = f"http{'s' if tls else ''}://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
        yield server


async def answers(peer: Peer) -> None:
    while await peer.asked():
        await peer.say(OK)


def saying(*pieces: bytes) -> Play:
    """A server that says this to one request, piece by piece, and hangs up."""

    async def play(peer: Peer) -> None:
        await peer.asked()
        for piece in pieces:
            await peer.say(piece)
            await turn_of_the_loop()

    return play


def to(server: Server) -> DirectTransport:
    return DirectTransport(server.url, headers={"Authorization": "Bearer sk-1"}, connect_s=1.0)


async def told(transport: Transport, *, stream: bool = False) -> bytes:
    async with transport(ASKED, stream=stream) as response:
        return await response.read()
