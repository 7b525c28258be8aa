"""Durable: on a route that says so, an answer ends only when its row is on disk.

Stands right below meter, above everything that can answer. It hangs a seal on the reply, which the rim awaits
before the last of the answer leaves: whoever has received a whole answer has a row. Where the disk refuses,
so does the route: a plain answer is a 503, a stream ends in an error event, and the row says so once there is
room for it. Holds nothing.

Known weakness: the row says that the answer was finished; a caller who hangs up while its last bytes are on
their way is not seen in it.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager

from headgate.core.call import Call, Reply
from headgate.core.errors import Overloaded
from headgate.core.record import ended
from headgate.pipeline.service import Passage, Service
from headgate.ports.clock import Clock
from headgate.ports.journal import Journal, NotKept

AGAIN_S = 1.0


class Durable:
    def __init__(self, inner: Service, *, strict: Collection[str], journal: Journal, clock: Clock) -> None:
        """`strict`: the names for which it is so."""
        self._inner = inner
        self._strict = strict
        self._journal = journal
        self._clock = clock

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        if call.payload.model not in self._strict:
            return self._inner(call)
        return _Sealing(self._inner, call, journal=self._journal, clock=self._clock)


class _Sealing(Passage, eq=False, kw_only=True):
    journal: Journal
    clock: Clock
    reply: Reply | None = None

    def opened(self, reply: Reply) -> None:
        self.reply = reply
        reply.seal = self.seal

    async def seal(self) -> None:
        reply = self.reply
        if reply is None or reply.sealed:
            return
        reply.sealed = True
        try:
            await self.journal.keep(ended(self.call, reply, self.clock.now()))
        except NotKept as error:
            raise Overloaded(
                "What was asked cannot be written down now, and this route answers only if it is.",
                code="ledger_unavailable",
                retry_after_s=AGAIN_S,
            ) from error

    def ended(self, error: BaseException | None, reply: Reply | None) -> BaseException | None:
        self.reply = None
        if reply is not None:
            reply.seal = None
        return error
