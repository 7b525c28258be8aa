"""Admit: our own health before anybody's rights. Refusing must cost nothing.

At most `max_in_flight` requests are in the house at once; one more is refused, now. A house that is
closing lets nobody in and lets everybody finish. A permit is held until the stream has ended.

Known weakness: the limit is a number the operator chose, not one we measured; a wait for a slow upstream
counts like work.
"""

from __future__ import annotations

from headgate.core.call import Call
from headgate.core.errors import Overloaded
from headgate.pipeline.service import Passage, Service


class Admit:
    def __init__(self, inner: Service, *, max_in_flight: int) -> None:
        self._inner = inner
        self._max_in_flight = max_in_flight
        self.in_flight = 0

    def __call__(self, call: Call) -> _Admitted:
        return _Admitted(self._inner, call, admit=self)

    def enter(self) -> None:
        """Raises `Overloaded`."""
        if self.in_flight >= self._max_in_flight:
            raise Overloaded(
                f"The gateway is full: {self.in_flight} requests are in flight.",
                code="gateway_overloaded",
                retry_after_s=1.0,
            )
        self.in_flight += 1

    def leave(self) -> None:
        self.in_flight -= 1


class _Admitted(Passage, eq=False, kw_only=True):
    admit: Admit

    def begin(self) -> None:
        self.admit.enter()

    def ended(self, error: BaseException | None) -> BaseException | None:
        self.admit.leave()
        return error
