"""Route: turns the name the caller used into the chain of pools to try.

Stands above fallback, which follows the chain. Holds nothing.

Known weakness: it knows names only; nothing of the request's content decides.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import msgspec

from headgate.core.call import Call, Reply
from headgate.core.routes import Routes
from headgate.pipeline.service import Service


class Route:
    def __init__(self, inner: Service, *, routes: Routes) -> None:
        self._inner = inner
        self._routes = routes

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        chain = self._routes.resolve(call.payload.model, call.caller.models)
        return self._inner(msgspec.structs.replace(call, chain=chain))
