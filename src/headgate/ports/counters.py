"""Limits that several processes share."""

from __future__ import annotations

from typing import Protocol

from headgate.core.lease import Hello, Reply


class StoreGone(Exception):
    """The store gave no answer. `nobody_there`: there was not even a connection, so it has done nothing."""

    def __init__(self, message: str, *, nobody_there: bool = False) -> None:
        super().__init__(message)
        self.nobody_there = nobody_there


class Counters(Protocol):
    """Keeps the books of `core.lease` for all who share them.

    There is one verb, and it is atomic: what a message tells of uses, what it gives back, the slices it is
    leased of every window, and that its holder lives, are written down together or not at all, whoever else
    is talking; of one window as much as there is, up to what is due to the holder. A message that arrives
    twice is done once.

    All times are of one clock, the store's: Redis' `TIME`, asked inside the script; the host's monotonic
    clock for SQLite and memory. A process's own clock is never written down.
    """

    async def sync(self, hello: Hello) -> Reply:
        """One message and its answer, in one round trip. Raises `StoreGone`."""
        ...

    async def close(self) -> None: ...
