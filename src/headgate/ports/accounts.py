"""Where it is kept what was spent of budgets, by all processes together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from headgate.core.account import Account, Ask, Span, Told


class Accounts(Protocol):
    """Keeps the accounts of `core.account` for all who share them. Every verb is atomic, account by account,
    whoever else is talking, and may raise `ports.ledger.LedgerGone`: then what was said may have been
    written down, or not.

    All times are of one clock, the store's: PostgreSQL's, Redis' `TIME`; the host's monotonic clock for
    SQLite and memory."""

    async def tell(self, holder: str, number: int, asks: Sequence[Ask]) -> list[Told]:
        """What a process says, and for every account, in the same order, what it may spend. `number` grows
        with every message: one that is overtaken by the next changes nothing."""
        ...

    async def bury(self, holder: str, totals: Mapping[tuple[str, int], int]) -> None:
        """What a process that is gone had spent, by account and period; whatever was leased to it is free.
        May be said any number of times."""
        ...

    async def begin(self, wanted: Mapping[tuple[str, int], tuple[int, int]]) -> list[Span | None]:
        """By account and period: when that began, and since when it is counted here, in microseconds since
        the epoch. What of it nobody has counted, if there is such a time. `bury` under
        `core.account.earlier` says what was spent then."""
        ...

    async def leave(self, left: Mapping[tuple[str, int], int]) -> None:
        """By account and period: since when that is counted here no more, because there is no such budget."""
        ...

    async def read(self, names: Sequence[str]) -> dict[str, Account]:
        """Those of them that are known."""
        ...

    async def forgive(self, name: str, period: int) -> None:
        """Nothing counts as spent of it, from now on, in that period, which is the one that is open."""
        ...

    async def close(self) -> None: ...
