"""Balance: the less loaded of two ready upstreams drawn at random.

Two random choices do nearly as well as asking all, and do not send every caller to the same "best" one
(Mitzenmacher, *The Power of Two Choices*, 2001). Stands above the breakers and limits, whose `ready()` it
asks; nothing is awaited between asking and calling, so the answer still holds. Holds nothing.

Known weakness: with very unequal upstreams, one in n draws pairs two slow ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import Any

from headgate.core.call import Call, Reply
from headgate.core.errors import Overloaded
from headgate.pipeline.service import Upstream


class Balance:
    """A pool: several upstreams as one. `upstreams` must not be empty."""

    def __init__(self, upstreams: Sequence[Upstream], *, chance: Random) -> None:
        self._upstreams = tuple(upstreams)
        self._only = self._upstreams[0] if len(self._upstreams) == 1 else None
        self._chance = chance

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        upstream = self._only
        if upstream is None or not upstream.ready():
            upstream = self._choose()
        return upstream(call)

    def _choose(self) -> Upstream:
        ready = [upstream for upstream in self._upstreams if upstream.ready()]
        if not ready:
            raise Overloaded("No upstream is ready.", code="no_upstream_ready")
        if len(ready) == 1:
            return ready[0]
        one, other = self._chance.sample(ready, 2)
        return one if one.load() <= other.load() else other

    def ready(self) -> bool:
        return any(upstream.ready() for upstream in self._upstreams)

    def ready_at(self) -> float:
        return min(upstream.ready_at() for upstream in self._upstreams)

    def load(self) -> float:
        return min(upstream.load() for upstream in self._upstreams)

    def condition(self) -> dict[str, Any]:
        return {"upstreams": [upstream.condition() for upstream in self._upstreams]}
