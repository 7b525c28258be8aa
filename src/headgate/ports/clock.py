"""Time."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """The only source of time below the adapters."""

    def now(self) -> float:
        """Seconds of a clock that never goes back; the event loop's own, so that timers agree with it."""
        ...

    def wall(self) -> float:
        """Seconds since the epoch. For dates others gave us and dates we write down, never for intervals."""
        ...

    async def sleep(self, seconds: float) -> None: ...
