"""How much may wait: places and bytes, and what one tenant may have of them."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from math import inf

import msgspec

MARGIN = 1.1
"""An estimated wait is taken for this much longer: who is let in must not be sent away later."""

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


def until_s(refill: Callable[[int], float], now: float, least_s: float, calls: int) -> float:
    """Seconds until the last of so many calls could go: as soon as it can be known, where it cannot."""
    seconds = refill(calls) - now
    return max(least_s, 0.0) if seconds == inf else max(seconds, least_s, 0.0)


def lead_s(seconds: float, gap_s: float) -> float:
    """How long before the end of so many seconds a request goes before its turn, where calls go every
    `gap_s`: when it has waited longer than it could have been estimated to, and early enough for the next
    call but one."""
    return max(seconds * (1.0 - 1.0 / MARGIN), min(2.0 * gap_s, seconds / 2.0))
