"""Cascade: the weak model answers; where its answer is doubtful, the strong one is asked.

Which requests, and which two models, is in the decision: both have passed every filter. Stands above
whatever follows a chain, so that each of the two has its own retries and fallbacks; below what answers from
here and what is shared, so that one judged answer serves them all. Holds the first answer whole until it
has been judged: nothing of it leaves before. An answer that will do, one that cannot be judged (tools are
called, or it is too long) and one from a model that stood in are told as they came. A doubtful one, and one
that broke off, is put aside and the rest of the chain is asked; where that fails, or has not begun to answer
shortly before the request's deadline, the doubtful one is told after all, if it was whole.

Known weakness: a stream begins only when the weak answer is complete; and one of the strong model's that has
begun in time is cut at the deadline, though a whole answer was at hand.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType

import msgspec

from headgate.core.call import Call, Payload, Reply, Seen, put_aside
from headgate.core.chains import cascaded
from headgate.core.errors import GatewayError, UpstreamError
from headgate.core.reuse import Ending
from headgate.pipeline.scope import Scope
from headgate.pipeline.service import Service
from headgate.ports.clock import Clock

Opened = AbstractAsyncContextManager[Reply]

Doubts = Callable[[str, str], bool]
"""Of a question and its answer: whether the strong model is to be asked."""

Reader = Callable[[Payload, bytes], str | None]
"""The text of a whole answer in the caller's dialect; `None` where it is more than text."""

RESERVE, MOST_RESERVED_S = 0.1, 0.25
"""What the strong model is not given of the time that is left: a share of it, and at most so many seconds. An
answer that is here already is told in that."""

ACCEPTED, ESCALATED, KEPT = "accepted", "escalated", "kept"


class Cascade:
    def __init__(
        self,
        inner: Service,
        *,
        doubts: Mapping[str, Doubts],
        read: Reader,
        clock: Clock,
        max_bytes: int,
        marked: bool,
    ) -> None:
        """`doubts` by route. A longer answer than `max_bytes` is not judged. `marked`: see
        `core.reuse.Ending`."""
        self.inner = inner
        self.clock = clock
        self.max_bytes = max_bytes
        self.marked = marked
        self._doubts = doubts
        self._read = read

    def __call__(self, call: Call) -> Opened:
        if call.decision is None or cascaded(call.decision.cascade, call.chain) is None:
            return self.inner(call)
        return _Cascading(self, call)

    def doubtful(self, call: Call, answer: bytes) -> bool:
        asked, said = call.payload.asked(), self._read(call.payload, answer)
        if asked is None or said is None or call.decision is None:
            return False
        return self._doubts[call.decision.route](asked.text, said)


class _Cascading:
    """One request's way through a cascade."""

    __slots__ = ("_call", "_cascade", "_opened", "_weak")

    def __init__(self, cascade: Cascade, call: Call) -> None:
        self._cascade = cascade
        self._call = call
        self._opened: Opened | None = None
        self._weak = call.chain[0]

    async def __aenter__(self) -> Reply:
        opened = self._opened = self._cascade.inner(self._call)
        reply = await opened.__aenter__()
        if reply.source.model_id != self._weak:
            return reply
        held: bytes | None = None
        try:
            held = await self._gathered(reply)
            if held is None or not self._cascade.doubtful(self._call, held):
                reply.judged = ACCEPTED
                return reply
        except UpstreamError as error:
            await self._closed(error)
        except BaseException as error:
            self._call.line.discarded += put_aside(reply)
            await opened.__aexit__(type(error), error, error.__traceback__)
            raise
        else:
            await self._closed(None)
        return await self._escalated(reply, whole=held is not None)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._opened.__aexit__(kind, error, trace) if self._opened else None

    async def _gathered(self, reply: Reply) -> bytes | None:
        """The whole answer, still to be told; `None` where it is too long to be judged."""
        cascade, pieces, size = self._cascade, deque[bytes](), 0
        live = reply.body
        reply.body = _Told(reply.seen, pieces, live)
        async for piece in live:
            pieces.append(piece)
            size += len(piece)
            if size > cascade.max_bytes:
                return None
        reply.opened_at = cascade.clock.now()
        ending = Ending(reply.tail, marked=cascade.marked)
        reply.tail = ending.tell
        return b"".join((*pieces, ending.tell(None)))

    async def _closed(self, error: UpstreamError | None) -> None:
        """The weak model is done with: what it held comes back before the strong one is asked."""
        opened, self._opened = self._opened, None
        if opened is None:
            return
        try:
            if error is None:
                await opened.__aexit__(None, None, None)
            else:
                await opened.__aexit__(type(error), error, error.__traceback__)
        except UpstreamError:
            return  # it broke off, and that is known

    async def _escalated(self, weak: Reply, *, whole: bool) -> Reply:
        """The strong model's answer. Where it has none, the weak one's, if that was whole."""
        call = self._call
        opened = self._cascade.inner(msgspec.structs.replace(call, chain=_strong_first(call)))
        bound = self._bound() if whole else None
        try:
            reply = await opened.__aenter__()
        except BaseException as error:
            late = bound is not None and bound.left(error)
            if late or (whole and isinstance(error, GatewayError)):
                weak.judged = KEPT
                return weak
            call.line.discarded += put_aside(weak)
            raise
        if bound is not None:
            bound.left(None)
        self._opened = opened
        reply.judged = ESCALATED
        reply.discarded += put_aside(weak)
        reply.attempts += weak.attempts
        reply.asked_at = weak.asked_at
        return reply

    def _bound(self) -> Scope:
        """How long the strong model may take to begin, where there is another answer."""
        clock, until = self._cascade.clock, self._call.deadline_at
        return Scope(clock, until - min((until - clock.now()) * RESERVE, MOST_RESERVED_S))


def _strong_first(call: Call) -> tuple[str, ...]:
    """The chain without the weak model, the strong one first."""
    strong = call.decision.cascade.strong if call.decision and call.decision.cascade else ""
    return (strong, *(model for model in call.chain[1:] if model != strong))


class _Told:
    """An answer that was gathered, told as it came; and what is still to come of it, where it was long."""

    __slots__ = ("_live", "_pieces", "_seen")

    def __init__(self, seen: Seen, pieces: deque[bytes], live: AsyncIterator[bytes]) -> None:
        self._seen = seen
        self._pieces = pieces
        self._live = live

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._pieces:
            return await anext(self._live)
        piece = self._pieces.popleft()
        if self._seen.tape is not None:
            self._seen.tape.append(piece)
        return piece
