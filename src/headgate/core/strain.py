"""How much this process can have in the house, learnt from how late it is.

What a request costs us is a share of one event loop; what it waits for at a provider costs nothing. So the
sign of too much is not how long requests take but how late the loop comes to what is due: additive increase
while it is punctual, multiplicative decrease when it is late several times in a row (Chiu and Jain, *Analysis
of the Increase and Decrease Algorithms for Congestion Avoidance*, 1989). Gradients of request latency
(Netflix's `gradient2`, Envoy's adaptive concurrency) would measure the providers here, and hold back callers
when a model thinks long.

Of whatever the limit is, the lower tiers may only use a part, so that they are the first to be shed.
"""

from __future__ import annotations

from collections.abc import Mapping

TICK_S = 0.1
"""How often the loop is looked at."""
LATE_S = 0.1
"""So late is too late: requests are to be answered, and be it with a refusal, within 50 ms."""
IN_A_ROW = 5
"""One late look is a pause of the garbage collector or a large body; so many are not."""
LESS = 0.9
STEPS = 64
"""Ticks from nothing back to the ceiling."""
FLOOR = 16
"""No strain brings the limit below this."""

LOWEST = 0.8
"""The share of the limit up to which the lowest of several tiers is let in."""

FLOOD = 5_000
"""So many requests in flight leave memory behind that is worth a pause to give back: 2 KB each and more."""
EBB = 10
"""A flood has gone when a tenth is left."""


class Strain:
    """The limit of requests in flight, between `FLOOR` and `ceiling`, and the bytes of their bodies.

    `low`: below so many in flight, and so many bytes, everybody is let in and nobody needs to ask further.
    """

    __slots__ = ("_late", "_least", "_shares", "bytes", "ceiling", "limit", "low", "low_bytes", "max_bytes")

    def __init__(
        self, ceiling: int, *, max_bytes: int = 1 << 30, weights: Mapping[str, int] | None = None
    ) -> None:
        self.bytes = 0
        self.limit = ceiling
        self._late = 0
        self.configure(ceiling, max_bytes, weights or {})

    def configure(self, ceiling: int, max_bytes: int, weights: Mapping[str, int]) -> None:
        """`weights`: of the tiers, by name. Callers of none count with the lightest."""
        self.limit = ceiling if self.limit >= getattr(self, "ceiling", 0) else min(self.limit, ceiling)
        self.ceiling = ceiling
        self.max_bytes = max_bytes
        ranks = sorted({*weights.values()})
        step = (1.0 - LOWEST) / max(len(ranks) - 1, 1)
        self._shares = {name: 1.0 - step * (len(ranks) - 1 - ranks.index(w)) for name, w in weights.items()}
        self._least = min(self._shares.values(), default=1.0)
        self._set(self.limit)

    def bar(self, tier: str) -> int:
        """With so many in flight no further caller of that tier is let in."""
        return round(self.limit * self._shares.get(tier, self._least))

    def bar_bytes(self, tier: str) -> int:
        return round(self.max_bytes * self._shares.get(tier, self._least))

    def observe(self, late_s: float, in_flight: int) -> None:
        """One look, once a tick: how much later than it should the loop came to it."""
        if late_s <= LATE_S:
            self._late = 0
            if self.limit < self.ceiling:
                self._set(min(self.ceiling, self.limit + max(1, self.ceiling // STEPS)))
            return
        self._late += 1
        if self._late >= IN_A_ROW:
            self._late = 0
            fewer = int(min(self.limit, in_flight) * LESS)
            self._set(min(max(fewer, FLOOR), self.ceiling))

    def _set(self, limit: int) -> None:
        self.limit = limit
        self.low = self.bar("")
        self.low_bytes = self.bar_bytes("")


class Ebb:
    """Whether a flood of requests has just gone."""

    __slots__ = ("_most",)

    def __init__(self) -> None:
        self._most = 0

    def seen(self, in_flight: int) -> bool:
        """One look at how many are in flight: true once, when few are left of very many."""
        self._most = max(self._most, in_flight)
        if in_flight * EBB > self._most:
            return False
        gone, self._most = self._most >= FLOOD, in_flight
        return gone
