"""Batch: requests of one kind that are asked at the same time go as one call, and its answer is split again.

Embeddings, text completions, and short chats where a route says so (`providers.openai`).

Stands below the cache, which keeps each caller's own answer, and above fallback, so that a batch is tried
like any request. Who comes while nobody else does goes at once; who comes while others are under way, or
right behind another, waits `wait_s` for company, or until `size` texts have come. Only requests of one
tenant, unless all share, and of keys with the same privacy and regions. The call runs in a task of its own,
for as long as anybody waits for it, and until the last of their deadlines. Where the provider refuses it,
each goes alone, and so does everybody like them for a while; whoever's part of the answer is in doubt goes
alone too, and his part of what was paid is put down to him. Holds the texts and the answer until all have
been told.

Known weakness: requests in one batch share its fate at the provider, and the tier of who came first.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Protocol

import msgspec

from headgate.core.call import Call, Discarded, Line, Payload, Reply, Seen
from headgate.core.errors import Unsupported, UpstreamRejected, UpstreamUnavailable
from headgate.core.usage import Usage, shared_out
from headgate.pipeline.service import Passage, Service
from headgate.ports.clock import Alarm, Clock

Key = tuple[object, ...]
SHY_S = 60.0
"""For how long requests of a kind go alone, once a batch of them has come to nothing."""
MOST_KINDS = 4096
"""Of those, so many are remembered."""


class Part(Protocol):
    """One caller's part of an answer: `tail` is `None` where there is a doubt."""

    @property
    def tail(self) -> Callable[[bytes | None], bytes] | None: ...
    @property
    def usage(self) -> Usage | None: ...
    @property
    def finish(self) -> str | None: ...


class Batching(Protocol):
    """How requests of a dialect are joined, and their answer split."""

    def common(self, call: Call, /) -> tuple[bytes, int] | None:
        """What requests of one batch have in common, and how many texts this one brings; `None`: alone."""
        ...

    def joined(self, payloads: Sequence[Payload], /) -> Payload: ...

    def split(self, document: bytes, payloads: Sequence[Payload], usage: Usage, /) -> Sequence[Part]:
        """`usage` is that of the whole. Raises `Unsupported` for an answer that does not fit at all."""
        ...


class Batch:
    def __init__(
        self,
        inner: Service,
        *,
        batching: Batching,
        clock: Clock,
        size: int,
        wait_s: float,
        shared: bool = False,
    ) -> None:
        """`shared`: requests of several tenants may go together."""
        self.inner = inner
        self.batching = batching
        self._shared = shared
        self._shy: dict[int, float] = {}
        self.clock = clock
        self.wait_s = wait_s
        self._size = size
        self._open: dict[Key, Group] = {}
        self._busy: dict[Key, tuple[int, float]] = {}

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        found = self.batching.common(call)
        if found is None or found[1] >= self._size:
            return self.inner(call)
        payload, caller = call.payload, call.caller
        tenant = None if self._shared else caller.tenant
        key = (found[0], payload.model, payload.dialect, call.chain, tenant, caller.privacy, caller.regions)
        if self._shy and self._is_shy(key):
            return self.inner(call)
        group = self._open.get(key)
        if group is None and self._idle(key):
            return _Alone(self.inner, call, owner=self, key=key)
        return Member(self, call, key, found[1])

    def join(self, member: Member, key: Key, texts: int) -> Group:
        """The batch that is being gathered, or a new one."""
        group = self._open.get(key)
        if group is not None and group.texts + texts > self._size:
            group.go()
            group = None
        if group is None:
            group = self._open[key] = Group(self, key)
        group.add(member, texts)
        if group.texts >= self._size:
            group.go()
        return group

    def gone(self, group: Group) -> None:
        """It is gathered no longer."""
        if self._open.get(group.key) is group:
            del self._open[group.key]

    def came_to_nothing(self, key: Key) -> None:
        """Whoever is asked does not take such batches, or makes nothing of them."""
        if len(self._shy) >= MOST_KINDS:
            self._shy.clear()
        self._shy[hash(key)] = self.clock.now() + SHY_S

    def _is_shy(self, key: Key) -> bool:
        until = self._shy.get(hash(key))
        if until is not None and self.clock.now() >= until:
            del self._shy[hash(key)]
            return False
        return until is not None

    def begun(self, key: Key) -> None:
        count, _ = self._busy.get(key, (0, 0.0))
        self._busy[key] = (count + 1, self.clock.now())

    def ended(self, key: Key) -> None:
        count, since = self._busy[key]
        if count > 1 or self.clock.now() - since < self.wait_s:
            self._busy[key] = (count - 1, since)
        else:
            del self._busy[key]

    def _idle(self, key: Key) -> bool:
        """Whether nobody is under way, nor was just now: then waiting would be for nothing."""
        known = self._busy.get(key)
        if known is None:
            return True
        if known[0] == 0 and self.clock.now() - known[1] >= self.wait_s:
            del self._busy[key]
            return True
        return False


class _Alone(Passage, eq=False, kw_only=True):
    """One that goes at once."""

    owner: Batch
    key: Key

    def begin(self) -> None:
        self.owner.begun(self.key)

    def ended(self, error: BaseException | None, reply: Reply | None) -> BaseException | None:
        self.owner.ended(self.key)
        return error


class Group:
    """Callers who wait for one call."""

    def __init__(self, owner: Batch, key: Key) -> None:
        self.key = key
        self.texts = 0
        self._owner = owner
        self._members: dict[Member, None] = {}
        self._task: asyncio.Task[None] | None = None
        self._alarm: Alarm = owner.clock.at(owner.clock.now() + owner.wait_s, self.go)

    def add(self, member: Member, texts: int) -> None:
        self._members[member] = None
        self.texts += texts

    def leave(self, member: Member, texts: int) -> None:
        """One less. Without anybody there is nothing to ask, or to wait for."""
        self._members.pop(member, None)
        if self._task is None:
            self.texts -= texts
        if not self._members:
            self._alarm.cancel()
            self._owner.gone(self)
            if self._task is not None:
                self._task.cancel()

    def go(self) -> None:
        self._alarm.cancel()
        self._owner.gone(self)
        if self._task is None and self._members:
            self._task = asyncio.get_running_loop().create_task(self._run(list(self._members)))

    async def _run(self, members: list[Member]) -> None:
        self._owner.begun(self.key)
        try:
            await self._asked(members)
        except Exception as error:  # noqa: BLE001  # each member raises it, in a task that somebody watches
            if isinstance(error, UpstreamRejected | Unsupported) and len(members) > 1:
                self._owner.came_to_nothing(self.key)
            for member in members:
                member.fails(error)
        finally:
            for member in members:
                member.fails(UpstreamUnavailable("The call that was shared has been given up."))
            self._owner.ended(self.key)

    async def _asked(self, members: list[Member]) -> None:
        if len(members) > 1:
            await self._together(members)
            return
        async with self._owner.inner(members[0].call) as reply:
            members[0].told(reply)

    async def _together(self, members: list[Member]) -> None:
        """As one call. What failed on the way, and what nobody gets, is on the bill of the first who has
        stayed."""
        payloads = [member.call.payload for member in members]
        call = msgspec.structs.replace(
            members[0].call,
            payload=self._owner.batching.joined(payloads),
            deadline_at=max(member.call.deadline_at for member in members),
            line=Line(),
        )
        try:
            async with self._owner.inner(call) as reply:
                async for _ in reply.body:
                    pass
                parts = self._parts(reply, payloads)
        finally:
            first = next((member for member in members if not member.gone), members[0])
            first.call.line.failed += call.line.failed
            first.call.line.discarded += call.line.discarded
        if all(part.tail is None for part in parts):
            self._owner.came_to_nothing(self.key)
        _hand_out(reply, members, parts, first)

    def _parts(self, reply: Reply, payloads: Sequence[Payload]) -> Sequence[Part]:
        usage = reply.usage()
        try:
            return self._owner.batching.split(reply.tail(None), payloads, usage)
        except Unsupported:
            lengths = [len(payload.raw) for payload in payloads]
            return [_Doubt(share) for share in shared_out(usage, lengths, lengths)]


class Member:
    """One caller's request in a batch."""

    __slots__ = ("_alone", "_doubted", "_group", "_key", "_owner", "_ready", "_texts", "call")

    def __init__(self, owner: Batch, call: Call, key: Key, texts: int) -> None:
        self.call = call
        self._owner = owner
        self._key = key
        self._texts = texts
        self._alone: AbstractAsyncContextManager[Reply] | None = None
        self._doubted: tuple[Discarded, ...] = ()

    async def __aenter__(self) -> Reply:
        self._ready: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._group = self._owner.join(self, self._key, self._texts)
        try:
            return await self._ready
        except (UpstreamRejected, Unsupported):
            self._alone = self._owner.inner(self.call)  # what is wrong may be another's
        finally:
            self._group.leave(self, self._texts)
        try:
            reply = await self._alone.__aenter__()
        except BaseException:
            self.call.line.discarded += self._doubted
            raise
        if self._doubted:
            reply.discarded = (*self._doubted, *reply.discarded)
        return reply

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._alone.__aexit__(kind, error, trace) if self._alone else None

    @property
    def gone(self) -> bool:
        """Whether he has hung up."""
        return self._ready.cancelled()

    def told(self, reply: Reply) -> None:
        if not self._ready.done():
            self._ready.set_result(reply)

    def doubts(self, paid: tuple[Discarded, ...]) -> None:
        """His part of the answer is not to be trusted, and has been paid for."""
        self._doubted = paid
        self.fails(Unsupported("A part of a batch that cannot be trusted."))

    def fails(self, error: Exception) -> None:
        """Each has an error of its own: a traceback belongs to one task."""
        if not self._ready.done():
            twin = copy.copy(error)
            twin.__cause__, twin.__traceback__ = error.__cause__, None
            self._ready.set_exception(twin)
            self._ready.exception()  # who has left will not ask


class _Doubt(msgspec.Struct, frozen=True):
    """A `Part` of an answer of which nothing can be told."""

    usage: Usage | None
    tail: Callable[[bytes | None], bytes] | None = None
    finish: str | None = None


def _hand_out(reply: Reply, members: list[Member], parts: Sequence[Part], first: Member) -> None:
    """To each his part; `first` pays for what others have left lying."""
    left = [part.usage for member, part in zip(members, parts, strict=True) if member.gone]
    paid = (*reply.discarded, *_put_aside(reply, left))
    for member, part in zip(members, parts, strict=True):
        also = paid if member is first else ()
        if part.tail is None:
            member.doubts((*also, *_put_aside(reply, [part.usage])))
            continue
        attempts = reply.attempts if member is first else 0
        own = _own(reply, member.call, part, part.tail, attempts, batched=len(members))
        own.discarded = also
        member.told(own)


def _put_aside(reply: Reply, parts: Sequence[Usage | None]) -> Iterator[Discarded]:
    """What was paid for and is told nobody."""
    price = reply.source.price
    for usage in parts:
        if usage is not None and usage.total:
            yield Discarded(reply.source, usage, price.cost_nano(usage) if price else None)


def _own(
    reply: Reply,
    call: Call,
    part: Part,
    tail: Callable[[bytes | None], bytes],
    attempts: int,
    *,
    batched: int,
) -> Reply:
    """The shared reply as one caller's."""
    seen = reply.seen
    return Reply(
        source=reply.source,
        seen=Seen(
            prompt_chars=len(call.payload.raw),
            started=True,
            model=seen.model,
            finish=part.finish or seen.finish,
            usage=part.usage,
            complete=True,
            over=True,
            keepable=seen.keepable,
            said=seen.said,
        ),
        body=_Nothing(),
        tail=tail,
        stream=False,
        asked_at=reply.asked_at,
        opened_at=reply.opened_at,
        attempts=attempts,
        fallback_from=reply.fallback_from,
        decision=reply.decision,
        queued=reply.queued,
        degraded=reply.degraded,
        batched=batched,
    )


class _Nothing:
    """The body of a whole answer."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration
