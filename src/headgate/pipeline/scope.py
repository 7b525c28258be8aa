"""A bound on how long a task may stay somewhere: `asyncio.timeout`, over a `Clock`'s alarms.

The same contract as asyncio's: when the time has come the task is cancelled once, and whoever holds the scope
learns on leaving whether the cancellation was its own (then it is taken back) or somebody else's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

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

    def move(self) -> None:
        """From now on it is the running task that is bound: the one that was has handed over to it."""
        task = asyncio.current_task()
        if task is not None and task is not self._task:
            self._task, self._cancelling = task, task.cancelling()
            if self._fired and not self._over:  # when nobody was there to be told
                task.cancel()

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


class Leash(Scope):
    """A bound that ends the stay only when somebody pulls: when the time has come, he is asked."""

    __slots__ = ("_ask",)

    def __init__(self, clock: Clock, until: float, ask: Callable[[], None]) -> None:
        self._ask: Callable[[], None] | None = ask
        super().__init__(clock, until)

    def fire(self) -> None:
        if not self._over and self._ask is not None:
            self._ask()

    def pull(self) -> None:
        """Ends it now."""
        super().fire()

    def left(self, error: BaseException | None) -> bool:
        self._ask = None  # who knows this, and is known by it, would wait for the collector
        return super().left(error)
