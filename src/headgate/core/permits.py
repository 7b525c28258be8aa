"""How many may be inside at once."""

from __future__ import annotations


class Permits:
    """A counter of places, shared by all who hold the same object: the upstreams of one provider, or the
    generations of one gateway."""

    __slots__ = ("free", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.free = size

    def resize(self, size: int) -> None:
        """Another number of places. Those inside stay: `free` may be negative until they have left."""
        self.free += size - self.size
        self.size = size

    @property
    def taken(self) -> int:
        return self.size - self.free
