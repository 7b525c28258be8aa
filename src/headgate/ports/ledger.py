"""Where the rows of requests are kept for good, and what reports are read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from headgate.core.captured import Captured
from headgate.core.journaled import Row
from headgate.core.report import Asked
from headgate.core.retention import Old


class LedgerGone(Exception):
    """The store gave no answer, or none that helps. What was asked of it may have been done, or not."""


class RowRefused(Exception):
    """The store will not have one of these rows for what it says, now or later. None of them was written."""


class Ledger(Protocol):
    """Rows, and their sums by day; acts go to the audit log's chain, and what routes keep of content beside
    its row.

    `append` is atomic and exactly once: rows come with their place in a journal (its name and the number of
    the first), rows that the store has of that journal are left out, and rows, sums and the journal's new
    mark are written together or not at all. So it may be asked again after any failure, by whoever finds the
    journal. When it returns, the rows are on disk. Rows of one journal must come in order, without gaps.

    Every verb may raise `LedgerGone`, and `append` `RowRefused`.
    """

    async def append(self, journal: str, first: int, rows: Sequence[Row]) -> int:
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

    async def paid(self, of: str, names: Sequence[str], since_us: int, until_us: int) -> int:
        """Nano-dollars that were paid for requests of these keys, tenants, tiers or routes (`of`) which came
        in that time, copies left out. Reads single rows: of a day, not of a month."""
        ...

    async def forget(self, old: Old, *, at_most: int) -> int:
        """Deletes up to so many rows of each table that are past their time, and what hangs on them. What is
        deleted is told by an act in the audit log, with its hash, in the same transaction. How many rows were
        deleted of the table that had most."""
        ...

    async def captured(self, request_id: str) -> list[Captured]:
        """What is kept of that request's content."""
        ...

    async def close(self) -> None: ...
