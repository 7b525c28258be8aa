"""`ports.Accounts` in PostgreSQL, beside the books."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from headgate.adapters.accounting import Accounting
from headgate.adapters.postgres.ledger import PostgresLedger
from headgate.core.account import Account
from headgate.ports.ledger import LedgerGone

T = TypeVar("T")
_decode = msgspec.json.Decoder(Account).decode
_encode = msgspec.json.Encoder().encode
_NEW = "INSERT INTO accounts SELECT unnest($1::text[]), '[]' ON CONFLICT DO NOTHING"
_FIND = "SELECT name, state FROM accounts WHERE name = ANY($1::text[])"
_SET = (
    "UPDATE accounts SET state = new.state FROM unnest($1::text[], $2::text[]) AS new(name, state)"
    " WHERE accounts.name = new.name"
)
_NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"


class PostgresAccounts(Accounting):
    """A connection of its own: who waits for rows to be written should not wait for money. Rows are locked in
    the order of their names. What a crash of the server loses, its last second, living processes tell
    again."""

    def __init__(self, url: str, *, schema: str) -> None:
        self._store = PostgresLedger(url, schema=schema)

    async def read(self, names: Sequence[str]) -> dict[str, Account]:
        async with self._store.connected() as connection:
            rows = await connection.fetch(_FIND, list(names))
        return {row["name"]: _decoded(row["state"]) for row in rows}

    async def _change(self, names: Sequence[str], work: Callable[[Mapping[str, Account], int], T]) -> T:
        wanted = sorted(set(names))
        async with self._store.connected() as connection, connection.transaction():
            await connection.execute("SET LOCAL synchronous_commit = off")
            rows = await connection.fetch(f"{_FIND} ORDER BY name FOR UPDATE", wanted)
            if len(rows) < len(wanted):
                await connection.execute(_NEW, wanted)
                rows = await connection.fetch(f"{_FIND} ORDER BY name FOR UPDATE", wanted)
            accounts = {row["name"]: _decoded(row["state"]) for row in rows}
            result = work(accounts, await connection.fetchval(_NOW))
            states = [_encode(accounts[name]).decode() for name in wanted]
            await connection.execute(_SET, wanted, states)
        return result

    async def close(self) -> None:
        await self._store.close()


def _decoded(state: str) -> Account:
    try:
        return _decode(state)
    except msgspec.DecodeError as error:
        raise LedgerGone(f"an account cannot be read: {error}") from error
