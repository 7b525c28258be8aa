"""A bound on how long a task may stay somewhere: `asyncio.timeout`, over a `Clock`'s alarms.

The same contract as asyncio's: when the time has come the task is cancelled once, and whoever holds the scope
learns on leaving whether the cancellation was its own (then it is taken back) or somebody else's.
"""

from __future__ import annotations

import asyncio

from headgate.ports.clock import Alarm, Clock


class _Off:
    """The alarm of who has none. An alarm knows what it would do: who keeps one that has been called off
    keeps himself from being forgotten before the garbage collector comes by."""

    __slots__ = ()

    def cancel(self) -> None:
        """There is nothing to call off."""


OFF: Alarm = _Off()


class Scope:
    """Entered by being built, inside the task it bounds."""

    __slots__ = ("_alarm", "_cancelling", "_fired", "_over", "_task")

    def __init__(self, clock: Clock, until: float) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a bound on a task can only be set inside one")
        self._task = task
        self._cancelling = task.cancelling()
        self._fired = False
        self._over = False
        self._alarm: Alarm = clock.at(until, self.fire)

    def fire(self) -> None:
        """The time has come."""
        if not self._fired and not self._over:
            self._fired = True
            self._task.cancel()

    def disarm(self) -> None:
        """From now on the time comes when the holder says so, with `fire`."""
        self._alarm.cancel()

    def lift(self) -> None:
        """From now on no time is set. An alarm that is ringing already has come too late."""
        if not self._over:
            self._over = True
            self._alarm.cancel()

    def left(self, error: BaseException | None) -> bool:
        """Ends the bound. Whether `error` is a cancellation of its making: time is up, and nothing else."""
        if not self._over:
            self._over = True
            self._alarm.cancel()
        if not self._fired:
            return False
        return self._task.uncancel() <= self._cancelling and isinstance(error, asyncio.CancelledError)
