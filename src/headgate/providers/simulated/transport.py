"""The simulated provider without sockets: `ports.transport.Transport` in front of a `Simulation`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager

from headgate.core.call import Operation
from headgate.core.errors import InvalidRequest, UpstreamUnavailable
from headgate.ports.codec import Surface
from headgate.ports.transport import Outgoing, Response
from headgate.providers.openai.surface import OpenAISurface
from headgate.providers.simulated.brief import Brief, plain
from headgate.providers.simulated.faults import parse
from headgate.providers.simulated.manners import MANNERS, Problem
from headgate.providers.simulated.simulation import Simulation
from headgate.providers.simulated.stage import Act, Cut, Head, Request, perform

FAULT_HEADER = "x-sim-fault"

_CHAT = "/chat/completions"
_OPERATIONS = {
    _CHAT: Operation.CHAT,
    "/completions": Operation.COMPLETION,
    "/embeddings": Operation.EMBEDDINGS,
}


class SimulatedResponse:
    """An answer whose head is here (`ports.transport.Response`)."""

    def __init__(self, head: Head, act: Act) -> None:
        self._head = head
        self._act = act
        self._gathered: bytes | None = None

    @property
    def status(self) -> int:
        return self._head.status

    def header(self, name: str) -> str | None:
        return self._head.headers.get(name)

    async def gather(self) -> None:
        """Waits for the whole body, which `read` or `chunk` then give at once."""
        self._gathered = await self.read()

    async def read(self) -> bytes:
        pieces = []
        while (piece := await self.chunk()) is not None:
            pieces.append(piece)
        return b"".join(pieces)

    async def chunk(self) -> bytes | None:
        if self._gathered is not None:
            gathered, self._gathered = self._gathered or None, b""
            return gathered
        piece = await _next(self._act)
        if isinstance(piece, Head):
            raise TypeError("a second head")
        return piece


class SimulatedTransport:
    """Answers in OpenAI's dialect, under the name of one `key`; no sockets, no tasks, one timer at most an
    event. Raises `UpstreamUnavailable` where a real connection would be refused or break off.
    """

    def __init__(self, simulation: Simulation, *, key: str = "", surface: Surface | None = None) -> None:
        self._simulation = simulation
        self._key = key
        self._surface = surface or OpenAISurface(simulation.clock.wall, lambda: "")

    def __call__(self, request: Outgoing, /, *, stream: bool) -> AbstractAsyncContextManager[Response]:
        simulation = self._simulation
        if simulation.settings.brief and request.path == _CHAT and FAULT_HEADER not in request.headers:
            asked = plain(simulation, self._key, request)
            if asked is not None:
                return Brief(simulation, self._key, asked, stream=stream)
        return self._performed(request, stream=stream)

    @asynccontextmanager
    async def _performed(self, request: Outgoing, *, stream: bool) -> AsyncIterator[SimulatedResponse]:
        async with aclosing(self._act(request)) as act:
            head = await _next(act)
            if not isinstance(head, Head):
                raise TypeError("a body without a head")
            response = SimulatedResponse(head, act)
            if not stream:
                await response.gather()
            yield response

    def _act(self, request: Outgoing) -> Act:
        operation = _OPERATIONS.get(request.path)
        if operation is None:
            problem = Problem(status=404, kind="status", message=f"There is nothing at {request.path}.")
            return _document(404, MANNERS["openai"].document(problem))
        try:
            payload = self._surface.parse(operation, request.body)
        except InvalidRequest as error:
            return _document(400, self._surface.error(error, 400, ""))
        fault = request.headers.get(FAULT_HEADER)
        return perform(
            self._simulation,
            Request(
                payload=payload,
                surface=self._surface,
                manners=MANNERS["openai"],
                key=self._key,
                fault=parse(fault) if fault else None,
            ),
        )


async def _document(status: int, body: bytes) -> Act:
    yield Head(status, {"content-type": "application/json", "content-length": str(len(body))})
    yield body


async def _next(act: Act) -> Head | bytes | None:
    try:
        return await anext(act, None)
    except Cut:
        raise UpstreamUnavailable("The connection to the simulated provider broke off.") from None
