"""What other stores keep for several processes, kept in one: where no books are, and for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import TypeVar

from headgate.adapters.accounting import Accounting
from headgate.core.account import Account
from headgate.ports.clock import Clock

T = TypeVar("T")


class MemoryAccounts(Accounting):
    """`ports.Accounts` in this process's memory: a restart forgets what was spent."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._accounts: dict[str, Account] = {}

    async def _change(self, names: Sequence[str], work: Callable[[Mapping[str, Account], int], T]) -> T:
        for name in names:
            self._accounts.setdefault(name, Account())
        return work(self._accounts, int(self._clock.now() * 1e3))

    async def read(self, names: Sequence[str]) -> dict[str, Account]:
        return {name: deepcopy(self._accounts[name]) for name in names if name in self._accounts}

    async def close(self) -> None:
        """Nothing to close."""
