"""How many may be inside at once."""

from __future__ import annotations

from math import inf

from headgate.core.listeners import Listeners, Wake

NEWEST = 0.1
"""Weight of the newest call in the mean of how long calls last."""


class Permits:
    """A counter of places, shared by all who hold the same object: the upstreams of one provider, or the
    generations of one gateway. `held_s` is how long a place has lately been held, on average; 0: unknown."""

    __slots__ = ("_listeners", "free", "held_s", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.free = size
        self.held_s = 0.0
        self._listeners = Listeners()

    def resize(self, size: int) -> None:
        """Another number of places. Those inside stay: `free` may be negative until they have left."""
        self.free += size - self.size
        self.size = size
        self._listeners()

    @property
    def taken(self) -> int:
        return self.size - self.free

    def give_back(self, held_s: float) -> None:
        """A place that was held for so many seconds is free again. Taking one is `free -= 1`."""
        self.free += 1
        self.held_s += (held_s - self.held_s) * (NEWEST if self.held_s else 1.0)
        if self._listeners:
            self._listeners()

    def watch(self, wake: Wake) -> Wake:
        """`wake` is called whenever a place comes free. Returns what ends that."""
        return self._listeners.add(wake)

    def refill_s(self, calls: int) -> float:
        """Seconds until so many further calls will have found a place, by how long calls have lasted:
        infinity where that is not known."""
        if calls <= self.free:
            return 0.0
        return self.held_s * (calls - self.free) / self.size if self.held_s else inf

    def room(self, seconds: float) -> float:
        """How many calls will have found a place so many seconds from now, by the same reckoning."""
        if not self.held_s:
            return max(self.free, 0)
        return max(self.free + max(seconds, 0.0) * self.size / self.held_s, 0.0)
