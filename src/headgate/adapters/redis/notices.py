"""`ports.Notices` on a Redis server: for replicas on several hosts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec
from redis import exceptions
from redis.asyncio import Redis

from headgate.core.keyring import NOTHING_SAID, Notice
from headgate.ports.notices import NoticesGone

PATIENCE_S = 1.0
AGAIN_S = 0.5
"""Between two attempts to reach a server that is away."""
QUIET_S = 30.0
"""After so long without a word the place is looked at all the same."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Notice).decode


class RedisNotices:
    """A hash, and a channel on which every change of it is told: nobody polls. Of a Redis Cluster name the
    node that keeps the slot of `{headgate:NAMESPACE}`."""

    def __init__(self, url: str, *, namespace: str = "headgate") -> None:
        self.key = f"{{headgate:{namespace}}}:notices"
        self._client: Any = Redis.from_url(url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S)
        self._listener: Any = Redis.from_url(url, socket_connect_timeout=PATIENCE_S)

    async def all(self) -> Mapping[str, Notice]:
        try:
            found = await self._client.hgetall(self.key)
            return {name.decode(): _decode(text) for name, text in found.items()}
        except (exceptions.RedisError, OSError, msgspec.DecodeError) as error:
            raise NoticesGone(f"redis: {error}") from error

    async def post(self, fingerprint: str, notice: Notice) -> None:
        try:
            while not await self._posted(fingerprint, notice):
                """Somebody else was quicker: look again."""
        except (exceptions.RedisError, OSError, msgspec.DecodeError) as error:
            raise NoticesGone(f"redis: {error}") from error

    async def _posted(self, fingerprint: str, notice: Notice) -> bool:
        async with self._client.pipeline(transaction=True) as change:
            await change.watch(self.key)
            text = await change.hget(self.key, fingerprint)
            before = _decode(text) if text else NOTHING_SAID
            if (merged := before.merged(notice)) == before:
                return True
            change.multi()
            change.hset(self.key, fingerprint, _encode(merged))
            change.publish(self.key, fingerprint)
            try:
                await change.execute()
            except exceptions.WatchError:
                return False
        return True

    async def changes(self) -> AsyncIterator[None]:
        while True:
            channel = self._listener.pubsub(ignore_subscribe_messages=True)
            try:
                await channel.subscribe(self.key)
                yield
                while True:
                    await channel.get_message(ignore_subscribe_messages=True, timeout=QUIET_S)
                    yield
            except (exceptions.RedisError, OSError):
                pass
            finally:
                with suppress(exceptions.RedisError, OSError):
                    await channel.aclose()
            await asyncio.wait([asyncio.get_running_loop().create_future()], timeout=AGAIN_S)

    async def close(self) -> None:
        for client in (self._client, self._listener):
            with suppress(exceptions.RedisError, OSError):
                await client.aclose()
