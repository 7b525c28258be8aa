"""The ASGI application: hot paths by one dictionary look-up, everything else to the cold app behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, MutableMapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from headgate.server.intake import Direct, Message, Receive

Scope = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class Hot(Protocol):
    """Serves a hot path: by ASGI on any server, and at once on ours (`server.protocol`)."""

    def __call__(self, scope: Scope, receive: Receive, send: Send, /) -> Awaitable[None]: ...
    def serve(self, direct: Direct, /) -> Coroutine[Any, Any, None]: ...


Paths = Mapping[str, Hot]
Life = Callable[[], AbstractAsyncContextManager[tuple[Paths, Callable[[], AsgiApp]]]]
"""Opens for as long as the server runs, on the hot paths and on what builds the app for all others."""


class App:
    """The cold app is built in a thread of its own once the hot paths are open: FastAPI takes longer to
    import than all the rest, and a gateway is asked to chat first. `hot` is for a server that looks there
    itself, by the path as it is on the wire.
    """

    def __init__(self, life: Life) -> None:
        self._life = life
        self._hot: Paths = {}
        self.hot: dict[bytes, Hot] = {}
        self._cold: asyncio.Future[AsgiApp] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            endpoint = self._hot.get(scope["path"]) if scope["method"] == "POST" else None
            await (endpoint or await self._cold_app())(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _cold_app(self) -> AsgiApp:
        if self._cold is None:
            raise RuntimeError("the server sends requests before it has started the application")
        return await asyncio.shield(self._cold)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self._life() as (self._hot, build_cold):
            self.hot = {path.encode(): endpoint for path, endpoint in self._hot.items()}
            self._cold = asyncio.get_running_loop().run_in_executor(None, build_cold)
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})
