"""What `adapters.http` promises beyond the port: when connections are kept, closed and tried again.

On both loops, against a server that does what it is told, byte by byte.
"""

from __future__ import annotations

import asyncio
import gc
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from headgate.adapters.http import connection as connections
from headgate.adapters.http import direct
from headgate.adapters.http.direct import DirectTransport
from headgate.core.errors import UpstreamUnavailable
from peer import ASKED, OK, Peer, Play, Run, answers, saying, serving, to, told, turn_of_the_loop

HERE = Path(__file__).parent
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


# ── connections that are kept ────────────────────────────────────────────────────────────────────


def test_one_connection_serves_one_after_the_other(run: Run) -> None:
    async def story() -> None:
        async with serving(answers) as server:
            transport = to(server)
            for stream in (False, True, True, False):
                assert await told(transport, stream=stream) == b"ok"
            assert len(server.peers) == 1
            await asyncio.gather(*(told(transport) for _ in range(5)))
            assert len(server.peers) == 5

    run(story())


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        OK + b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison",
        OK + b"HTTP/1.1 2",
        OK + b"\0nonsense",
        OK + b"HTTP/1.1 099 Odd\r\n\r\n",
    ],
    ids=["close", "http-1.0", "one-answer-too-many", "half-an-answer-too-many", "nonsense", "no-status"],
)
def test_some_connections_are_not_used_again(run: Run, answer: bytes) -> None:
    async def until_gone(peer: Peer) -> None:
        await peer.asked()
        await peer.say(answer)
        await peer.gone()

    async def story() -> None:
        async with serving(until_gone) as server:
            transport = to(server)
            for _ in range(3):
                assert await told(transport) == b"ok"
            assert len(server.peers) == 3

    run(story())


def test_what_comes_unasked_closes_the_connection(run: Run) -> None:
    async def impatient(peer: Peer) -> None:
        await peer.asked()
        await peer.say(OK)
        await turn_of_the_loop()
        await peer.say(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
        await peer.gone()

    async def story() -> None:
        async with serving(impatient, answers) as server:
            transport = to(server)
            assert await told(transport) == b"ok"
            await server.until_gone(1)
            assert await told(transport) == b"ok"
            assert len(server.peers) == 2

    run(story())


def test_idle_connections_close_after_a_while(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct, "IDLE_S", 0.02)

    async def story() -> None:
        async with serving(answers) as server:
            transport = to(server)
            await asyncio.gather(*(told(transport) for _ in range(4)))
            await server.until_gone(4)
            assert await told(transport) == b"ok"

    run(story())


def test_idle_connections_close_when_nobody_holds_the_transport(run: Run) -> None:
    async def story() -> None:
        async with serving(answers) as server:
            transport = to(server)
            await asyncio.gather(*(told(transport) for _ in range(3)))
            del transport
            gc.collect()
            await server.until_gone(3)

    run(story())


def test_idle_connections_close_when_the_loop_ends(run: Run) -> None:
    """Though the transport is still held."""
    kept: list[DirectTransport] = []

    async def story(url: str) -> None:
        kept.append(DirectTransport(url, headers={}, connect_s=1.0))
        assert await told(kept[0]) == b"ok"

    with ThreadPoolExecutor(1) as pool, socket.create_server(("127.0.0.1", 0)) as listener:
        rest = pool.submit(one_answer, listener)
        run(story(f"http://127.0.0.1:{listener.getsockname()[1]}"))
        assert rest.result(timeout=5) == b""


def one_answer(listener: socket.socket) -> bytes:
    """Answers one request; what comes after it, until the end."""
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(5)
        connection.recv(65536)
        connection.sendall(OK)
        return connection.recv(65536)


# ── connections that are closed ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\ncontent-le"], ids=["silent", "half-a-head"])
def test_who_is_cancelled_hangs_up_at_once(run: Run, before: bytes, stream: bool) -> None:
    async def hang(peer: Peer) -> None:
        await peer.asked()
        await peer.say(before)
        await peer.gone()

    async def story() -> None:
        async with serving(hang) as server:
            asking = asyncio.ensure_future(told(to(server), stream=stream))
            while not (server.peers and server.peers[0].request):
                await turn_of_the_loop()
            asking.cancel()
            await asyncio.wait({asking})
            assert asking.cancelled()
            await server.until_gone(1)

    run(story())


def test_who_leaves_in_the_middle_hangs_up_at_once(run: Run) -> None:
    async def endless(peer: Peer) -> None:
        await peer.asked()
        await peer.say(CHUNKED + b"2\r\nok\r\n")
        await peer.gone()

    async def story() -> None:
        async with serving(endless) as server:
            async with to(server)(ASKED, stream=True) as response:
                assert await response.chunk() == b"ok"
            await server.until_gone(1)

    run(story())


# ── connections that had been closed before ──────────────────────────────────────────────────────


async def closes_when_asked_again(peer: Peer) -> None:
    await peer.asked()
    await peer.say(OK)
    await peer.asked()


async def resets_when_asked_again(peer: Peer) -> None:
    await closes_when_asked_again(peer)
    peer.reset()


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("stale", [closes_when_asked_again, resets_when_asked_again, saying(OK)])
def test_a_stale_connection_is_not_noticed(run: Run, stale: Play, stream: bool) -> None:
    async def story() -> None:
        async with serving(stale, answers) as server:
            transport = to(server)
            assert await told(transport, stream=stream) == b"ok"
            assert await told(transport, stream=stream) == b"ok"
            assert len(server.peers) == 2

    run(story())


async def says_half_when_asked_again(peer: Peer) -> None:
    await closes_when_asked_again(peer)
    await peer.say(b"HTTP/1.1 2")


async def says_nonsense_when_asked_again(peer: Peer) -> None:
    await closes_when_asked_again(peer)
    await peer.say(b"nonsense")


@pytest.mark.parametrize(
    "plays",
    [
        (says_half_when_asked_again, answers),
        (says_nonsense_when_asked_again, answers),
        (closes_when_asked_again, saying(b""), answers),
    ],
    ids=["a-byte-has-come", "nonsense-has-come", "the-new-one-fails-too"],
)
def test_a_request_is_sent_again_once_at_most(run: Run, plays: tuple[Play, ...]) -> None:
    async def story() -> None:
        async with serving(*plays) as server:
            transport = to(server)
            assert await told(transport) == b"ok"
            with pytest.raises(UpstreamUnavailable):
                await told(transport)
            assert len(server.peers) == len(plays) - 1
            assert await told(transport) == b"ok"

    run(story())


def test_who_hangs_up_late_has_had_the_request(run: Run) -> None:
    """Late is what takes longer than a round trip: here some 20 ms."""
    asked = 0

    async def reads_and_dies(peer: Peer) -> None:
        nonlocal asked
        await closes_when_asked_again(peer)
        asked += 1
        for _ in range(200):
            await turn_of_the_loop()

    async def story() -> None:
        async with serving(reads_and_dies, answers) as server:
            transport = to(server)
            assert await told(transport) == b"ok"
            with pytest.raises(UpstreamUnavailable):
                await told(transport)
            assert (asked, len(server.peers)) == (1, 1)

    run(story())


def test_how_long_a_connection_may_take_to_say_that_it_is_closed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with serving(answers) as server:
            transport = to(server)
            assert direct.SLACK_S - 1e-9 <= (await transport.connect()).stale_s < 0.5
            monkeypatch.setattr(direct, "SLACK_S", 7.0)
            assert (await transport.connect()).stale_s == connections.STALE_S

    run(story())
