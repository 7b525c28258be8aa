"""Cache: a request that was answered before gets that answer, and nobody is asked.

Two layers that share a store. `Lookup` stands below identify and above coalesce: a hit needs no leader.
`Keep` stands right above those who answer, in whatever task asks them, and keeps what was told, once it is
whole: errors, refusals and cut streams never are. A hit is told at once, or with `pace` at a reader's speed.

Known weakness: what was streamed is not found by a request for a whole answer, nor the other way round.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType

import msgspec

from headgate.core.call import Call, Reply, Seen, Source, Tape
from headgate.core.chat import FinishReason
from headgate.core.errors import NotCached
from headgate.core.reuse import FREE, Ending, Reuse, Stored, length, told
from headgate.pipeline.service import Passage, Service
from headgate.ports.cache import Cache
from headgate.ports.clock import Clock

EVENT_END = b"\n\n"


class Lookup:
    def __init__(self, inner: Service, *, cache: Cache, clock: Clock, pace: float = 0.0) -> None:
        """`pace`: events of a stream a second, at which a hit is told; 0 is all at once."""
        self._inner = inner
        self._cache = cache
        self._clock = clock
        self._pace = pace

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        if call.identity is not None and not call.wants.no_cache:
            wall = self._clock.wall()
            answer = self._cache.get(call.identity, wall)
            if answer is not None and call.wants.takes(wall - answer.stored_at):
                return Hit(self._reply(answer, wall))
        if call.wants.only_if_cached:
            raise NotCached("No answer is kept, and 'only-if-cached' was asked for.", code="not_cached")
        return self._inner(call)

    def _reply(self, answer: Stored, wall: float) -> Reply:
        now = self._clock.now()
        return Reply(
            source=Source(
                provider=answer.provider, model_id=answer.model_id, model_name=answer.model_name, price=FREE
            ),
            seen=Seen(
                started=True,
                model=answer.served_model,
                finish=answer.finish,
                usage=answer.usage,
                complete=True,
                over=True,
            ),
            body=paced(answer.body, self._pace, self._clock) if self._pace else AtOnce(answer.body),
            tail=partial(told, answer.end),
            stream=answer.stream,
            asked_at=now,
            opened_at=now,
            attempts=0,
            reuse=Reuse.EXACT,
            age_s=max(0.0, wall - answer.stored_at),
            saved_nano=answer.cost_nano or 0,
        )


class Hit(msgspec.Struct, eq=False):
    """The context of an answer that is here already."""

    reply: Reply

    async def __aenter__(self) -> Reply:
        return self.reply

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class AtOnce(msgspec.Struct, eq=False):
    """A stream that is here already, in one piece."""

    body: bytes

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        body, self.body = self.body, b""
        if not body:
            raise StopAsyncIteration
        return body


async def paced(body: bytes, pace: float, clock: Clock) -> AsyncIterator[bytes]:
    """The same, so many events a second."""
    begun = clock.now()
    for number, event in enumerate(body.split(EVENT_END)):
        if event:
            await clock.sleep(max(0.0, begun + number / pace - clock.now()))
            yield event + EVENT_END


class Keep:
    def __init__(
        self,
        inner: Service,
        *,
        cache: Cache,
        clock: Clock,
        ttl_s: float,
        max_bytes: int,
        marked: bool,
    ) -> None:
        """`max_bytes`: a longer answer is not kept. `marked`: see `core.reuse.Ending`."""
        self.marked = marked
        self._inner = inner
        self._cache = cache
        self._clock = clock
        self._ttl_s = ttl_s
        self.max_bytes = max_bytes

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        if call.identity is None:
            return self._inner(call)
        return _Keeping(self._inner, call, keep=self)

    def put(self, identity: bytes, reply: Reply, tape: Tape | None, ending: Ending) -> None:
        """An answer that went well, if it is whole, not too long, and nobody minds."""
        wall, source, seen = self._clock.wall(), reply.source, reply.seen
        end = ending.end if ending.tail is None else ending.known()
        if length(end) > self.max_bytes:
            return
        answer = Stored(
            provider=source.provider,
            model_id=source.model_id,
            model_name=source.model_name,
            served_model=seen.model,
            finish=seen.finish,
            usage=seen.usage or reply.usage(),
            cost_nano=reply.cost_nano(),
            stream=reply.stream,
            body=b"".join(tape.pieces) if tape else b"",
            end=end,
            stored_at=wall,
            expires_at=wall + self._ttl_s,
        )
        self._cache.put(identity, answer)


class _Keeping(Passage, eq=False, kw_only=True):
    keep: Keep
    reply: Reply | None = None
    tape: Tape | None = None
    ending: Ending | None = None

    def opened(self, reply: Reply) -> None:
        self.reply = reply
        reply.reuse = Reuse.MISS
        if reply.stream:
            reply.seen.tape = self.tape = Tape(self.keep.max_bytes)
        reply.tail = self.ending = Ending(reply.tail, self.keep.marked)

    def ended(self, error: BaseException | None) -> BaseException | None:
        reply, ending, identity = self.reply, self.ending, self.call.identity
        if error is None and reply and ending and identity and self._is_whole(reply.seen):
            self.keep.put(identity, reply, self.tape, ending)
        return error

    def _is_whole(self, seen: Seen) -> bool:
        """And nobody minds that it is kept."""
        whole = self.tape is None or (seen.over and not self.tape.full)
        return whole and seen.keepable and seen.finish != FinishReason.CONTENT_FILTER
