"""What goes on beside the requests: rows on their way to the store, what may be spent, keys, settings.

Work that fails in a way nobody has foreseen is told in the log, and begun again: at once it would fail at
once, so the pause doubles. While that is so `/health` says which, and why.

Known weakness: work that hangs has not failed.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from headgate.ports.clock import Alarm, Clock

AGAIN_S, AGAIN_MAX_S = 0.5, 30.0
"""Before the work is begun again; doubled each time."""
WELL_S = 60.0
"""Who has gone on for so long since is well again."""

Work = Callable[[], Awaitable[None]]
"""Ends by being cancelled, or when there is nothing left to do; may be begun again whenever it has failed."""

log = logging.getLogger("headgate")


class Upkeep:
    """One process's own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failing: dict[str, str] = {}

    async def keep(self, name: str, work: Work) -> None:
        """Until it ends. `name` is for people."""
        pause_s = AGAIN_S
        while True:
            well = self._well_later(name)
            begun = self._clock.now()
            try:
                await work()
            except Exception as error:
                if self._clock.now() - begun >= WELL_S:
                    pause_s = AGAIN_S
                log.error("%s: failed, and is begun again in %g s", name, pause_s, exc_info=error)
                self._failing[name] = type(error).__name__
            else:
                self._heal(name)
                return
            finally:
                well.cancel()
            await self._clock.sleep(pause_s)
            pause_s = min(AGAIN_MAX_S, 2 * pause_s)

    def _well_later(self, name: str) -> Alarm:
        """Calls it well once it has gone on for long enough, unless it fails first."""
        return self._clock.at(self._clock.now() + WELL_S, lambda: self._heal(name))

    def _heal(self, name: str) -> None:
        self._failing.pop(name, None)

    def condition(self) -> dict[str, Any]:
        """For people: what has failed of late, by its name, and how."""
        return dict(self._failing)
