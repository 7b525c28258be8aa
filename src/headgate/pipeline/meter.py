"""Meter: the one finaliser. Every request that passes leaves exactly one record, however it ends.

Stands outside everything that can refuse, so that refusals are recorded too. Holds the reply until it is
settled, and reads off it what was observed.

Known weakness: the record is made when the context is left; a process that is killed first leaves none.
"""

from __future__ import annotations

import asyncio

from headgate.core.call import CLIENT_GONE, Call, Outcome, Reply
from headgate.core.errors import (
    DeadlineExceeded,
    GatewayError,
    Refused,
    UpstreamError,
    UpstreamInterrupted,
    UpstreamRejected,
)
from headgate.core.record import Record
from headgate.pipeline.service import Passage, Service
from headgate.ports.clock import Clock
from headgate.ports.recorder import Recorder


def outcome_of(error: BaseException | None) -> Outcome:
    """The one word for how a request ended."""
    match error:
        case None:
            return Outcome.FINISHED
        case asyncio.CancelledError() | GeneratorExit():
            return Outcome.CLIENT_GONE if CLIENT_GONE in error.args else Outcome.CANCELLED
        case DeadlineExceeded():
            return Outcome.DEADLINE
        case Refused():
            return Outcome.REFUSED
        case UpstreamRejected():
            return Outcome.REJECTED
        case UpstreamInterrupted():
            return Outcome.UPSTREAM_CUT
    return Outcome.FAILED


class Meter:
    def __init__(self, inner: Service, *, recorder: Recorder, clock: Clock) -> None:
        self._inner = inner
        self._recorder = recorder
        self._clock = clock

    def __call__(self, call: Call) -> _Metered:
        return _Metered(self._inner, call, self._recorder, self._clock)


class _Metered(Passage):
    __slots__ = ("_clock", "_recorder", "_reply")

    def __init__(self, inner: Service, call: Call, recorder: Recorder, clock: Clock) -> None:
        super().__init__(inner, call)
        self._recorder = recorder
        self._clock = clock
        self._reply: Reply | None = None

    def opened(self, reply: Reply) -> None:
        self._reply = reply

    def ended(self, error: BaseException | None) -> BaseException | None:
        now = self._clock.now()
        if self._reply is None:
            self._recorder.settled(_unopened(self.call, error, now))
        else:
            self._recorder.settled(_opened(self.call, self._reply, error, now))
        return error


def _unopened(call: Call, error: BaseException | None, now: float) -> Record:
    return Record(
        request_id=call.request_id,
        outcome=outcome_of(error),
        operation=call.payload.operation,
        stream=call.payload.stream,
        tenant=call.caller.tenant,
        key=call.caller.key,
        requested=call.payload.model,
        attempts=error.attempts if isinstance(error, UpstreamError) else 0,
        total_s=now - call.started_at,
        error=type(error).__name__,
        message=error.message if isinstance(error, GatewayError) else None,
        tags=call.tags,
    )


def _opened(call: Call, reply: Reply, error: BaseException | None, now: float) -> Record:
    source = reply.source
    return Record(
        request_id=call.request_id,
        outcome=outcome_of(error),
        operation=call.payload.operation,
        stream=reply.stream,
        tenant=call.caller.tenant,
        key=call.caller.key,
        requested=call.payload.model,
        model_id=source.model_id,
        provider=source.provider,
        upstream_model=source.model_name,
        served_model=reply.seen.model,
        finish=reply.seen.finish,
        usage=reply.usage(),
        cost_nano=reply.cost_nano(),
        attempts=reply.attempts,
        fallback_from=reply.fallback_from,
        total_s=now - call.started_at,
        first_byte_s=reply.opened_at - call.started_at,
        upstream_s=reply.opened_at - reply.asked_at,
        error=None if error is None else type(error).__name__,
        message=error.message if isinstance(error, GatewayError) else None,
        tags=call.tags,
    )
