"""What is written down of a request once it has ended."""

from __future__ import annotations

import msgspec

from headgate.core.attempt import Attempt
from headgate.core.call import Call, Caller, Discarded, Operation, Outcome, Reply
from headgate.core.decision import Decision
from headgate.core.errors import GatewayError, UpstreamError, UpstreamRejected
from headgate.core.job import Deferred
from headgate.core.reuse import Reuse
from headgate.core.usage import Usage


class Record(msgspec.Struct, eq=False):
    """One request, settled. Exactly one exists per request.

    A view of what the request left behind, made on every request and mostly read in part; whoever keeps
    records takes what it needs and lets go of the rest. `caller` is `None` where nobody was let in, `reply`
    where no upstream answered, `cause` where nothing went wrong. Times are the clock's seconds; durations
    end in `_s`.

    `shadow`: a copy of another request, sent to a mirror: nobody asked for it, and nobody pays for it.
    `failed`: the upstream calls made for it that came to nothing, where somebody writes them down;
    `discarded`: answers that were paid for and not told.

    Three models: `requested` by the caller, `upstream_model` asked of the provider, `served_model` by the
    provider's own word.
    """

    request_id: str
    outcome: Outcome
    operation: Operation
    stream: bool
    requested: str
    caller: Caller | None
    started_at: float
    ended_at: float
    cause: BaseException | None = None
    reply: Reply | None = None
    tags: tuple[str, ...] = ()
    shadow: bool = False
    failed: tuple[Attempt, ...] = ()
    discarded: tuple[Discarded, ...] = ()

    @property
    def decision(self) -> Decision | None:
        """How it was routed, where there was something to decide."""
        if self.reply:
            return self.reply.decision
        return self.cause.decision if isinstance(self.cause, GatewayError | Deferred) else None

    @property
    def intent(self) -> str | None:
        decision = self.decision
        return decision.intent if decision else None

    @property
    def tenant(self) -> str:
        return self.caller.tenant if self.caller else ""

    @property
    def key(self) -> str:
        return self.caller.key if self.caller else ""

    @property
    def model_id(self) -> str | None:
        return self.reply.source.model_id if self.reply else None

    @property
    def provider(self) -> str | None:
        return self.reply.source.provider if self.reply else None

    @property
    def upstream_model(self) -> str | None:
        return self.reply.source.model_name if self.reply else None

    @property
    def served_model(self) -> str | None:
        return self.reply.seen.model if self.reply else None

    @property
    def finish(self) -> str | None:
        return self.reply.seen.finish if self.reply else None

    @property
    def usage(self) -> Usage | None:
        return self.reply.usage() if self.reply else None

    @property
    def cost_nano(self) -> int | None:
        return self.reply.cost_nano() if self.reply else None

    @property
    def reuse(self) -> Reuse:
        return self.reply.reuse if self.reply else Reuse.BYPASS

    @property
    def saved_nano(self) -> int:
        return self.reply.saved_nano if self.reply else 0

    @property
    def attempts(self) -> int:
        if self.reply:
            return self.reply.attempts
        return self.cause.attempts if isinstance(self.cause, UpstreamError) else 0

    @property
    def fallback_from(self) -> str | None:
        return self.reply.fallback_from if self.reply else None

    @property
    def queue_s(self) -> float | None:
        """How long it waited for room, if it did."""
        return self.reply.queued.waited_s if self.reply and self.reply.queued else None

    @property
    def total_s(self) -> float:
        """From arrival until settled."""
        return self.ended_at - self.started_at

    @property
    def first_byte_s(self) -> float | None:
        """From arrival until the answer opened."""
        return self.reply.opened_at - self.started_at if self.reply else None

    @property
    def upstream_s(self) -> float | None:
        """Of that, the time spent waiting for the upstream that served."""
        return self.reply.opened_at - self.reply.asked_at if self.reply else None

    @property
    def error(self) -> str | None:
        """The class of what went wrong."""
        return None if self.cause is None else type(self.cause).__name__

    @property
    def message(self) -> str | None:
        """What the caller was told; but not a provider's word about the request, which may quote it, nor
        anything told to a caller of whom nothing is kept."""
        if isinstance(self.cause, UpstreamRejected) or not isinstance(self.cause, GatewayError):
            return None
        if self.caller is not None and not self.caller.is_kept:
            return None
        return self.cause.message


def ended(
    call: Call,
    reply: Reply | None,
    now: float,
    *,
    outcome: Outcome = Outcome.FINISHED,
    cause: BaseException | None = None,
    shadow: bool = False,
) -> Record:
    """The record of a call that has ended so."""
    payload = call.payload
    return Record(
        call.request_id,
        outcome,
        payload.operation,
        payload.stream,
        payload.model,
        call.caller,
        call.started_at,
        now,
        cause,
        reply,
        call.tags,
        shadow,
        call.line.failed,
        call.line.discarded + reply.discarded if reply else call.line.discarded,
    )
