"""Capture: on a route that says so, question and answer are handed on, to be redacted and kept.

Stands below meter and durable and above everything that answers, so that it sees what the caller gets, from
a cache too. Lets pass what callers say of whom nothing may be kept. Copies the answer's pieces as they go by,
up to a bound, and hands them on when the answer has ended: nobody waits for what becomes of them. Holds the
pieces until then.

Known weakness: of a request or an answer that is longer than the bound nothing is kept.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from random import Random

import msgspec

from headgate.core.call import Call, Reply, Tape
from headgate.pipeline.service import Passage, Service


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Of what `share` of requests something is kept, for how many `days`; of none that are longer, or whose
    answer is, than `max_bytes`."""

    days: int
    share: float
    max_bytes: int


Taken = Callable[[Call, bytes, Terms], None]
"""Is given the answer as its caller got it."""


class Capture:
    def __init__(self, inner: Service, *, routes: Mapping[str, Terms], taken: Taken, chance: Random) -> None:
        """`routes` by the name that is asked for."""
        self._inner = inner
        self._routes = routes
        self._taken = taken
        self._chance = chance

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        terms = self._routes.get(call.payload.model)
        if terms is None or not call.caller.is_kept or len(call.payload.raw) > terms.max_bytes:
            return self._inner(call)
        if terms.share < 1.0 and self._chance.random() >= terms.share:
            return self._inner(call)
        return _Capturing(self._inner, call, terms=terms, taken=self._taken)


class _Capturing(Passage, eq=False, kw_only=True):
    terms: Terms
    taken: Taken
    tape: Tape | None = None

    def opened(self, reply: Reply) -> None:
        tape = self.tape = Tape(self.terms.max_bytes)
        reply.body = _Copied(reply.body, tape)
        tail = reply.tail

        def ending(metadata: bytes | None) -> bytes:
            last = tail(metadata)
            tape.append(last)
            return last

        reply.tail = ending

    def ended(self, error: BaseException | None, reply: Reply | None) -> BaseException | None:
        tape, self.tape = self.tape, None
        if tape is not None and not tape.full:
            self.taken(self.call, b"".join(tape.pieces), self.terms)
        return error


class _Copied:
    """An answer's body, noted as it goes by."""

    __slots__ = ("_live", "_tape")

    def __init__(self, live: AsyncIterator[bytes], tape: Tape) -> None:
        self._live = live
        self._tape = tape

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await anext(self._live)
        self._tape.append(piece)
        return piece
