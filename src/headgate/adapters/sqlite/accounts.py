"""`ports.Accounts` in the file of the books, for the processes of one host."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from headgate.adapters.accounting import Accounting
from headgate.adapters.sqlite.aside import Aside, transaction
from headgate.adapters.sqlite.ledger import opened
from headgate.core.account import Account
from headgate.ports.clock import Clock
from headgate.ports.ledger import LedgerGone

T = TypeVar("T")
_decode = msgspec.json.Decoder(Account).decode
_encode = msgspec.json.Encoder().encode


class SqliteAccounts(Accounting):
    """One transaction a message, in a thread of its own, because a file may make one wait. Time is the host's
    monotonic clock, which all its processes read alike, and nobody can set.

    Not synced to the disk at once: what a crash of the machine loses is what was spent since the last sync,
    some seconds ago.
    """

    def __init__(self, file: Path, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._aside = Aside(self._opened, name="accounts", gone=LedgerGone)

    async def read(self, names: Sequence[str]) -> dict[str, Account]:
        return await self._aside.do(lambda connection: _read(connection, names))

    async def _change(self, names: Sequence[str], work: Callable[[Mapping[str, Account], int], T]) -> T:
        def whole(connection: sqlite3.Connection) -> T:
            with transaction(connection):
                found = _read(connection, names)
                accounts = {name: found.get(name) or Account() for name in names}
                result = work(accounts, int(self._clock.now() * 1e3))
                connection.executemany(
                    "INSERT INTO accounts VALUES (?, ?) ON CONFLICT DO UPDATE SET state = excluded.state",
                    [(name, _encode(one).decode()) for name, one in accounts.items()],
                )
            return result

        return await self._aside.do(whole)

    def _opened(self) -> sqlite3.Connection:
        connection = opened(self._file)
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    async def close(self) -> None:
        await self._aside.close()


def _read(connection: sqlite3.Connection, names: Sequence[str]) -> dict[str, Account]:
    find = "SELECT state FROM accounts WHERE name = ?"
    rows = ((name, connection.execute(find, (name,)).fetchone()) for name in dict.fromkeys(names))
    return {name: _decode(row[0]) for name, row in rows if row}
