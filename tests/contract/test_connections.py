"""What `adapters.http` promises beyond the port: connections that are kept, closed, bounded and tried again.

On both loops, against a server that does what it is told, byte by byte.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from headgate.adapters.http.direct import DirectTransport
from headgate.core.errors import UpstreamUnavailable
from headgate.ports.transport import Outgoing
from peer import ASKED, OK, Peer, Run, Server, answers, saying, serving, to, told, turn_of_the_loop

HERE = Path(__file__).parent
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


# ── what goes out ────────────────────────────────────────────────────────────────────────────────


def test_a_request_is_one_write_with_everything_in_it(run: Run) -> None:
    async def story() -> None:
        async with serving(answers) as server:
            assert await told(to(server)) == b"ok"
            head, _, body = server.peers[0].request.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        assert lines[0] == b"POST /v1/chat HTTP/1.1"
        assert body == ASKED.body
        assert sorted(lines[1:]) == [
            b"accept: */*",
            b"authorization: Bearer sk-1",
            b"content-length: 14",
            b"content-type: application/json",
            b"host: 127.0.0.1:" + server.url.split(":")[2].removesuffix("/v1").encode(),
            b"user-agent: headgate",
        ]

    run(story())


def test_a_requests_own_headers_win_and_are_not_remembered(run: Run) -> None:
    async def story() -> None:
        async with serving(answers) as server:
            transport = to(server)
            for more in ({"traceparent": "00-1"}, {}, {"content-type": "text/odd"}):
                async with transport(Outgoing("/chat", b"{}", more), stream=False):
                    request = server.peers[0].request
                    for name, value in more.items():
                        assert request.count(f"{name}: {value}\r\n".encode()) == 1
                    assert request.count(b"content-type: ") == 1
                    assert (b"traceparent" in request) == ("traceparent" in more)

    run(story())


@pytest.mark.parametrize("header", [("x-odd", "a\r\nb: c"), ("x odd", "a"), ("content-length", "3")])
def test_no_header_can_make_a_second_request(run: Run, header: tuple[str, str]) -> None:
    async def story() -> None:
        with pytest.raises(ValueError, match="cannot be sent"):
            DirectTransport("http://127.0.0.1:9", headers=dict([header]), connect_s=1.0)

    run(story())


# ── what comes back ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "pieces",
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe", b"llo"),
        (CHUNKED + b"3\r\nhel", b"\r\n2\r\nlo\r\n", b"0\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\nhel", b"lo"),
        (b"HTTP/1.0 200 OK\r\n\r\n", b"hello"),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + CHUNKED,
            b"5\r\nhello\r\n0\r\n\r\n",
        ),
        tuple(bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"),
    ],
    ids=["length", "chunked", "until-closed", "http-1.0", "interim", "byte-by-byte"],
)
def test_every_framing_of_an_answer(run: Run, pieces: tuple[bytes, ...], stream: bool) -> None:
    async def story() -> None:
        async with serving(saying(*pieces)) as server:
            for _ in range(2):
                assert await told(to(server), stream=stream) == b"hello"

    run(story())


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_without_a_body(run: Run, stream: bool) -> None:
    async def story() -> None:
        nothing = saying(b"HTTP/1.1 204 No Content\r\n\r\n")
        async with serving(nothing) as server, to(server)(ASKED, stream=stream) as response:
            assert (response.status, await response.read(), await response.chunk()) == (204, b"", None)

    run(story())


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "pieces",
    [
        (b"HTTP/1.1 200 OK\r\nx-long: " + b"x" * 300_000 + b"\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\n", *[b"x-%d: %b\r\n" % (n, b"x" * 4000) for n in range(40)]),
        (b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\nok",),
        (b"HTTP/1.1 099 Odd\r\n\r\n", OK),
    ],
    ids=["one-header", "many-headers", "upgrade", "two-lengths", "no-status"],
)
def test_heads_that_are_not_taken(run: Run, pieces: tuple[bytes, ...], stream: bool) -> None:
    async def story() -> None:
        async with serving(saying(*pieces)) as server:
            with pytest.raises(UpstreamUnavailable):
                await told(to(server), stream=stream)

    run(story())


def test_fields_after_the_body_replace_no_header(run: Run) -> None:
    ends = b"0\r\ncontent-type: text/odd\r\nx-late: 1\r\n\r\n"
    answer = CHUNKED.replace(b"\r\n\r\n", b"\r\ncontent-type: text/plain\r\n\r\n") + b"2\r\nok\r\n"

    async def story() -> None:
        for pieces in ((answer + ends,), (answer, ends), (OK_TEXT + OK_ODD,)):
            for stream in (True, False):
                async with serving(saying(*pieces)) as server, to(server)(ASKED, stream=stream) as response:
                    assert await response.read() == b"ok"
                    assert response.header("content-type") == "text/plain"
                    assert response.header("x-late") is None

    run(story())


OK_TEXT = OK.replace(b"\r\n\r\n", b"\r\ncontent-type: text/plain\r\n\r\n")
OK_ODD = OK.replace(b"\r\n\r\n", b"\r\ncontent-type: text/odd\r\n\r\n")


@pytest.mark.parametrize("before", [b"", b"2\r\nok\r\n"], ids=["after-the-head", "after-a-piece"])
def test_fields_after_the_body_of_a_stream_are_bounded(run: Run, before: bytes) -> None:
    sent = 0

    async def endless(peer: Peer) -> None:
        nonlocal sent
        await peer.asked()
        await peer.say(CHUNKED + before + b"0\r\n")
        while sent < 64 * 1024 * 1024:
            await peer.say(b"x-%d: y\r\n" % sent * 1_000)
            sent += 10_000

    async def heard(server: Server) -> None:
        async with to(server)(ASKED, stream=True) as response:
            while await response.chunk():
                pass

    async def story() -> None:
        async with serving(endless) as server, asyncio.timeout(5):
            with pytest.raises(UpstreamUnavailable, match="too large"):
                await heard(server)
            await server.until_gone(1)
        assert sent < 64 * 1024 * 1024

    run(story())


def test_a_slow_reader_holds_the_upstream_back(run: Run) -> None:
    """What the kernel's buffers take is not ours to bound; beyond it, nothing is read that nobody takes."""
    size, piece = 64 * 1024 * 1024, b"x" * 65536
    sent = 0

    async def flood(peer: Peer) -> None:
        nonlocal sent
        await peer.asked()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        while sent < size:
            await peer.say(piece)
            sent += len(piece)

    async def story() -> None:
        async with serving(flood) as server, to(server)(ASKED, stream=True) as response:
            assert await response.chunk()
            before = -1
            while sent != before:
                before = sent
                for _ in range(20):
                    await turn_of_the_loop()
            assert sent < size / 2
            rest = 0
            while (data := await response.chunk()) is not None:
                rest += len(data)
            assert sent == size
            assert rest > size - 1_000_000

    run(story())
