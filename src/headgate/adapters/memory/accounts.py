"""What other stores keep for several processes, kept in one: where no books are, and for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy

from headgate.core.account import Account, Ask, Told, bury, forgive, tell
from headgate.ports.clock import Clock


class MemoryAccounts:
    """`ports.Accounts` in this process's memory: a restart forgets what was spent."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._accounts: dict[str, Account] = {}

    async def tell(self, holder: str, number: int, asks: Sequence[Ask]) -> list[Told]:
        now = int(self._clock.now() * 1e3)
        return [tell(self._of(ask.account), holder, number, ask, now) for ask in asks]

    async def bury(self, holder: str, totals: Mapping[tuple[str, int], int]) -> None:
        for (name, period), total in totals.items():
            bury(self._of(name), holder, period, total)

    async def read(self, names: Sequence[str]) -> dict[str, Account]:
        return {name: deepcopy(self._accounts[name]) for name in names if name in self._accounts}

    async def forgive(self, name: str, period: int) -> None:
        forgive(self._of(name), period)

    def _of(self, name: str) -> Account:
        return self._accounts.setdefault(name, Account())

    async def close(self) -> None:
        """Nothing to close."""
