"""What the stores of accounts have in common: the verbs of `ports.Accounts`, in terms of one change."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from headgate.core.account import Account, Ask, Span, Told, begin, bury, forgive, leave, tell

T = TypeVar("T")


class Accounting(ABC):
    @abstractmethod
    async def _change(self, names: Sequence[str], work: Callable[[Mapping[str, Account], int], T]) -> T:
        """Has the accounts of these names changed by `work`, which is told the store's time in milliseconds;
        nobody else changes them meanwhile. Raises `LedgerGone`."""

    async def tell(self, holder: str, number: int, asks: Sequence[Ask]) -> list[Told]:
        def work(accounts: Mapping[str, Account], now: int) -> list[Told]:
            return [tell(accounts[ask.account], holder, number, ask, now) for ask in asks]

        return await self._change([ask.account for ask in asks], work)

    async def bury(self, holder: str, totals: Mapping[tuple[str, int], int]) -> None:
        def work(accounts: Mapping[str, Account], now: int) -> None:
            for (name, period), total in totals.items():
                bury(accounts[name], holder, period, total)

        await self._change([name for name, _ in totals], work)

    async def begin(self, wanted: Mapping[tuple[str, int], tuple[int, int]]) -> list[Span | None]:
        def work(accounts: Mapping[str, Account], now: int) -> list[Span | None]:
            return [
                begin(accounts[name], period, starts_us, now_us)
                for (name, period), (starts_us, now_us) in wanted.items()
            ]

        return await self._change([name for name, _ in wanted], work)

    async def leave(self, left: Mapping[tuple[str, int], int]) -> None:
        def work(accounts: Mapping[str, Account], now: int) -> None:
            for (name, period), now_us in left.items():
                leave(accounts[name], period, now_us)

        await self._change([name for name, _ in left], work)

    async def forgive(self, name: str, period: int) -> None:
        await self._change([name], lambda accounts, now: forgive(accounts[name], period))
