"""In front of `/admin`: who shows no admin key is not listened to, and nobody for long.

Stands before FastAPI, which reads a body, whatever its size and pace, and says what is wrong with it, before
it asks who sends it. What the key may do each route asks for itself.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from headgate.core.denials import ADMIN, Asked
from headgate.core.errors import GatewayError, Unauthenticated
from headgate.ports.codec import Surface
from headgate.server import intake
from headgate.server.app import AsgiApp, Scope, Send
from headgate.server.errors import retry_after, status_of
from headgate.server.front import House
from headgate.server.intake import Message, Receive

MOST_BYTES = 1_000_000
"""Of what an admin orders: a thousand names of the greatest length fit."""


class Gate:
    """ASGI middleware. `surface` writes errors."""

    def __init__(self, app: AsgiApp, house: House, surface: Surface) -> None:
        self._app = app
        self._house = house
        self._surface = surface

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(ADMIN):
            await self._app(scope, receive, send)
            return
        try:
            body = await self._heard(dict(scope["headers"]), receive)
        except GatewayError as error:
            self._house.denied(error, Asked("", "", scope["path"], ""))
            await document(self._surface, error, status_of(error))(scope, receive, send)
            return
        await self._app(scope, _again(body, receive), send)

    async def _heard(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        front = self._house.front
        if front.admin.admit(headers) is None:
            raise Unauthenticated("This is for admin keys.", code="invalid_api_key")
        return await intake.read_body(
            receive, headers, max_bytes=MOST_BYTES, patience_s=front.body_patience_s
        )


def _again(body: bytes, receive: Receive) -> Receive:
    """Tells what has been received once more, and then whatever comes."""
    told: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return told.pop() if told else await receive()

    return again


def document(surface: Surface, error: GatewayError, status: int) -> Response:
    """An error as an answer."""
    headers: dict[str, Any] = {}
    after = retry_after(error, status)
    if after is not None:
        headers["retry-after"] = after.decode()
    return Response(surface.error(error, status, ""), status, headers, media_type="application/json")
