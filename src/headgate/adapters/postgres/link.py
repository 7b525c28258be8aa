"""One connection to PostgreSQL, made when it is first needed and again when it was lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

CONNECT_S = 3.0
_LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


class Link:
    """One verb at a time. A verb that fails or is cancelled ends the connection: nobody knows how far it has
    come."""

    def __init__(
        self,
        url: str,
        *,
        gone: type[Exception],
        ready: Callable[[Any], Awaitable[None]],
        patience_s: float,
        **settings: str,
    ) -> None:
        """`gone` is raised where nobody answers, or not within `patience_s` seconds for one statement.
        `ready` does with a new connection what has to be done first. `settings` of the server's, by name."""
        self._url = url
        self._gone = gone
        self._ready = ready
        self._patience_s = patience_s
        self._settings = {"application_name": "headgate", **settings}
        self._connection: Any = None
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Any]:
        async with self._turn:
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await self._connect()
                yield self._connection
            except _LOST as error:
                self._hang_up()
                raise self._gone(f"{type(error).__name__}: {error}") from error
            except asyncio.CancelledError:
                self._hang_up()
                raise

    async def _connect(self) -> Any:
        connection = await asyncpg.connect(
            self._url, timeout=CONNECT_S, command_timeout=self._patience_s, server_settings=self._settings
        )
        try:
            await self._ready(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            try:
                await connection.close(timeout=CONNECT_S)
            except _LOST:
                connection.terminate()
