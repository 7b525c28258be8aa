"""The ASGI application: hot paths by one dictionary look-up, everything else to the cold app behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from headgate.server.hot import Scope, Send
from headgate.server.intake import Receive

AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class App:
    """`hot`: path → endpoint. `cold` builds the app for all other paths on the first request that needs
    it: FastAPI costs half a second to import, and a gateway is asked to chat first."""

    def __init__(
        self,
        hot: Mapping[str, AsgiApp],
        *,
        cold: Callable[[], AsgiApp],
        startup: Callable[[], Awaitable[None]],
        shutdown: Callable[[], Awaitable[None]],
    ) -> None:
        self._hot = hot
        self._build_cold = cold
        self._cold: AsgiApp | None = None
        self._startup = startup
        self._shutdown = shutdown

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            endpoint = self._hot.get(scope["path"])
            if endpoint is None:
                endpoint = self._cold = self._cold or self._build_cold()
            await endpoint(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self._startup()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._shutdown()
        await send({"type": "lifespan.shutdown.complete"})
