"""Who wants to be told that something has happened."""

from __future__ import annotations

from collections.abc import Callable

Wake = Callable[[], None]
"""Called synchronously, where something has changed: it must be quick, must not raise, and must not take what
has just become free itself, but only see to it that somebody looks soon."""


class Listeners:
    """Told in the order they came. False while there are none, so that telling nobody costs nothing."""

    __slots__ = ("_wakes",)

    def __init__(self) -> None:
        self._wakes: list[Wake] = []

    def __bool__(self) -> bool:
        return bool(self._wakes)

    def add(self, wake: Wake) -> Wake:
        """From now on `wake` is told. What is returned ends that, once; harmless when called again."""
        self._wakes = [*self._wakes, wake]
        ended = False

        def end() -> None:
            nonlocal ended
            if not ended:
                ended = True
                self._wakes = _without(self._wakes, wake)

        return end

    def __call__(self) -> None:
        for wake in self._wakes:
            wake()


def together(*ends: Wake) -> Wake:
    """Ends several subscriptions as one."""

    def end() -> None:
        for each in ends:
            each()

    return end


def _without(wakes: list[Wake], gone: Wake) -> list[Wake]:
    place = wakes.index(gone)
    return wakes[:place] + wakes[place + 1 :]
