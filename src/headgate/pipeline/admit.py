"""Admit: our own health before anybody's rights. Refusing must cost nothing.

So many requests are in the house at once; one more is refused, now. A permit is held until the stream has
ended.

Known weakness: the limit is a number the operator chose, not one we measured; a wait for a slow upstream
counts like work.
"""

from __future__ import annotations

from typing import ClassVar

from headgate.core.call import Call
from headgate.core.errors import Overloaded
from headgate.core.permits import Permits
from headgate.pipeline.service import Passage, Service


class Admit:
    def __init__(self, inner: Service, *, permits: Permits) -> None:
        """`permits` outlive a generation: requests of the one before still count."""
        self._inner = inner
        self._permits = permits

    @property
    def in_flight(self) -> int:
        return self._permits.taken

    def __call__(self, call: Call) -> Passage:
        return _Admitted(self._inner, call, permits=self._permits)


class _Admitted(Passage, eq=False, kw_only=True):
    listens: ClassVar[bool] = False
    permits: Permits

    def begin(self) -> None:
        if self.permits.free <= 0:
            raise Overloaded(
                f"The gateway is full: {self.permits.taken} requests are in flight.",
                code="gateway_overloaded",
                retry_after_s=1.0,
            )
        self.permits.free -= 1

    def ended(self, error: BaseException | None) -> BaseException | None:
        self.permits.free += 1
        return error
