"""Rows for tests, and a PostgreSQL to keep them in."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from msgspec import structs

from gateway import free_port
from headgate.core.attempt import Attempt
from headgate.core.entry import Entry
from headgate.core.kind import DAY_US, Kind, packed, unpacked
from headgate.ports.store import Store

POSTGRES = "postgresql://postgres@127.0.0.1:5432/test"
NOON_US = 1_793_016_000_000_000
"""2026-10-26, 12:00 UTC."""
DAY = 20_752
FAILED = Attempt("bad", "x", "x-1", "1", "eu", "UpstreamUnavailable", 503)
ASIDE = Attempt("weak", "w", "w-1", "2", "eu", "", 200, 10, 1, 2, 4, 3, 7, "config 1/2/-/-/-", 2)
"""An answer that was put aside, of estimated tokens."""


def entry(**members: Any) -> Entry:
    """A row with these members, its own or of its kind."""
    at_us = members.get("at_us", NOON_US)
    usual: dict[str, Any] = {
        "at_us": at_us,
        "day": at_us // DAY_US,
        "request_id": "req_1",
        "outcome": "finished",
        "operation": "chat",
        "tenant": "acme",
        "key": "k",
        "tier": "",
        "requested": "auto",
        "intent": "",
        "tags": "",
        "total_us": 1_000,
        "error": "",
        "model": "m",
        "provider": "p",
        "input": 10,
        "output": 5,
        "cost_nano": 100,
        "price": "config 3/15/-/-/-",
        "reuse": "miss",
        "attempts": 1,
    }
    every = {**usual, **members}
    kind = {name: every.pop(name) for name in Kind.__struct_fields__ if name in every}
    return Entry(packed(Kind(**kind)), **every)


def shown(row: Entry) -> SimpleNamespace:
    """All that a row says, with what it has in common with others of its kind."""
    return SimpleNamespace(**structs.asdict(row) | structs.asdict(unpacked(row.kind)))


Make = Callable[[], Store]
"""Gives a process's way to a store of the books."""


def run(make: Make, story: Callable[[Store], Coroutine[Any, Any, Any]]) -> Any:
    """What the story of one process at that store comes to."""

    async def whole() -> Any:
        store = make()
        try:
            return await story(store)
        finally:
            await store.close()

    return asyncio.run(whole())


def needs_postgres() -> None:
    """Skips the test where there is no PostgreSQL; fails it where there must be one."""
    try:
        socket.create_connection(("127.0.0.1", 5432), timeout=1.0).close()
    except OSError:
        message = "no PostgreSQL on 127.0.0.1:5432"
        if os.environ.get("CI"):  # noqa: TID251 - whether a missing server is a failure
            pytest.fail(message)
        pytest.skip(message)


@contextmanager
def schema() -> Iterator[str]:
    """The name of a schema that is gone afterwards."""
    needs_postgres()
    name = f"test_{uuid4().hex[:12]}"
    try:
        yield name
    finally:
        asyncio.run(_drop(name))


async def _drop(name: str) -> None:
    connection = await asyncpg.connect(POSTGRES)
    try:
        await connection.execute(f'DROP SCHEMA IF EXISTS "{name}" CASCADE')
    finally:
        await connection.close()


class Wire:
    """A way to PostgreSQL that can be cut, where connections end and new ones are refused, and mended."""

    def __init__(self) -> None:
        self.port = free_port()
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self.mend()

    @property
    def url(self) -> str:
        return POSTGRES.replace("5432", str(self.port))

    def mend(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        listener, self._listener = self._listener, None
        for one in (listener, *self._open):
            if one is not None:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
        self._open.clear()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", 5432))
                self._open |= {near, far}
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=pair, daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
