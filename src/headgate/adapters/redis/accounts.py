"""`ports.Accounts` on a Redis server: for replicas whose books are apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from headgate.adapters.accounting import Accounting
from headgate.core.account import Account
from headgate.ports.ledger import LedgerGone

PATIENCE_S = 1.0
"""For a connection, and for an answer."""
TRIES = 200
"""How often somebody else may come first."""
KEEP_S = 100 * 86_400
"""An account of which nobody has spoken for so long is forgotten: longer than any budget lasts."""

T = TypeVar("T")
_decode = msgspec.msgpack.Decoder(Account).decode
_encode = msgspec.msgpack.Encoder().encode


class RedisAccounts(Accounting):
    """Read, reckoned here, and written if nobody else has written meanwhile (`WATCH`); else again. All keys
    carry the hash tag `{headgate:NAMESPACE}`. A server that comes back empty is told by every process that
    lives what it has spent; what those spent that are gone it does not know. A cluster is not asked."""

    def __init__(self, url: str, *, namespace: str = "headgate") -> None:
        self._prefix = f"{{headgate:{namespace}}}:account:"
        self._client: Any = Redis.from_url(
            url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S, retry=Retry(NoBackoff(), 0)
        )

    async def read(self, names: Sequence[str]) -> dict[str, Account]:
        try:
            states = await self._client.mget([self._prefix + name for name in names]) if names else []
            return {name: _decode(state) for name, state in zip(names, states, strict=True) if state}
        except (exceptions.RedisError, msgspec.DecodeError, OSError) as error:
            raise LedgerGone(f"{type(error).__name__}: {error}") from error

    async def _change(self, names: Sequence[str], work: Callable[[Mapping[str, Account], int], T]) -> T:
        wanted = sorted(set(names))
        keys = [self._prefix + name for name in wanted]
        try:
            for _ in range(TRIES):
                async with self._client.pipeline() as pipe:
                    try:
                        return await _once(pipe, wanted, keys, work)
                    except exceptions.WatchError:
                        continue
        except (exceptions.RedisError, msgspec.DecodeError, OSError) as error:
            raise LedgerGone(f"{type(error).__name__}: {error}") from error
        raise LedgerGone("others always came first")

    async def close(self) -> None:
        await self._client.aclose()


async def _once(
    pipe: Any, names: Sequence[str], keys: Sequence[str], work: Callable[[Mapping[str, Account], int], T]
) -> T:
    """Raises `WatchError` where somebody else was quicker."""
    await pipe.watch(*keys)
    seconds, micros = await pipe.time()
    states = await pipe.mget(keys)
    accounts = {
        name: _decode(state) if state else Account() for name, state in zip(names, states, strict=True)
    }
    result = work(accounts, seconds * 1000 + micros // 1000)
    pipe.multi()
    for name, key in zip(names, keys, strict=True):
        pipe.set(key, _encode(accounts[name]), ex=KEEP_S)
    await pipe.execute()
    return result
