"""One request on a connection: what it knows of its caller."""

from __future__ import annotations

import asyncio

import pytest
import uvicorn
from uvicorn.server import ServerState

from headgate.core.call import Line
from headgate.server.intake import Direct
from headgate.server.protocol import BoundedProtocol
from virtual import clock, run
from wires import Wire

POST = b"POST /hot HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi"


class Answering:
    """Answers after a second, unless it is stopped; `watches` says whether it wants to be when its caller
    hangs up, or has called that off."""

    def __init__(self, *, watches: bool) -> None:
        self.hot = {b"/hot": self}
        self.line = Line()
        self.ended = ""
        self._watches = watches

    async def serve(self, direct: Direct) -> None:
        self.headers = dict(direct.headers)
        assert not direct.watch(self.line)
        if not self._watches:
            direct.watch(None)
        try:
            await clock().sleep(1.0)
        except asyncio.CancelledError:
            self.ended = "stopped"
            raise
        self.ended = "answered"
        direct.answer(200, b"content-length: 0\r\n", b"")

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        raise AssertionError("it is hot")


def connected(app: Answering) -> tuple[BoundedProtocol, Wire]:
    settings = uvicorn.Config(app, ws="none", lifespan="off", log_config=None, proxy_headers=False)
    wire, made = Wire(), BoundedProtocol(settings, ServerState(), {})
    wire.peer = made
    made.connection_made(wire)  # type: ignore[arg-type]  # as much of one as is used
    return made, wire


@pytest.mark.parametrize(
    ("watches", "leaves_after_s", "ended"),
    [(True, 0.5, "stopped"), (True, 2.0, "answered"), (False, 0.5, "answered")],
)
def test_a_hang_up_ends_what_is_done_for_it_while_that_matters(
    watches: bool, leaves_after_s: float, ended: str
) -> None:
    async def story() -> None:
        app = Answering(watches=watches)
        made, wire = connected(app)
        made.data_received(POST)
        await clock().sleep(leaves_after_s)
        made.connection_lost(None)
        await clock().sleep(2.0)
        assert app.ended == ended
        assert app.line.gone == (ended == "stopped")
        assert wire.written.startswith(b"HTTP/1.1 200") == (leaves_after_s > 1.0)

    run(story())


def test_who_has_hung_up_before_is_known_at_once() -> None:
    async def story() -> None:
        found: list[bool] = []

        class Late(Answering):
            async def serve(self, direct: Direct) -> None:
                await clock().sleep(1.0)
                found.append(direct.watch(self.line))

        made, _ = connected(Late(watches=True))
        made.data_received(POST)
        await clock().sleep(0.5)
        made.connection_lost(None)
        await clock().sleep(1.0)
        assert found == [True]

    run(story())


def test_a_request_without_headers_has_none() -> None:
    async def story() -> None:
        app = Answering(watches=True)
        made, wire = connected(app)
        made.data_received(b"POST /hot HTTP/1.0\r\n\r\n")
        await clock().sleep(2.0)
        assert app.headers == {}
        assert wire.written.startswith(b"HTTP/1.1 200")

    run(story())
