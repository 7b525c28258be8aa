"""How much may wait: places and bytes, and what one tenant may have of them."""

from __future__ import annotations

from enum import StrEnum

import msgspec

GREED = 8
"""So many times what is still free a tenant may hold: of an empty queue it gets 8/9, and the rest stays open
to others."""


class Left(StrEnum):
    """How a request's wait ended, or why it did not begin."""

    SERVED = "served"
    TOO_LONG = "too_long"
    FULL = "full"
    LATE = "late"
    UNWELL = "unwell"
    GONE = "gone"
    SHED = "shed"


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """The most that waits: requests, and bytes of their bodies. `max_wait_s` is for callers whose tier says
    nothing else."""

    max_wait_s: float = 30.0
    max_size: int = 10_000
    max_bytes: int = 268_435_456


class _Share(msgspec.Struct, eq=False):
    size: int = 0
    bytes: int = 0


class Room:
    """What waits, in total and by tenant.

    Dynamic thresholds (Choudhury and Hahne, *Dynamic Queue Length Thresholds for Shared-Memory Packet
    Switches*, 1998): the more is taken, the less one tenant may hold of it, so that the greedy one meets a
    bound before the others do. Nobody who waits is ever thrown out to make room.
    """

    __slots__ = ("_tenants", "bytes", "size")

    def __init__(self) -> None:
        self.size = 0
        self.bytes = 0
        self._tenants: dict[str, _Share] = {}

    def admits(self, tenant: str, size: int, bounds: Bounds) -> bool:
        """Whether one more request of this tenant, with a body of so many bytes, may wait."""
        free, free_bytes = bounds.max_size - self.size, bounds.max_bytes - self.bytes
        if free < 1 or free_bytes < size:
            return False
        share = self._tenants.get(tenant)
        return share is None or (share.size < GREED * free and share.bytes + size <= GREED * free_bytes)

    def take(self, tenant: str, size: int) -> None:
        share = self._tenants.get(tenant)
        if share is None:
            share = self._tenants[tenant] = _Share()
        for each in (self, share):
            each.size += 1
            each.bytes += size

    def give_back(self, tenant: str, size: int) -> None:
        share = self._tenants[tenant]
        for each in (self, share):
            each.size -= 1
            each.bytes -= size
        if not share.size:
            del self._tenants[tenant]
