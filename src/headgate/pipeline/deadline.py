"""Deadline: the caller's time is absolute, so that neither retries nor waiting can extend it.

Covers the stream too: what is not said by then is not said. Stands inside the meter, which records it,
and outside everything that waits.

Who is answered from here, whole and at once, waits for nothing: no alarm is set for him.

Known weakness: to a breaker below, a deadline looks like a client hanging up; a silent upstream is only
noticed by `timeout`, which is why that stands inside the breaker. On a server of another make, which may wait
while it writes, a kept answer has no time set.
"""

from __future__ import annotations

from headgate.core.call import Call, Reply
from headgate.core.errors import DeadlineExceeded
from headgate.pipeline.scope import Scope
from headgate.pipeline.service import Passage, Service
from headgate.ports.clock import Clock


class Deadline:
    def __init__(self, inner: Service, *, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock

    def __call__(self, call: Call) -> _Bounded:
        return _Bounded(self._inner, call, clock=self._clock)


class _Bounded(Passage, eq=False, kw_only=True):
    clock: Clock
    scope: Scope | None = None

    def begin(self) -> bool:
        if self.clock.now() >= self.call.deadline_at:
            raise self._too_late()
        return True

    def waiting(self) -> None:
        if self.scope is None:
            self.scope = Scope(self.clock, self.call.deadline_at)

    def ended(self, error: BaseException | None, reply: Reply | None) -> BaseException | None:
        return self._too_late() if self.scope and self.scope.left(error) else error

    def _too_late(self) -> DeadlineExceeded:
        seconds = self.call.deadline_at - self.call.started_at
        return DeadlineExceeded(f"The deadline of {seconds:g} s has passed.", code="deadline")
