"""Connections of our own server without sockets, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from headgate.server import protocol as connections
from headgate.server.intake import Direct
from headgate.server.protocol import MAX_PIPELINED, BoundedProtocol
from virtual import run
from wires import Wire

KEEP_ALIVE_S = 75
HEAD = b"content-type: text/plain\r\n"


class App:
    """Answers a hot path with the body it got, any other by ASGI."""

    def __init__(self, serve: Callable[[Direct], Any] | None = None) -> None:
        self.hot = {b"/hot": self}
        self.served: list[bytes] = []
        self._serve = serve or self.echo

    async def serve(self, direct: Direct) -> None:
        await self._serve(direct)

    async def echo(self, direct: Direct) -> None:
        body = direct.body(1_000_000)
        while body is None:
            message = await direct.receive()
            self.served.append(message.get("body", b"(gone)"))
            body = None if message.get("more_body") else b"".join(self.served)
        self.served.append(body)
        direct.answer(200, HEAD + b"content-length: %d\r\n" % len(body), body)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.served.append(b"cold " + scope["path"].encode())
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"cold"})


def connected(app: App) -> tuple[BoundedProtocol, Wire]:
    bare: dict[str, Any] = {"ws": "none", "lifespan": "off", "log_config": None, "proxy_headers": False}
    settings = uvicorn.Config(app, http=BoundedProtocol, timeout_keep_alive=KEEP_ALIVE_S, **bare)
    wire, made = Wire(), BoundedProtocol(settings, ServerState(), {})
    wire.peer = made
    made.connection_made(wire)  # type: ignore[arg-type]  # as much of one as is used
    return made, wire


def post(body: bytes = b"hi", *lines: bytes, path: bytes = b"/hot", version: bytes = b"1.1") -> bytes:
    top = b"POST %b HTTP/%b" % (path, version)
    return b"\r\n".join([top, b"host: x", *lines, b"content-length: %d" % len(body), b"", body])


async def settled() -> None:
    """Lets everything happen that can happen now."""
    for _ in range(20):
        turned = asyncio.Event()
        asyncio.get_running_loop().call_soon(turned.set)
        await turned.wait()


async def later(seconds: float) -> None:
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, passed.set)
    await passed.wait()


def answers(wire: Wire) -> int:
    return wire.written.count(b"HTTP/1.1 200 OK\r\n")


# ── a request ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_hot_request_however_it_is_cut(step: int) -> None:
    async def story() -> None:
        app = App()
        made, wire = connected(app)
        for request in (post(b"hello"), post(b"", path=b"/hot?beta=true"), post(b"chunks")):
            for at in range(0, len(request), step):
                made.data_received(request[at : at + step])
                await settled()
        assert answers(wire) == 3
        assert wire.written.endswith(b"chunks")
        assert wire.written.count(HEAD) == 3
        assert not wire.ended

    run(story())


def test_header_names_are_lower_case_and_the_last_counts() -> None:
    found: list[Any] = []

    async def look(direct: Direct) -> None:
        found.append(dict(direct.headers))
        direct.answer(200, b"content-length: 0\r\n", b"")

    async def story() -> None:
        made, _ = connected(App(look))
        made.data_received(post(b"", b"X-One: 1", b"X-One: 2"))
        await settled()

    run(story())
    assert found == [{b"host": b"x", b"x-one": b"2", b"content-length": b"0"}]


def test_what_is_not_hot_goes_by_asgi() -> None:
    async def story() -> None:
        app = App()
        made, wire = connected(app)
        for request in (post(path=b"/cold"), b"GET /hot HTTP/1.1\r\nhost: x\r\n\r\n", post()):
            made.data_received(request)
            await settled()
        assert app.served == [b"cold /cold", b"cold /hot", b"hi"]
        assert answers(wire) == 3

    run(story())


def test_an_upgrade_is_not_offered_and_not_needed() -> None:
    """As Java's client asks: the body comes all the same, wherever the bytes are cut."""

    async def story() -> None:
        lines = (b"Connection: Upgrade, HTTP2-Settings", b"HTTP2-Settings: AAEAAEAAAAIAAAAB", b"Upgrade: h2c")
        request = post(b"body", *lines)
        for cut in (len(request), request.index(b"body"), request.index(b"body") + 2, 20):
            app = App()
            made, wire = connected(app)
            for part in (request[:cut], request[cut:]):
                made.data_received(part)
                await settled()
            assert app.served[-1] == b"body"
            assert (answers(wire), wire.ended) == (1, "")

    run(story())


def test_who_declines_to_stay_and_asks_for_an_upgrade_is_let_go() -> None:
    async def story() -> None:
        made, wire = connected(App())
        made.data_received(post(b"body", b"Connection: close, Upgrade", b"Upgrade: h2c"))
        await settled()
        assert (answers(wire), wire.ended) == (1, "closed")
        assert b"connection: close\r\n" in wire.written

    run(story())


def test_nothing_is_written_into_an_answer_but_the_answer() -> None:
    """Who sends what is not HTTP while it is being answered has its connection closed, and that is all."""

    async def stream(direct: Direct) -> None:
        direct.begin(200, HEAD)
        await direct.piece(b"first")
        await later(60)

    async def story() -> None:
        made, wire = connected(App(stream))
        made.data_received(post())
        await settled()
        made.data_received(b"\x00 this is not HTTP\r\n\r\n")
        assert wire.ended == "aborted"
        assert b"400" not in wire.written

    run(story())


def test_a_head_that_is_too_large_is_refused_even_in_one_piece() -> None:
    async def story() -> None:
        made, wire = connected(App())
        made.data_received(post(b"hi", b"x-large: " + b"x" * connections.MAX_HEAD_BYTES))
        assert wire.written.startswith(b"HTTP/1.1 431")
        assert wire.ended == "closed"
        made, wire = connected(App())
        made.data_received(post(b"x" * 2 * connections.MAX_HEAD_BYTES))
        await settled()
        assert (answers(wire), wire.ended) == (1, "")

    run(story())


def test_nobody_can_make_a_tunnel() -> None:
    async def story() -> None:
        made, wire = connected(App())
        made.data_received(b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n")
        assert wire.written.startswith(b"HTTP/1.1 400")
        assert wire.ended == "closed"

    run(story())


def test_who_asks_whether_to_go_on_is_told_so() -> None:
    async def story() -> None:
        made, wire = connected(App())
        head, body = post(b"hello", b"Expect: 100-continue").split(b"\r\n\r\n")
        made.data_received(head + b"\r\n\r\n")
        await settled()
        assert wire.written == b"HTTP/1.1 100 Continue\r\n\r\n"
        made.data_received(body)
        await settled()
        assert wire.written.endswith(b"hello")

    run(story())


# ── peers that send too much ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", [b"/hot", b"/cold"])
def test_fields_after_a_body_are_bounded(path: bytes) -> None:
    """Also where the answer has left before: nobody has to show a key for what the parser keeps."""
    top = b"POST %b HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" % path

    async def story() -> None:
        for field in (b"x-%d: y\r\n", b"x-%d"):
            made, wire = connected(App())
            made.data_received(top + b"2\r\nhi\r\n0\r\n")
            sent = 0
            while not wire.ended and sent < 4 * connections.MAX_HEAD_BYTES:
                made.data_received(data := field % sent * 100)
                sent += len(data)
                await settled() if sent < 5_000 else None
            assert wire.ended == "aborted"
            assert sent <= connections.MAX_HEAD_BYTES + 2_000

    run(story())


def test_a_long_body_in_small_chunks_is_not_too_much() -> None:
    async def story() -> None:
        app = App()
        made, wire = connected(app)
        made.data_received(b"POST /hot HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(100):
            made.data_received(b"1;why=%b\r\n" % (b"x" * 2_000))
            made.data_received(b"a\r\n")
            await settled()
        made.data_received(b"0\r\nx-sum: 1\r\n\r\n")
        await settled()
        assert (app.served[-1], wire.ended) == (b"a" * 100, "")

    run(story())


# ── old callers ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("lines", [(), (b"connection: keep-alive",)])
def test_http_1_0_gets_no_chunks_and_an_end(lines: tuple[bytes, ...]) -> None:
    async def stream(direct: Direct) -> None:
        direct.begin(200, HEAD)
        await direct.piece(b"one ")
        direct.end(b"two")

    async def story() -> None:
        made, wire = connected(App(stream))
        made.data_received(post(b"", *lines, version=b"1.0"))
        await settled()
        head, _, body = wire.written.partition(b"\r\n\r\n")
        assert b"connection: close" in head
        assert b"chunked" not in head
        assert (body, wire.ended) == (b"one two", "closed")

    run(story())


# ── peers that do not read ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", [b"/hot", b"/cold"])
def test_the_next_request_waits_until_the_last_answer_has_left(path: bytes) -> None:
    async def story() -> None:
        made, wire = connected(App())
        made.data_received(post(path=path) * 3)
        wire.stuck = True
        await settled()
        assert (answers(wire), wire.reading) == (1, False)
        made.data_received(post())  # what was on its way
        await settled()
        assert answers(wire) == 1
        wire.take()
        await settled()
        assert (answers(wire), wire.reading) == (4, True)

    run(story())


def test_only_so_many_requests_may_wait() -> None:
    async def story() -> None:
        for count, ended in ((MAX_PIPELINED + 1, ""), (MAX_PIPELINED + 2, "aborted")):
            made, wire = connected(App())
            made.data_received(post() * count)
            assert wire.ended == ended
            await settled()

    run(story())


@pytest.mark.parametrize("lines", [(), (b"connection: close",)])
def test_who_never_reads_is_hung_up_on(lines: tuple[bytes, ...]) -> None:
    async def story() -> None:
        made, wire = connected(App())
        wire.stuck = True
        made.data_received(post(b"hi", *lines))
        await later(KEEP_ALIVE_S - 1)
        assert wire.ended == ("closed" if lines else "")
        await later(KEEP_ALIVE_S + 2)
        assert wire.ended == "aborted"

    run(story())


def test_who_reads_slowly_is_not() -> None:
    async def story() -> None:
        made, wire = connected(App())
        wire.stuck = True
        made.data_received(post(b"x" * 1000))
        for _ in range(6):
            await later(KEEP_ALIVE_S)
            wire.unsent -= 100
            assert not wire.ended
        await later(3 * KEEP_ALIVE_S)
        assert wire.ended == "aborted"

    run(story())


def test_a_stream_that_fails_while_nobody_reads_it_ends_at_once() -> None:
    async def fail(direct: Direct) -> None:
        direct.begin(200, HEAD)
        direct.cut(b"error")

    async def story() -> None:
        for stuck in (False, True):
            made, wire = connected(App(fail))
            wire.stuck = stuck
            made.data_received(post())
            await settled()
            assert wire.ended == ("aborted" if stuck else "")

    run(story())


def test_an_idle_connection_is_closed() -> None:
    async def story() -> None:
        made, wire = connected(App())
        for _ in range(3):
            made.data_received(post())
            await later(KEEP_ALIVE_S - 5)
            assert not wire.ended
        await later(6)
        assert wire.ended == "closed"

    run(story())


def test_a_head_has_its_time() -> None:
    async def story() -> None:
        for start in (b"", post() + b"POST"):
            made, wire = connected(App())
            made.data_received(start) if start else None
            await later(connections.HEAD_PATIENCE_S + 1)
            assert b"HTTP/1.1 408" in wire.written
            assert wire.ended == "closed"

    run(story())
