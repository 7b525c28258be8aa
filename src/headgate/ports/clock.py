"""Time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Alarm(Protocol):
    """Something that will happen unless it is called off."""

    def cancel(self) -> None:
        """Calls it off. Harmless once it has happened."""
        ...


class Clock(Protocol):
    """The only source of time below the adapters."""

    def now(self) -> float:
        """Seconds of a clock that never goes back, the one the event loop's timers follow."""
        ...

    def wall(self) -> float:
        """Seconds since the epoch. For dates others gave us and dates we write down, never for intervals."""
        ...

    async def sleep(self, seconds: float) -> None: ...

    def at(self, when: float, action: Callable[[], None]) -> Alarm:
        """Calls `action` from the event loop at `when`, never earlier, and at most a few milliseconds later.

        Made for alarms that are nearly always called off, as deadlines are: setting and cancelling is cheap.
        """
        ...
