"""`ports.cache.Shelf` on a Redis server: replicas share what they keep."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import Any

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from headgate.core.reuse import Stored, unpacked
from headgate.ports.cache import Extent, ShelfGone

PATIENCE_S = 1.0
"""For a connection, and for an answer."""

LARGEST = 1 / 8
"""The share of the whole room that one answer may take."""

_SCRIPT = Path(__file__).with_name("keep.lua").read_text()

log = logging.getLogger("headgate")


class RedisShelf:
    """Three keys under one hash tag: the answers in a hash, their identities by last use, the bytes in all.
    Written by one script, so that the bytes are right whoever writes.

    Known weakness: an answer that has expired takes room until its turn to go has come; and of a cluster,
    one node keeps them all.
    """

    def __init__(self, url: str, *, max_bytes: int, namespace: str = "headgate") -> None:
        self._max_bytes = max_bytes
        tag = f"{{headgate:{namespace}}}"
        self.keys = (f"{tag}:answers", f"{tag}:answers:order", f"{tag}:answers:bytes")
        self.epochs = f"{tag}:answers:epoch"
        self._client: Any = Redis.from_url(
            url,
            socket_timeout=PATIENCE_S,
            socket_connect_timeout=PATIENCE_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._script = self._client.register_script(_SCRIPT)

    async def find(self, identity: bytes, now: float) -> Stored | None:
        answers, order, _ = self.keys
        pipeline = self._client.pipeline(transaction=False)
        packed = (await self._told(pipeline.hget(answers, identity).zadd(order, {identity: now}, xx=True)))[0]
        if packed is None:
            return None
        answer = unpacked(packed)
        if answer is None:
            log.warning("an answer in Redis is damaged: passed over")
            return None
        return answer if now < answer.expires_at else None

    async def keep(self, answers: Sequence[tuple[bytes, Stored]], now: float) -> None:
        words: list[bytes] = []
        lives_s = 1.0
        for identity, answer in answers:
            if answer.weight() <= self._max_bytes * LARGEST:
                words += (identity, answer.packed())
                lives_s = max(lives_s, answer.expires_at - now)
        try:
            await self._script(keys=self.keys, args=(now, self._max_bytes, ceil(2 * lives_s), *words))
        except (exceptions.RedisError, OSError) as error:
            raise _gone(error) from error

    async def clear(self) -> int:
        pipeline = self._client.pipeline()
        pipeline.hlen(self.keys[0]).delete(*self.keys).incr(self.epochs)
        count: int = (await self._told(pipeline))[0]
        return count

    async def epoch(self) -> str:
        [epoch] = await self._told(self._client.pipeline(transaction=False).get(self.epochs))
        return "0" if epoch is None else str(int(epoch))

    async def extent(self) -> Extent:
        pipeline = self._client.pipeline()
        count, size = await self._told(pipeline.hlen(self.keys[0]).get(self.keys[2]))
        return Extent(count, int(size or 0))

    async def close(self) -> None:
        await self._client.aclose()

    async def _told(self, pipeline: Any) -> Any:
        try:
            return await pipeline.execute()
        except (exceptions.RedisError, OSError) as error:
            raise _gone(error) from error


def _gone(error: Exception) -> ShelfGone:
    return ShelfGone(f"{type(error).__name__}: {error}")
