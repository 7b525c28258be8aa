"""HTTP towards an upstream, as much of it as a gateway needs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec


class Outgoing(msgspec.Struct, frozen=True):
    """A request for an upstream: path (appended to the base URL, may carry a query), body, extra headers."""

    path: str
    body: bytes
    headers: Mapping[str, str] = {}


class Response(Protocol):
    """An answer whose head has arrived."""

    @property
    def status(self) -> int: ...
    def header(self, name: str, /) -> str | None:
        """A header by its lower-case name."""
        ...

    async def read(self) -> bytes:
        """The rest of the body."""
        ...

    async def chunk(self) -> bytes | None:
        """The next piece as soon as it arrives, of any size; `None` at the end."""
        ...


class Transport(Protocol):
    """Sends requests to one base URL with one set of credentials.

    Leaving the context closes the exchange at once; an unfinished response drops its connection.
    Raises `UpstreamUnavailable` for refused, reset and timed-out connections, and for a body that
    breaks off (the caller knows whether that was before or after the first byte).
    """

    def __call__(self, request: Outgoing, /, *, stream: bool) -> AbstractAsyncContextManager[Response]:
        """`stream`: the context opens with the head, and `chunk` gives each piece as it arrives; without it
        the context opens when the whole body is here, which is cheaper."""
        ...
