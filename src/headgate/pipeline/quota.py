"""Quota: the caller's own limits, those of its key, tenant and tier, and those of what it asks for. Over one
of them a request is refused (429) and told when to come again.

Stands below admit, which refuses for nothing, and above route and everything that costs something. A request
takes its part of every one of them or of none; of tokens as many as it is expected to use, settled by what
the answer reports. What we refuse ourselves further down is given back. Holds its part until the answer has
ended.

Known weakness: an answer from a cache counts as a request, though nobody was asked. `agent:auto` is under no
route's limits: it is not known yet which agent's that will be.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from headgate.core.call import Call, Operation, Reply
from headgate.core.errors import RateLimited, Refused
from headgate.core.quota import Limits
from headgate.core.tokens import Estimator, measure
from headgate.pipeline.service import Passage, Service
from headgate.ports.clock import Clock


class Quotas:
    def __init__(self, inner: Service, *, limits: Callable[[Call], Limits | None], clock: Clock) -> None:
        """`limits`: those that a call is under, if any."""
        self._inner = inner
        self._limits = limits
        self._clock = clock
        self._estimator = Estimator()

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        quota = self._limits(call)
        if quota is None:
            return self._inner(call)
        return _Counted(self._inner, call, quotas=self, quota=quota, clock=self._clock)

    def tokens(self, call: Call, quota: Limits) -> int:
        """What to reserve for it."""
        if not quota.metered:
            return 0
        if call.line.measured is None:
            call.line.measured = measure(call.payload.raw)
        answers = call.payload.operation is not Operation.EMBEDDINGS
        return self._estimator.reserve(call.line.measured, answers=answers)


class _Counted(Passage, eq=False, kw_only=True):
    quotas: Quotas
    quota: Limits
    clock: Clock
    taken: Any = None
    reply: Reply | None = None

    def begin(self) -> None:
        now, tokens = self.clock.now(), self.quotas.tokens(self.call, self.quota)
        self.taken = self.quota.take(now, tokens)
        if self.taken is None:
            error = RateLimited(
                "A limit of this key, its tenant, its tier or this route is used up.",
                code="rate_limit_exceeded",
                retry_after_s=self.quota.next_at(now, tokens) - now,
            )
            error.allowed = self.quota.allowed(now)
            raise error

    def opened(self, reply: Reply) -> None:
        now = self.clock.now()
        self.reply = reply
        if self.taken is not None:
            self.quota.answered(self.taken, now)
        reply.allowed = self.quota.allowed(now)

    def ended(self, error: BaseException | None) -> BaseException | None:
        taken, reply, now = self.taken, self.reply, self.clock.now()
        if taken is None:
            return error
        if reply is not None:
            self.quota.settle(taken, 0 if reply.reuse.hit else reply.usage().total, now)
        elif isinstance(error, Refused):
            self.quota.cancel(taken, now)
        else:
            self.quota.settle(taken, 0, now)
        return error
