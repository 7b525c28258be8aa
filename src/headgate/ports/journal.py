"""Where the row of a request is written down first."""

from __future__ import annotations

from typing import Protocol

from headgate.core.record import Record


class NotKept(Exception):
    """The disk does not take the row now. It is held in memory, and will be written when that is possible."""


class Journal(Protocol):
    async def keep(self, record: Record) -> None:
        """Returns when the row is on disk. Raises `NotKept`; never waits longer than the disk does."""
        ...
