"""What was promised to a class of callers."""

from __future__ import annotations

import msgspec


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """A class of callers. `weight`: its share of what is scarce, beside the others' weights; `max_wait_s`:
    how long a request may wait for room (`None`: as the queue says); `providers` that may serve it (`None`:
    all). `queue` names the queue in metrics."""

    name: str = ""
    queue: str = "standard"
    weight: int = 1
    requests_per_day: int | None = None
    max_wait_s: float | None = None
    providers: frozenset[str] | None = None


NO_TIER = Tier()
"""Of callers to whom nothing in particular was promised."""
