"""`ports.Accounts` on a Redis server, or a cluster of them: for replicas whose books are apart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from redis import exceptions
from redis.asyncio import Redis, RedisCluster
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
_LOOK = "return {redis.call('TIME'), redis.call('MGET', unpack(KEYS))}"
_SWAP = Path(__file__).with_name("swap.lua").read_text()
_decode = msgspec.msgpack.Decoder(Account).decode
_encode = msgspec.msgpack.Encoder().encode
_OPTIONS: dict[str, Any] = {
    "socket_timeout": PATIENCE_S,
    "socket_connect_timeout": PATIENCE_S,
    "retry": Retry(NoBackoff(), 0),
}


class RedisAccounts(Accounting):
    """Read, reckoned here, and written if nobody else has written meanwhile; else again. All keys carry the
    hash tag `{headgate:NAMESPACE}`, so that a Redis Cluster keeps them on one node, whose time it is; who
    answers `MOVED` is such a cluster, and is asked as one from then on. A server that comes back empty is
    told by every process that lives what it has spent; what those spent that are gone the books know."""

    def __init__(self, url: str, *, namespace: str = "headgate") -> None:
        self._url = url
        self._prefix = f"{{headgate:{namespace}}}:account:"
        self._use(Redis.from_url(url, **_OPTIONS))

    def _use(self, client: Any) -> None:
        self._client = client
        self._look, self._swap = client.register_script(_LOOK), client.register_script(_SWAP)

    async def read(self, names: Sequence[str]) -> dict[str, Account]:
        if not names:
            return {}
        _, states = await self._asked(partial(self._look_at, self._keys(names)))
        return {name: _decoded(state) for name, state in zip(names, states, strict=True) if state}

    async def _change(self, names: Sequence[str], work: Callable[[Mapping[str, Account], int], T]) -> T:
        wanted = sorted(set(names))
        keys = self._keys(wanted)
        for _ in range(TRIES):
            (seconds, micros), states = await self._asked(partial(self._look_at, keys))
            found = [_decoded(state) if state else Account() for state in states]
            accounts = dict(zip(wanted, found, strict=True))
            result = work(accounts, int(seconds) * 1000 + int(micros) // 1000)
            words: list[Any] = [KEEP_S]
            for name, state in zip(wanted, states, strict=True):
                words += (state or b"", _encode(accounts[name]))
            if await self._asked(partial(self._swap_of, keys, words)):
                return result
        raise LedgerGone("others always came first")

    async def _look_at(self, keys: Sequence[str]) -> Any:
        return await self._look(keys=keys)

    async def _swap_of(self, keys: Sequence[str], words: Sequence[Any]) -> Any:
        return await self._swap(keys=keys, args=words)

    def _keys(self, names: Sequence[str]) -> list[str]:
        return [self._prefix + name for name in names]

    async def _asked(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Raises `LedgerGone`."""
        try:
            try:
                return await ask()
            except exceptions.MovedError:
                before = self._client
                self._use(RedisCluster.from_url(self._url, **_OPTIONS))
                await before.aclose()
                return await ask()
        except (exceptions.RedisError, OSError) as error:
            raise LedgerGone(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        await self._client.aclose()


def _decoded(state: bytes) -> Account:
    try:
        return _decode(state)
    except msgspec.DecodeError as error:
        raise LedgerGone(f"an account cannot be read: {error}") from error
