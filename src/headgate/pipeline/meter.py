"""Meter: the one finaliser. Every request that passes leaves exactly one record, however it ends.

Stands outside everything that can refuse, so that refusals are recorded too. Holds the reply until it is
settled, and reads off it what was observed.

Known weakness: the record is made when the context is left; a process that is killed first leaves none.
"""

from __future__ import annotations

import asyncio

from headgate.core.call import Call, Outcome, Reply
from headgate.core.errors import (
    DeadlineExceeded,
    Refused,
    UpstreamInterrupted,
    UpstreamRejected,
)
from headgate.core.job import Deferred
from headgate.core.record import ended
from headgate.pipeline.service import Passage, Service
from headgate.ports.clock import Clock
from headgate.ports.recorder import Recorder

FINISHED = Outcome.FINISHED
"""Here and elsewhere on every request's way: to ask an enum for its member costs as much as three calls."""


def outcome_of(error: BaseException, *, gone: bool) -> Outcome:
    """The one word for how a request went wrong."""
    match error:
        case asyncio.CancelledError() | GeneratorExit():
            return Outcome.CLIENT_GONE if gone else Outcome.CANCELLED
        case DeadlineExceeded():
            return Outcome.DEADLINE
        case Deferred():
            return Outcome.DEFERRED
        case Refused():
            return Outcome.REFUSED
        case UpstreamRejected():
            return Outcome.REJECTED
        case UpstreamInterrupted():
            return Outcome.UPSTREAM_CUT
    return Outcome.FAILED


class Meter:
    def __init__(self, inner: Service, *, recorder: Recorder, clock: Clock, shadow: bool = False) -> None:
        """`shadow`: what passes here are copies of requests that are recorded elsewhere."""
        self._inner = inner
        self._recorder = recorder
        self._clock = clock
        self._shadow = shadow

    def __call__(self, call: Call) -> Passage:
        return _Metered(self._inner, call, recorder=self._recorder, clock=self._clock, shadow=self._shadow)


class _Metered(Passage, eq=False, kw_only=True):
    recorder: Recorder
    clock: Clock
    shadow: bool = False

    def ended(self, error: BaseException | None, reply: Reply | None) -> BaseException | None:
        outcome = FINISHED if error is None else outcome_of(error, gone=self.call.line.gone)
        record = ended(self.call, reply, self.clock.now(), outcome=outcome, cause=error, shadow=self.shadow)
        self.recorder.settled(record)
        return error
