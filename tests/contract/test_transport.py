"""`ports.transport.Transport`: one suite, over both ways to speak HTTP and the in-process simulated provider.

What only connections of our own promise is in `test_connections.py`."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from random import Random
from typing import Any

import pytest

import virtual
from headgate.adapters.http.direct import DirectTransport
from headgate.adapters.http.proxied import ProxiedTransport
from headgate.core.errors import UpstreamUnavailable
from headgate.ports.transport import Outgoing, Response, Transport
from headgate.providers.simulated import FAULT_HEADER, Settings, SimulatedTransport, Simulation
from simserver import Server

STREAM = "text/event-stream; charset=utf-8"
KEY = "sk-planted-0123456789"
HI = [{"role": "user", "content": "Tell me about bridges"}]
Story = Callable[[Transport], Awaitable[Any]]
Play = Callable[[Story], Any]
Http = Callable[[str], Transport]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server()
    try:
        yield running
    finally:
        running.stop()


def direct(url: str) -> Transport:
    return DirectTransport(url, headers={"authorization": f"Bearer {KEY}"}, connect_s=1.0)


def proxied(url: str) -> Transport:
    return ProxiedTransport(url, headers={"authorization": f"Bearer {KEY}"}, connect_s=1.0, total_s=5.0)


@pytest.fixture(params=[direct, proxied])
def http(request: pytest.FixtureRequest) -> Http:
    """Makes a transport to a base URL."""
    made: Http = request.param
    return made


@pytest.fixture(params=[direct, proxied, "simulated"])
def play(request: pytest.FixtureRequest) -> Play:
    """Runs a story on the loop that goes with its transport."""
    if request.param == "simulated":

        def run_simulated(story: Story) -> Any:
            async def main() -> Any:
                simulation = Simulation(Settings(), virtual.clock(), Random(1))
                return await story(SimulatedTransport(simulation, key=KEY))

            return virtual.run(main())

        return run_simulated
    url = request.getfixturevalue("server").url

    def run_http(story: Story) -> Any:
        async def main() -> Any:
            return await story(request.param(f"{url}/v1"))

        return asyncio.run(main())

    return run_http


def asked(fault: str = "", *, stream: bool = False, path: str = "/chat/completions") -> Outgoing:
    body = {"model": "m", "messages": HI, "stream": stream}
    return Outgoing(path, json.dumps(body).encode(), {FAULT_HEADER: fault} if fault else {})


async def turn_of_the_loop() -> None:
    turned = asyncio.Event()
    asyncio.get_running_loop().call_soon(turned.set)
    await turned.wait()


async def pieces(response: Response) -> list[bytes]:
    found = []
    while (piece := await response.chunk()) is not None:
        found.append(piece)
    return found


# ── answers ──────────────────────────────────────────────────────────────────────────────────────


def test_a_whole_answer_is_there_when_the_context_opens(play: Play) -> None:
    async def story(transport: Transport) -> None:
        async with transport(asked(), stream=False) as response:
            assert response.status == 200
            assert response.header("content-type") == "application/json"
            assert response.header("x-nothing") is None
            found = json.loads(await response.read())
        assert "bridges" in found["choices"][0]["message"]["content"]

    play(story)


def test_a_whole_answer_is_one_piece_and_then_none(play: Play) -> None:
    async def story(transport: Transport) -> None:
        async with transport(asked(), stream=False) as response:
            (whole,) = await pieces(response)
        assert json.loads(whole)["choices"]
        async with transport(asked("empty"), stream=False) as response:
            assert await pieces(response) == []

    play(story)


def test_a_stream_comes_in_pieces_and_then_none(play: Play) -> None:
    async def story(transport: Transport) -> None:
        async with transport(asked(stream=True), stream=True) as response:
            assert (response.status, response.header("content-type")) == (200, STREAM)
            found = await pieces(response)
            assert await response.chunk() is None
        assert all(found)
        assert b"".join(found).endswith(b"data: [DONE]\n\n")

    play(story)


def test_the_rest_of_a_stream_may_be_read_at_once(play: Play) -> None:
    async def story(transport: Transport) -> None:
        async with transport(asked(stream=True), stream=True) as response:
            first = await response.chunk()
            rest = await response.read()
        assert first is not None
        assert (first + rest).endswith(b"data: [DONE]\n\n")

    play(story)


@pytest.mark.parametrize("stream", [True, False])
def test_an_error_is_an_answer_like_any_other(play: Play, stream: bool) -> None:
    async def story(transport: Transport) -> None:
        async with transport(asked("status:429:7", stream=stream), stream=stream) as response:
            assert (response.status, response.header("retry-after")) == (429, "7")
            assert json.loads(await response.read())["error"]
        async with transport(asked(path="/nowhere"), stream=stream) as response:
            assert response.status == 404

    play(story)


def test_many_share_a_transport(play: Play) -> None:
    async def story(transport: Transport) -> None:
        async def one(number: int) -> None:
            stream = number % 2 == 0
            async with transport(asked(stream=stream), stream=stream) as response:
                assert response.status == 200
                assert len(await response.read()) > 300

        await asyncio.gather(*(one(number) for number in range(30)))

    play(story)


# ── what breaks ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("fault", ["refuse", "cut-head", "cut-mid:2", "cut-mid-json:2"])
def test_a_connection_that_breaks_is_an_upstream_that_is_unavailable(
    play: Play, fault: str, stream: bool
) -> None:
    async def story(transport: Transport) -> None:
        found: list[bytes] = []

        async def all_of_it() -> None:
            async with transport(asked(fault, stream=stream), stream=stream) as response:
                while (piece := await response.chunk()) is not None:
                    found.append(piece)

        with pytest.raises(UpstreamUnavailable) as raised:
            await all_of_it()
        assert KEY not in raised.value.message
        assert "127.0.0.1" not in raised.value.message
        assert bool(found) == (stream and fault.startswith("cut-mid"))
        async with transport(asked(), stream=False) as response:
            assert response.status == 200, "the next request fares as well as ever"

    play(story)


@pytest.mark.parametrize("stream", [True, False])
def test_waiting_may_be_cancelled(play: Play, stream: bool) -> None:
    async def story(transport: Transport) -> None:
        async def wait() -> None:
            async with transport(asked("hang", stream=stream), stream=stream):
                raise AssertionError("it never opens")

        waiting = asyncio.ensure_future(wait())
        await asyncio.wait({waiting}, timeout=0.05)
        waiting.cancel()
        await asyncio.wait({waiting}, timeout=1)
        assert waiting.cancelled()
        async with transport(asked(), stream=False) as response:
            assert response.status == 200

    play(story)


def test_a_stream_may_be_left_in_the_middle(play: Play) -> None:
    async def story(transport: Transport) -> None:
        for _ in range(5):
            async with transport(asked("stall-mid:2", stream=True), stream=True) as response:
                assert await response.chunk()
        with suppress(ZeroDivisionError):
            async with transport(asked("stall-mid:2", stream=True), stream=True) as response:
                assert await response.chunk()
                raise ZeroDivisionError
        async with transport(asked(), stream=False) as response:
            assert response.status == 200

    play(story)


def test_leaving_closes_the_connection_at_once(http: Http, server: Server) -> None:
    async def main() -> None:
        async with http(f"{server.url}/v1")(asked("stall-mid:2", stream=True), stream=True) as response:
            assert await response.chunk()
            assert len(server.stats()["open"]) == 1
        await asyncio.to_thread(server.until, lambda stats: not stats["open"])

    server.ask("/sim/reset", {})
    asyncio.run(main())
    assert server.stats()["closed"][-1]["ended"] == "client_gone"


# ── HTTP alone ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", b"nonsense"])
def test_no_cancellation_is_forgotten(http: Http, answer: bytes, stream: bool) -> None:
    """Also one that comes as the answer does, or as the connection breaks."""

    async def main() -> int:
        answered, struck = asyncio.Event(), 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"}]")
            writer.write(answer)
            writer.close()
            answered.set()

        async def one(port: int) -> None:
            with suppress(UpstreamUnavailable):
                async with http(f"http://127.0.0.1:{port}")(asked(), stream=stream) as response:
                    await pieces(response)

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
            port = listener.sockets[0].getsockname()[1]
            for number in range(120):
                answered.clear()
                asking = asyncio.ensure_future(one(port))
                await answered.wait()
                for _ in range(number % 4):
                    await turn_of_the_loop()
                if number % 3:
                    await asyncio.wait({asking}, timeout=(number % 12) / 10_000)
                cancelled = asking.cancel()
                await asyncio.wait({asking})
                assert asking.cancelled() == cancelled
                struck += cancelled
        return struck

    assert asyncio.run(main()) > 5


def test_our_key_is_on_the_wire_and_the_connection_is_kept(http: Http, server: Server) -> None:
    async def main() -> None:
        transport = http(f"{server.url}/v1/")
        for _ in range(3):
            async with transport(asked(), stream=False) as response:
                assert response.status == 200

    server.ask("/sim/reset", {})
    asyncio.run(main())
    assert list(server.stats()["keys"]) == ["…6789"]


@pytest.mark.parametrize("stream", [True, False])
def test_nobody_there_is_unavailable(http: Http, stream: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    async def main() -> None:
        with pytest.raises(UpstreamUnavailable, match="connected") as raised:
            async with http(f"http://127.0.0.1:{port}")(asked(), stream=stream):
                pass
        assert str(port) not in raised.value.message

    asyncio.run(main())


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
)
def test_what_is_no_http_is_unavailable(http: Http, answer: bytes, stream: bool) -> None:
    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"}]")
            writer.write(answer)
            writer.close()

        listener = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with listener:
            port = listener.sockets[0].getsockname()[1]
            with pytest.raises(UpstreamUnavailable):
                async with http(f"http://127.0.0.1:{port}")(asked(), stream=stream) as response:
                    await response.read()

    asyncio.run(main())


@pytest.mark.parametrize("stream", [True, False])
def test_a_redirect_is_not_followed(http: Http, stream: bool) -> None:
    """A request that carries a key goes where the operator said."""

    async def main() -> int:
        hits = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal hits
            hits += 1
            await reader.readuntil(b"}]")
            writer.write(
                b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n"
                b"connection: close\r\n\r\n"
            )
            writer.close()

        listener = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with listener:
            port = listener.sockets[0].getsockname()[1]
            async with http(f"http://127.0.0.1:{port}")(asked(), stream=stream) as response:
                assert response.status == 307
        return hits

    assert asyncio.run(main()) == 1


def test_headers_that_are_no_text_are_no_headers(http: Http) -> None:
    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"}]")
            writer.write(b"HTTP/1.1 200 OK\r\nx-odd: \xff\xfe\r\nX-Even: yes\r\ncontent-length: 2\r\n\r\n{}")
            writer.close()

        listener = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with listener:
            port = listener.sockets[0].getsockname()[1]
            async with http(f"http://127.0.0.1:{port}")(asked(), stream=True) as response:
                assert (response.header("x-odd"), response.header("x-even")) == (None, "yes")

    asyncio.run(main())
