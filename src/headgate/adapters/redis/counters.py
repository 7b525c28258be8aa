"""`ports.Counters` on a Redis server, or a cluster of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from redis import exceptions
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from headgate.core.lease import FORGET_MS, GRACE_MS, MEMBER_MS, QUANTUM_MS, YOUNG_MS, Hello, Reply
from headgate.ports.counters import StoreGone

PATIENCE_S = 1.0
"""For a connection, and for an answer."""

_SCRIPT = Path(__file__).with_name("sync.lua").read_text()
_NUMBERS = (QUANTUM_MS, MEMBER_MS, FORGET_MS, GRACE_MS, YOUNG_MS)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Reply).decode


class RedisCounters:
    """One script, one round trip a message (`EVALSHA`; the text only where the server does not know it yet).

    All keys carry the hash tag `{headgate:NAMESPACE}`, so that a Redis Cluster keeps them on one node: a
    message is about several windows at once. Who answers `MOVED` is such a cluster, and is asked as one
    from then on. Time is the server's `TIME`, asked inside the script; after a failover the replica's,
    which the script takes for a clock that was set.
    """

    def __init__(self, url: str, *, namespace: str = "headgate", time_ms: int | None = None) -> None:
        """`time_ms`: what the server's clock shows, for tests."""
        self._url = url
        self.time_ms = time_ms
        tag = f"{{headgate:{namespace}}}"
        self.keys = (f"{tag}:books", f"{tag}:members")
        self._client: Any = Redis.from_url(url, **_OPTIONS)
        self._script = self._client.register_script(_SCRIPT)

    async def sync(self, hello: Hello) -> Reply:
        try:
            return await self._ask(hello)
        except exceptions.MovedError:
            await self._use_cluster()
        except (exceptions.RedisError, OSError) as error:
            raise _gone(error) from error
        try:
            return await self._ask(hello)
        except (exceptions.RedisError, OSError) as error:
            raise _gone(error) from error

    async def _ask(self, hello: Hello) -> Reply:
        time = "" if self.time_ms is None else self.time_ms
        answer = await self._script(keys=self.keys, args=(_encode(hello), time, *_NUMBERS))
        return _decode(answer)

    async def _use_cluster(self) -> None:
        before, self._client = self._client, RedisCluster.from_url(self._url, **_OPTIONS)
        self._script = self._client.register_script(_SCRIPT)
        await before.aclose()

    async def close(self) -> None:
        await self._client.aclose()


_OPTIONS: dict[str, Any] = {
    "socket_timeout": PATIENCE_S,
    "socket_connect_timeout": PATIENCE_S,
    "retry": Retry(NoBackoff(), 0),  # the holder asks again, and knows that it does
}


def _gone(error: Exception) -> StoreGone:
    nobody_there = isinstance(error, exceptions.ConnectionError) and not isinstance(
        error, exceptions.TimeoutError
    )
    return StoreGone(f"{type(error).__name__}: {error}", nobody_there=nobody_there)
