"""Cache: a request that was answered before gets that answer, and nobody is asked.

Two layers that share a store. `Lookup` stands below identify and above coalesce: a hit needs no leader.
`Keep` stands right above those who answer, in whatever task asks them, and keeps what was told, once it is
whole: errors, refusals and cut streams never are. A hit is told at once, or with `pace` at a reader's speed.
A stale answer is told where the caller bears it, or while a newer one is fetched, in a task of its own that
`Lookup` holds until it has ended.

What is kept in another form (whole, as a stream) is told in the one that is asked for, and kept in that too.

Known weakness: another form is looked for in memory alone, not where looking takes a moment.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from types import TracebackType

import msgspec

from headgate.core.call import Call, Line, Reply, Tape
from headgate.core.chat import FinishReason
from headgate.core.errors import GatewayError, NotCached
from headgate.core.identity import Identity
from headgate.core.popular import Popular
from headgate.core.reuse import ANY, Ending, Freshness, Life, Reuse, Said, Stored
from headgate.pipeline.replay import Retell, in_form, replayed
from headgate.pipeline.service import Hit, Layer, Passage, Service
from headgate.ports.cache import Cache
from headgate.ports.clock import Alarm, Clock

ANEW = Freshness(no_cache=True)
MISS, EXACT, STALE = Reuse.MISS, Reuse.EXACT, Reuse.STALE
REFUSED = FinishReason.CONTENT_FILTER
WARMED_EVERY_S = 30.0
WARM_BYTES = 65_536
"""A longer question is not kept for being asked anew."""
RENEWALS = 64
"""Stale answers that are fetched anew at once, at most; others stay stale a little longer."""


class Lookup:
    def __init__(
        self,
        inner: Service,
        *,
        cache: Cache,
        clock: Clock,
        pace: float = 0.0,
        renewing: Layer | None = None,
        warm: int = 0,
        retell: Retell | None = None,
    ) -> None:
        """`pace`: events of a stream a second, at which a hit is told; 0 is all at once. `renewing`: what
        stands around a call that is made for a newer answer while the stale one is told. `warm`: of the most
        asked questions so many are asked anew before their answers' time is over. `retell`: an answer in the
        form that another request wants, if it can be had."""
        self._inner = inner
        self._cache = cache
        self._knows, self._deep, self._get = cache.knows, cache.deep, cache.get
        self._clock = clock
        self.wall = clock.wall
        self._pace = pace
        self._renew = renewing(inner) if renewing else None
        self._renewing: dict[Identity, asyncio.Task[None]] = {}
        self._popular: Popular[Call] | None = Popular(warm) if warm else None
        self._looks_after: Alarm | None = None
        self._retell = retell

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        identity = call.identity
        if identity is None or call.wants.no_cache:
            return self.ask(call)
        if self._popular is not None:
            self._note(self._popular, identity, call)
        if self._knows(identity):
            wall = self.wall()
            answer = self._get(identity, wall)
            if answer is not None and call.wants is ANY and answer.left_s(wall) > 0.0:
                return Hit(replayed(answer, EXACT, self._clock, wall, self._pace))
            answer = in_form(self._cache, identity, call.payload, wall, self._retell)
            if answer is not None:
                return self.hit(call, answer, wall) or self.ask(call)
        else:
            identity.kept = False
        if self._deep:
            return Sought(self, call, identity)
        return self.ask(call) if call.wants.only_if_cached else self._inner(call)

    def hit(self, call: Call, answer: Stored, wall: float) -> Hit | None:
        """What is kept, where it will do. A stale answer may, while a newer one is fetched for the next."""
        age_s, left_s = wall - answer.stored_at, answer.left_s(wall)
        if call.wants.takes(age_s, left_s):
            return self._told(answer, EXACT if left_s > 0.0 else STALE, wall)
        if self._renew is None or -left_s >= answer.life.revalidate_s or not call.wants.bears(age_s, left_s):
            return None
        self._fetch(self._renew, call)
        return self._told(answer, STALE, wall)

    def _told(self, answer: Stored, reuse: Reuse, wall: float) -> Hit:
        return Hit(replayed(answer, reuse, self._clock, wall, self._pace))

    def ask(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        """Nothing that is kept will do."""
        if call.wants.only_if_cached:
            raise NotCached("No answer is kept, and 'only-if-cached' was asked for.", code="not_cached")
        return self._inner(call)

    async def seek(self, identity: Identity, wall: float) -> Stored | None:
        return await self._cache.seek(identity, wall)

    def _note(self, popular: Popular[Call], identity: Identity, call: Call) -> None:
        """Looks after what is asked most for as long as anybody asks."""
        if len(call.payload.raw) <= WARM_BYTES:
            popular.note(identity.told(), call)
        if self._looks_after is None:
            self._looks_after = self._clock.at(
                self._clock.now() + WARMED_EVERY_S, lambda: self._warm(popular)
            )

    def _warm(self, popular: Popular[Call]) -> None:
        self._looks_after = None
        wall = self._clock.wall()
        for _, call in popular.top(wall):
            answer = self._cache.get(call.identity, wall) if call.identity else None
            if self._renew and (answer is None or answer.left_s(wall) < 2 * WARMED_EVERY_S):
                self._fetch(self._renew, call)

    def _fetch(self, service: Service, call: Call) -> None:
        """Asks anew in a task of its own, for everybody who comes later; once for each question."""
        identity, now = call.identity, self._clock.now()
        if identity is None or identity in self._renewing or len(self._renewing) >= RENEWALS:
            return
        renewed = msgspec.structs.replace(
            call,
            request_id=f"{call.request_id}.renewal",
            started_at=now,
            deadline_at=now + call.deadline_at - call.started_at,
            wants=ANEW,
            line=Line(may_hedge=False),
        )
        task = asyncio.get_running_loop().create_task(_fetched(service, renewed))
        self._renewing[identity] = task
        task.add_done_callback(lambda _: self._renewing.pop(identity, None))


class Sought:
    """The same, where looking for it takes a moment."""

    __slots__ = ("_call", "_identity", "_lookup", "_opened")

    def __init__(self, lookup: Lookup, call: Call, identity: Identity) -> None:
        self._lookup = lookup
        self._call = call
        self._identity = identity

    async def __aenter__(self) -> Reply:
        lookup, wall = self._lookup, self._lookup.wall()
        answer = await lookup.seek(self._identity, wall)
        hit = lookup.hit(self._call, answer, wall) if answer else None
        self._opened: AbstractAsyncContextManager[Reply] = hit or lookup.ask(self._call)
        return await self._opened.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._opened.__aexit__(kind, error, trace)


async def _fetched(service: Service, call: Call) -> None:
    """To its end, so that it is kept."""
    try:
        async with service(call) as reply:
            async for _ in reply.body:
                pass
            reply.tail(None)
    except GatewayError:
        return  # recorded; the stale answer serves on for as long as it may


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
        revalidate_s: float = 0.0,
        if_error_s: float = 0.0,
    ) -> None:
        """`max_bytes`: a longer answer is not kept. `marked`: see `core.reuse.Ending`. After `ttl_s` it is
        stale: for `revalidate_s` it may be told while a newer one is fetched, for `if_error_s` where
        nobody answers. What the answer itself says of that comes first."""
        self.marked = marked
        self._inner = inner
        self.put, self.wall = cache.put, clock.wall
        self.ours = Life(ttl_s, revalidate_s, if_error_s)
        self.max_bytes = max_bytes

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        identity = call.identity
        if identity is None:
            return self._inner(call)
        return _Keeping(self._inner, call, keep=self, identity=identity)


def _life(ours: Life, said: Said) -> Life:
    """Of an answer that itself has something to say of that."""
    fresh_s = ours.fresh_s if said.fresh_s is None else min(ours.fresh_s, said.fresh_s)
    if said.strict:
        return Life(fresh_s)
    return Life(
        fresh_s,
        ours.revalidate_s if said.revalidate_s is None else said.revalidate_s,
        ours.if_error_s if said.if_error_s is None else said.if_error_s,
    )


class _Keeping(Passage, eq=False, kw_only=True):
    keep: Keep
    identity: Identity
    ending: Ending = msgspec.UNSET  # type: ignore[assignment]  # once it has opened: else it does not end well
    tape: Tape | None = None

    def opened(self, reply: Reply) -> None:
        reply.reuse = MISS
        self.ending = ending = Ending(reply.tail, self.keep.marked)
        reply.tail = ending.tell
        if reply.stream:
            reply.seen.tape = self.tape = Tape(self.keep.max_bytes)

    def ended(self, error: BaseException | None, reply: Reply | None) -> BaseException | None:
        """Keeps an answer that went well, if it is whole, not too long, and nobody minds."""
        if error is not None or reply is None:
            return error
        tape, ending, keep = self.tape, self.ending, self.keep
        source, seen = reply.source, reply.seen
        if not seen.keepable or seen.finish == REFUSED or (tape and (tape.full or not seen.over)):
            return None
        end = ending.end if ending.tail is None else ending.known()
        if len(end[0]) > keep.max_bytes:
            return None
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
            stored_at=keep.wall(),
            life=keep.ours if seen.said is None else _life(keep.ours, seen.said),
        )
        keep.put(self.identity, answer)
        return None
