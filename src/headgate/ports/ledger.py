"""Where the rows of requests are kept for good, and what reports are read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from headgate.core.entry import Entry
from headgate.core.report import Asked


class LedgerGone(Exception):
    """The store gave no answer, or none that helps. What was asked of it may have been done, or not."""


class Ledger(Protocol):
    """Rows, and their sums by day.

    `append` is atomic and exactly once: rows come with their place in a journal (its name and the number of
    the first), rows that the store has of that journal are left out, and rows, sums and the journal's new
    mark are written together or not at all. So it may be asked again after any failure, by whoever finds the
    journal. When it returns, the rows are on disk. Rows of one journal must come in order, without gaps.

    Every verb may raise `LedgerGone`.
    """

    async def append(self, journal: str, first: int, entries: Sequence[Entry]) -> int:
        """How many of them were new."""
        ...

    async def mark(self, journal: str) -> int:
        """The number of the next row that it wants of that journal."""
        ...

    async def usage(self, asked: Asked) -> list[dict[str, Any]]:
        """Sums by what was asked, most expensive first. Reads no single row."""
        ...

    async def requests(self, after: int, limit: int, only: Mapping[str, str]) -> list[dict[str, Any]]:
        """Single rows, newest first, from before the row `after` (0: from the newest on), each with its `id`
        and its attempts that failed; `only` with these values in these of `REQUEST_FILTERS`."""
        ...

    async def forget(self, *, rows_before_us: int, sums_before_day: int, at_most: int) -> int:
        """Deletes up to so many rows from before that time, and sums from before that day. How many rows."""
        ...

    async def close(self) -> None: ...
