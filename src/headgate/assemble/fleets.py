"""A model as part of its fleet: how busy its keys are, and whether any of them is well."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.core.fleet import Fleet
from headgate.core.permits import Permits
from headgate.pipeline.fleet import Member
from headgate.pipeline.service import Upstream
from headgate.ports.clock import Clock


def member(fleet: str, upstreams: Sequence[Upstream], permits: Permits, clock: Clock) -> Member:
    """`permits` are its provider's. Of its keys, the least busy one that is well counts."""

    def busy() -> float:
        now = clock.now()
        room = max((one.headroom() for one in upstreams if one.recovers_at() <= now), default=0.0)
        return max(1.0 - room, permits.taken / permits.size)

    def recovers_at() -> float:
        return min(one.recovers_at() for one in upstreams)

    return Member(Fleet(fleet), busy, recovers_at)
