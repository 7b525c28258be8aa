"""Coalesce: requests that say the same at the same time share one upstream call, and its stream.

The call runs in a task of its own, for as long as anybody follows; the first to ask is a follower like the
others, so that his hang-up, his deadline and his pace are his alone. A late follower is told at once what has
been said so far. For a while after its end an answer serves those who ask then. Where the call fails before
its first byte, one of the others asks again, for all. Stands below the cache, outside the upstreams' limits.
Holds the answer until the window after its end has passed.

Who made the call pays for it; where he leaves early, the next follower does.

Known weakness: the call waits with the tier and the deadline of who asked first.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from types import TracebackType

import msgspec
from msgspec.structs import replace

from headgate.core.broadcast import Listener, Pieces
from headgate.core.call import Call, Reply, Source
from headgate.core.errors import (
    AllUpstreamsFailed,
    BudgetSpent,
    GatewayError,
    Overloaded,
    UpstreamInterrupted,
    UpstreamUnavailable,
)
from headgate.core.identity import Identity
from headgate.core.reuse import Ending, Reuse, ending_of
from headgate.pipeline.replay import free
from headgate.pipeline.service import Service
from headgate.ports.clock import Alarm, Clock


class Coalesce:
    def __init__(
        self, inner: Service, *, clock: Clock, window_s: float, max_bytes: int, marked: bool
    ) -> None:
        """`window_s`: how long an answer serves after its end; 0 where a cache does that. `max_bytes`: of an
        answer that can still be joined, and of all together that wait for their window to pass. `marked`: see
        `core.reuse.Ending`.
        """
        self.inner = inner
        self.clock = clock
        self.max_bytes = max_bytes
        self.marked = marked
        self._window_s = window_s
        self._shared: dict[Identity, Shared] = {}
        self._past: dict[Shared, Alarm] = {}
        self._past_bytes = 0

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        if call.identity is None or call.wants.no_cache:
            return self.inner(call)
        return Following(self, call, call.identity)

    def join(self, call: Call, identity: Identity) -> Shared:
        """The running call for that identity; a new one where there is none that can be joined."""
        shared = self._shared.get(identity)
        if shared is not None and shared.open_to(call, self.clock.now()):
            return shared
        shared = self._shared[identity] = Shared(self, call, identity, Pieces(self.max_bytes))
        shared.begin()
        return shared

    def ended(self, shared: Shared, *, well: bool) -> None:
        """A call has ended. If it went well, it serves until the window closes or the room is needed."""
        if not well or not self._window_s or not shared.pieces.whole:
            self.forget(shared)
            return
        until = self.clock.now() + self._window_s
        self._past[shared] = self.clock.at(until, lambda: self._pass(shared))
        self._past_bytes += shared.weight()
        while self._past_bytes > self.max_bytes:
            oldest = next(iter(self._past))
            self._past[oldest].cancel()
            self._pass(oldest)

    def _pass(self, shared: Shared) -> None:
        if self._past.pop(shared, None) is not None:
            self._past_bytes -= shared.weight()
        self.forget(shared)

    def forget(self, shared: Shared) -> None:
        """Nobody joins it any more."""
        found = self._shared.pop(shared.identity, shared)
        if found is not shared:
            self._shared[shared.identity] = found


class Shared(msgspec.Struct, eq=False):
    """One upstream call and who follows it. Runs from the moment it is begun. `reply` is there once there is
    something to tell: of a stream when it has opened, of a whole answer when that has ended.

    Made for every request that coalesces, mostly for one follower: a Struct, because Python 3.11 takes four
    times as long over an `__init__`.
    """

    owner: Coalesce
    call: Call
    identity: Identity
    pieces: Pieces
    reply: Reply | None = None
    ending: Ending | None = None
    ended_at: float | None = None
    error: Exception | None = None
    payer: Following | None = None
    paid: bool = False
    task: asyncio.Task[None] | None = None
    _followers: dict[Following, None] = {}
    _waiting: list[asyncio.Future[None]] = []
    _more: asyncio.Future[None] | None = None

    def begin(self) -> None:
        self.task = asyncio.get_running_loop().create_task(self._run())

    def free(self, reply: Reply) -> Source:
        """Where the answer comes from, for those who do not pay."""
        source = reply.source
        return free(source.provider, source.model_id, source.model_name)

    def open_to(self, call: Call, now: float) -> bool:
        """Whether who asks now can hear all of it, and takes an answer of that age."""
        if self.error is not None or not self.pieces.whole or (self.task and self.task.cancelling()):
            return False
        return self.ended_at is None or call.wants.takes(now - self.ended_at)

    def weight(self) -> int:
        """Bytes of an answer that has ended."""
        before, after = self.ending.known() if self.ending else (b"", None)
        return self.pieces.said + len(before) + len(after or b"")

    async def change(self) -> None:
        """Until there is news."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    def heard(self) -> None:
        """Somebody has listened: who speaks may go on, if he has waited for that."""
        if self._more is not None and not self.pieces.ahead:
            _wake(self._more)

    def join(self, follower: Following) -> Listener:
        """One more. The first is who made the call, and pays."""
        self._followers[follower] = None
        if not self.paid:
            self.payer, self.paid = follower, True
        return self.pieces.join()

    async def leave(self, follower: Following, listener: Listener) -> None:
        """One less. The last to leave ends the call, and waits until it is settled."""
        self.pieces.leave(listener)
        self._followers.pop(follower, None)
        over = self.ended_at is not None or self.error is not None
        if over or not self._followers:
            if self.payer is follower:
                self.payer = None  # or they would keep each other
            if over:
                return
        else:
            if self.payer is follower:
                follower.excused()
                self.payer = next(iter(self._followers))
                self.payer.pays()
            self.heard()
            return
        self.owner.forget(self)
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait({self.task})
            self.task = None  # it knows the frame that knows this

    async def _run(self) -> None:
        try:
            async with self.owner.inner(self.call) as reply:
                self.ending = ending_of(reply.tail, marked=self.owner.marked)
                if reply.stream:
                    await self._stream(reply)
                else:
                    async for piece in reply.body:
                        self.pieces.say(piece)
            self.reply, self.ended_at = reply, self.owner.clock.now()
        except Exception as error:  # noqa: BLE001  # each follower raises it, in a task that somebody watches
            self.error = error
            if isinstance(error, GatewayError):
                error.__traceback__ = None  # that knows this frame: a cycle, else
        except asyncio.CancelledError:
            self.error = UpstreamUnavailable("The call that was shared has been given up.")
            raise
        finally:
            self.owner.ended(self, well=self.ended_at is not None)
            self._news()

    async def _stream(self, reply: Reply) -> None:
        """Tells pieces as they come, no further ahead than somebody may want."""
        self.reply = reply
        self._news()
        async for piece in reply.body:
            self.pieces.say(piece)
            self._news()
            if self.pieces.ahead:
                await self._wanted()

    def _news(self) -> None:
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            _wake(one)

    async def _wanted(self) -> None:
        self._more = asyncio.get_running_loop().create_future()
        try:
            await self._more
        finally:
            self._more = None


class Following(msgspec.Struct, eq=False):
    """One request that follows a shared call. The reply is its own, the answer everybody's."""

    _owner: Coalesce
    _call: Call
    _identity: Identity
    reply: Reply | None = None
    _shared: Shared = msgspec.UNSET  # type: ignore[assignment]  # from the moment it follows
    _listener: Listener = msgspec.UNSET  # type: ignore[assignment]  # likewise

    async def __aenter__(self) -> Reply:
        while True:
            try:
                return await self._opened()
            except BudgetSpent as error:  # his, and not mine: whoever asks next asks for himself
                if self._shared.call is self._call or self._shared.call.caller.key == self._call.caller.key:
                    raise
                error.__traceback__ = None
            except (UpstreamUnavailable, AllUpstreamsFailed, Overloaded) as error:
                if self._shared.call is self._call:
                    raise
                error.__traceback__ = None
                break
        return await self._opened()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        reply, shared = self.reply, self._shared.reply
        if reply is not None and shared is not None and reply.source is not shared.source:
            reply.saved_nano = shared.cost_nano() or 0
        await self._left()

    def pays(self) -> None:
        """Whose call it was has left: from now on it is this one's."""
        shared = self._shared.reply
        if self.reply is not None and shared is not None:
            self.reply.source, self.reply.reuse, self.reply.attempts = (
                shared.source,
                shared.reuse,
                shared.attempts,
            )
            self.reply.judged, self.reply.discarded = shared.judged, shared.discarded

    def excused(self) -> None:
        """It was this one's, and has become another's."""
        if (reply := self.reply) is not None:
            reply.source, reply.reuse, reply.attempts = self._shared.free(reply), Reuse.COALESCED, 0
            reply.judged, reply.discarded = None, ()

    async def _opened(self) -> Reply:
        self._shared = shared = self._owner.join(self._call, self._identity)
        self._listener = shared.join(self)
        asked_at = self._owner.clock.now()
        try:
            while shared.reply is None and shared.error is None:
                await shared.change()
            if shared.reply is None:
                raise again(shared.error)
        except BaseException:
            await self._left()
            raise
        self.reply = self._told(shared.reply, asked_at)
        return self.reply

    async def _left(self) -> None:
        await self._shared.leave(self, self._listener)

    def _told(self, reply: Reply, asked_at: float) -> Reply:
        """The shared reply as this request's own."""
        shared = self._shared
        tail, body = shared.ending.tell if shared.ending else reply.tail, _Told(shared, self._listener)
        if shared.payer is self:
            return replace(reply, body=body, tail=tail)
        now = self._owner.clock.now()
        return Reply(
            source=shared.free(reply),
            seen=reply.seen,
            body=body,
            tail=tail,
            stream=reply.stream,
            asked_at=asked_at,
            opened_at=now,
            attempts=0,
            fallback_from=reply.fallback_from,
            reuse=Reuse.COALESCED,
            age_s=0.0 if shared.ended_at is None else now - shared.ended_at,
        )


class _Told:
    """The answer, from its beginning, for one follower."""

    __slots__ = ("_listener", "_shared")

    def __init__(self, shared: Shared, listener: Listener) -> None:
        self._shared = shared
        self._listener = listener

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        shared, listener = self._shared, self._listener
        while True:
            piece = shared.pieces.rest(listener)
            if piece is not None:
                shared.heard()
                return piece
            if listener.overrun:
                raise UpstreamInterrupted("The answer went on without its reader, who was too slow.")
            if shared.error is not None:
                raise again(shared.error)
            if shared.ended_at is not None:
                raise StopAsyncIteration
            await shared.change()


def again(error: Exception | None) -> Exception:
    """An error for one more to raise: each traceback belongs to one task."""
    if not isinstance(error, GatewayError):
        return error or UpstreamUnavailable("The call that was shared has ended without a word.")
    twin = copy.copy(error)
    twin.__cause__, twin.__traceback__ = error.__cause__, None
    return twin


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
