"""Admit: our own health before anybody's rights. Refusing must cost nothing.

So many requests, and so many bytes of bodies, are in the house at once; one more is refused, now. The
operator names the most; below that the limit follows how late the event loop is (`core.strain`). The lower a
tier, the sooner its callers are refused. A place is held until the stream has ended; a wait in the queue is
inside it.

Known weakness: bodies that are still being read do not count yet, and a wait for a slow upstream counts like
work until the loop itself is late.
"""

from __future__ import annotations

from headgate.core.call import Call, Reply
from headgate.core.errors import Overloaded
from headgate.core.permits import Permits
from headgate.core.strain import Strain
from headgate.core.waiting import Left
from headgate.pipeline.service import Passage, Service
from headgate.ports.recorder import Recorder


class Admit:
    def __init__(self, inner: Service, *, permits: Permits, strain: Strain, recorder: Recorder) -> None:
        """`permits` and `strain` outlive a generation: requests of the one before still count."""
        self._inner = inner
        self._permits = permits
        self._strain = strain
        self._recorder = recorder

    @property
    def in_flight(self) -> int:
        return self._permits.taken

    def __call__(self, call: Call) -> Passage:
        return _Admitted(self._inner, call, admit=self, permits=self._permits, strain=self._strain)

    def check(self, call: Call, size: int) -> None:
        """Raises `Overloaded` where this caller is not let in, the house being nearly full or quite."""
        tier, taken, strain = call.caller.tier.name, self._permits.taken, self._strain
        if taken >= strain.bar(tier):
            text = f"The gateway is full: {taken} requests are in flight."
        elif strain.bytes + size > strain.bar_bytes(tier):
            text = f"The gateway is full: {strain.bytes} bytes of requests are in flight."
        else:
            return
        self._recorder.queued(call, 0.0, Left.SHED)
        raise Overloaded(text, code="gateway_overloaded", retry_after_s=1.0)


class _Admitted(Passage, eq=False, kw_only=True):
    admit: Admit
    permits: Permits
    strain: Strain
    size: int = 0

    def begin(self) -> None:
        permits, strain, size = self.permits, self.strain, len(self.call.payload.raw)
        if permits.size - permits.free >= strain.low or strain.bytes + size > strain.low_bytes:
            self.admit.check(self.call, size)
        permits.free -= 1
        strain.bytes += size
        self.size = size

    def ended(self, error: BaseException | None, reply: Reply | None) -> BaseException | None:
        self.permits.free += 1
        self.strain.bytes -= self.size
        return error
