"""Simulated providers over HTTP: one raw ASGI app that speaks all four dialects, and breaks on demand."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from headgate.core.call import Operation, Payload
from headgate.core.errors import GatewayError, RequestTooLarge
from headgate.ports.codec import Surface
from headgate.providers.anthropic import AnthropicSurface
from headgate.providers.gemini import GeminiSurface
from headgate.providers.ollama.surface import OllamaSurface
from headgate.providers.openai.surface import OpenAISurface
from headgate.providers.simulated import (
    FAULT_HEADER,
    FAULTS,
    Act,
    Cut,
    Head,
    Limits,
    Request,
    Scheduled,
    Simulation,
    parse,
    perform,
)
from headgate.providers.simulated.manners import MANNERS

Scope = Mapping[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

MAX_BODY_BYTES = 64 * 1024 * 1024
SEVER = "headgate.sever"
"""The ASGI extension that breaks a connection: `{"close": …, "reset": …}`, functions without arguments."""

_GEMINI = "/v1beta/models/"
_JSON = b"application/json"


class SeverableProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with a way for the app to break its connection off.

    An ASGI app has none: if it stops before the end, uvicorn closes the connection but logs an error, and
    before the first byte it answers 500 itself.
    """

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {SEVER: {"close": self.transport.close, "reset": self._reset}}

    def _reset(self) -> None:
        """Closes with RST: no linger, nothing flushed. A client who has left first needs none."""
        if self.transport.is_closing():
            return
        connection = self.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class _Gone(Exception):
    """The client left while it was still sending."""


class _Limiting(Limits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /sim/limits: limits, and whose; without `key` everybody's who has none of their own."""

    key: str | None = None


class Answer(NamedTuple):
    """A whole answer of the control pages."""

    status: int
    body: bytes


def _json(value: object, status: int = 200) -> Answer:
    return Answer(status, msgspec.json.encode(value))


class SimulatedProviders:
    """The app. `/v1/...`, `/v1/messages`, `/v1beta/...` and `/api/...` are the four dialects; `/sim/...` is
    for whoever runs the test. `new_id` gives the bare part of ids the simulation does not name."""

    def __init__(self, simulation: Simulation, *, new_id: Callable[[], str]) -> None:
        wall = simulation.clock.wall
        self._simulation = simulation
        self._gemini = GeminiSurface(new_id)
        openai, ollama = OpenAISurface(wall, new_id), OllamaSurface(wall, new_id)
        self._surfaces: dict[str, tuple[Surface, Operation]] = {
            "/v1/chat/completions": (openai, Operation.CHAT),
            "/v1/completions": (openai, Operation.COMPLETION),
            "/v1/embeddings": (openai, Operation.EMBEDDINGS),
            "/v1/messages": (AnthropicSurface(new_id), Operation.CHAT),
            "/api/chat": (ollama, Operation.CHAT),
            "/api/embed": (ollama, Operation.EMBEDDINGS),
        }
        self._pages: dict[tuple[str, str], Callable[[bytes], Answer]] = {
            ("GET", "/v1/models"): self._models,
            ("GET", "/api/tags"): self._tags,
            ("GET", "/api/version"): lambda _: _json({"version": "0.0.0-simulated"}),
            ("GET", "/sim/stats"): lambda _: _json(self._simulation.report()),
            ("POST", "/sim/reset"): self._reset,
            ("POST", "/sim/limits"): self._limit,
            ("GET", "/sim/faults"): self._faults,
            ("POST", "/sim/faults"): self._schedule,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError(f"only http is served here, not {scope['type']}")
        try:
            await self._serve(scope, receive, send)
        except _Gone:
            return
        except RequestTooLarge as error:
            await _whole(send, _json({"error": {"message": error.message}}, 413))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        body = await _body(receive)
        page = self._pages.get((method, path))
        if page:
            await _whole(send, page(body))
        elif method == "POST" and (path in self._surfaces or path.startswith(_GEMINI)):
            await self._answer(scope, body, receive, send)
        else:
            await _whole(send, _json({"error": {"message": f"There is nothing at {method} {path}."}}, 404))

    # ── the dialects ──

    async def _answer(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        surface = self._surface(scope["path"])
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            fault = parse(headers[FAULT_HEADER]) if FAULT_HEADER in headers else None
            payload = self._payload(scope, body)
        except ValueError as error:
            return await _whole(send, _json({"error": {"message": str(error)}}, 400))
        except GatewayError as error:
            return await _whole(send, Answer(400, surface.error(error, 400, "")))
        act = perform(
            self._simulation,
            Request(
                payload=payload,
                surface=surface,
                manners=MANNERS[surface.dialect],
                key=_key(scope, headers),
                fault=fault,
            ),
        )
        return await _act_out(act, scope, receive, send)

    def _surface(self, path: str) -> Surface:
        return self._surfaces[path][0] if path in self._surfaces else self._gemini

    def _payload(self, scope: Scope, body: bytes) -> Payload:
        found = self._surfaces.get(scope["path"])
        if found is None:
            return self._gemini.parse_at(scope["path"], body)
        surface, operation = found
        return surface.parse(operation, body)

    # ── pages ──

    def _models(self, _: bytes) -> Answer:
        models = [
            {"id": name, "object": "model", "created": 0, "owned_by": "headgate-simulated"}
            for name in self._simulation.settings.models
        ]
        return _json({"object": "list", "data": models})

    def _tags(self, _: bytes) -> Answer:
        details = {
            "format": "gguf",
            "family": "simulated",
            "parameter_size": "0B",
            "quantization_level": "none",
        }
        models = [
            {
                "name": name,
                "model": name,
                "modified_at": "2025-01-01T00:00:00Z",
                "size": 0,
                "digest": "0" * 64,
                "details": details,
            }
            for name in self._simulation.settings.models
        ]
        return _json({"models": models})

    def _reset(self, _: bytes) -> Answer:
        self._simulation.reset()
        return _json({"reset": True})

    def _limit(self, body: bytes) -> Answer:
        try:
            asked = msgspec.json.decode(body, type=_Limiting)
        except msgspec.DecodeError as error:
            return _json({"error": {"message": str(error)}}, 400)
        limits = Limits(rpm=asked.rpm, tpm=asked.tpm, burst=asked.burst)
        self._simulation.limit(limits, asked.key)
        return _json({"key": asked.key, "limits": limits})

    def _faults(self, _: bytes) -> Answer:
        return _json({"faults": FAULTS, "scheduled": self._simulation.scheduled})

    def _schedule(self, body: bytes) -> Answer:
        try:
            scheduled = msgspec.json.decode(body, type=tuple[Scheduled, ...])
        except msgspec.DecodeError as error:
            return _json({"error": {"message": str(error)}}, 400)
        self._simulation.schedule(scheduled)
        return _json({"scheduled": self._simulation.scheduled})


def _key(scope: Scope, headers: Mapping[str, str]) -> str:
    """The provider key, wherever the four dialects put it."""
    bearer = headers.get("authorization", "")
    if bearer[:7].lower() == "bearer ":
        return bearer[7:].strip()
    queried = parse_qs(scope["query_string"].decode("latin-1")).get("key", [""])
    return headers.get("x-api-key") or headers.get("x-goog-api-key") or queried[0]


async def _body(receive: Receive) -> bytes:
    """The request's body. Raises `_Gone`, `RequestTooLarge`."""
    pieces, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > MAX_BODY_BYTES:
            raise RequestTooLarge(f"The body is over {MAX_BODY_BYTES} bytes.")
        more = message.get("more_body", False)
    return b"".join(pieces)


async def _whole(send: Send, answer: Answer) -> None:
    headers = [(b"content-type", _JSON), (b"content-length", str(len(answer.body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _act_out(act: Act, scope: Scope, receive: Receive, send: Send) -> None:
    """Sends the act piece by piece; a client that hangs up ends it at once, wherever it stands."""
    sending = asyncio.ensure_future(_sent(act, send))
    leaving = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        if sending.done() and (how := sending.result()):
            scope["extensions"][SEVER][how]()
            await leaving
    finally:
        sending.cancel()
        leaving.cancel()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _sent(act: Act, send: Send) -> str | None:
    """How the connection is to be severed, if it is: `reset` before any byte, `close` after some."""
    begun = False
    async with aclosing(act):
        try:
            async for piece in act:
                await send(_message(piece))
                begun = True
        except Cut:
            return "close" if begun else "reset"
    await send({"type": "http.response.body", "body": b""})
    return None


def _message(piece: Head | bytes) -> Message:
    if isinstance(piece, bytes):
        return {"type": "http.response.body", "body": piece, "more_body": True}
    headers = [(name.encode(), value.encode()) for name, value in piece.headers.items()]
    return {"type": "http.response.start", "status": piece.status, "headers": headers}
