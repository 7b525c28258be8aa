"""`ports.Accounts` in the file of the books, for the processes of one host."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from headgate.adapters.sqlite.ledger import opened, transaction
from headgate.core.account import Account, Ask, Told, bury, forgive, tell
from headgate.ports.clock import Clock
from headgate.ports.ledger import LedgerGone

T = TypeVar("T")
_decode = msgspec.json.Decoder(Account).decode
_encode = msgspec.json.Encoder().encode


class SqliteAccounts:
    """One transaction a message, in a thread of its own, because a file may make one wait. Time is the host's
    monotonic clock, which all its processes read alike, and nobody can set.

    Not synced to the disk at once: what a crash of the machine loses is what was spent since the last sync,
    some seconds ago.
    """

    def __init__(self, file: Path, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="accounts")

    async def tell(self, holder: str, number: int, asks: Sequence[Ask]) -> list[Told]:
        def work(accounts: Mapping[str, Account]) -> list[Told]:
            now = int(self._clock.now() * 1e3)
            return [tell(accounts[ask.account], holder, number, ask, now) for ask in asks]

        return await self._change([ask.account for ask in asks], work)

    async def bury(self, holder: str, totals: Mapping[tuple[str, int], int]) -> None:
        def work(accounts: Mapping[str, Account]) -> None:
            for (name, period), total in totals.items():
                bury(accounts[name], holder, period, total)

        await self._change([name for name, _ in totals], work)

    async def forgive(self, name: str, period: int) -> None:
        await self._change([name], lambda accounts: forgive(accounts[name], period))

    async def read(self, names: Sequence[str]) -> dict[str, Account]:
        return await self._do(lambda connection: _read(connection, names))

    async def _change(self, names: Sequence[str], work: Callable[[Mapping[str, Account]], T]) -> T:
        def whole(connection: sqlite3.Connection) -> T:
            with transaction(connection):
                found = _read(connection, names)
                accounts = {name: found.get(name) or Account() for name in names}
                result = work(accounts)
                connection.executemany(
                    "INSERT INTO accounts VALUES (?, ?) ON CONFLICT DO UPDATE SET state = excluded.state",
                    [(name, _encode(one).decode()) for name, one in accounts.items()],
                )
            return result

        return await self._do(whole)

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def whole() -> T:
            if self._connection is None:
                self._connection = opened(self._file)
                self._connection.execute("PRAGMA synchronous = NORMAL")
            return work(self._connection)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, whole)
        except (sqlite3.Error, msgspec.DecodeError, OSError) as error:
            raise LedgerGone(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _read(connection: sqlite3.Connection, names: Sequence[str]) -> dict[str, Account]:
    find = "SELECT state FROM accounts WHERE name = ?"
    rows = ((name, connection.execute(find, (name,)).fetchone()) for name in dict.fromkeys(names))
    return {name: _decode(row[0]) for name, row in rows if row}
