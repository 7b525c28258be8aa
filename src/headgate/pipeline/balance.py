"""Balance: which of several ready upstreams serves.

By `headroom`: whose key has the largest share of its limits left. By `round_robin`: each in turn. By
`least_used`: who has been given least, the last hundred calls or so counting. One that is far more loaded
than the least loaded is left out of the choice, so that a slow one does not draw calls by having room. Among
equals, as all are where nothing is limited, it is the less loaded of two drawn at random: nearly as good as
asking all, and it does not send every caller to the same "best" one (Mitzenmacher, *The Power of Two
Choices*, 2001). A conversation whose prompt the provider has cached for one of our keys goes there again,
while that is ready. Stands above the breakers and limits, whose `ready()` it asks; nothing is awaited between
asking and calling, so the answer still holds. Holds nothing but what it counts.

Known weakness: with very unequal upstreams, one in n draws pairs two slow ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from math import inf
from random import Random
from typing import Any, Literal

from headgate.core.call import Call, Reply, Source
from headgate.core.decision import Decision
from headgate.core.errors import Overloaded
from headgate.core.listeners import Wake, together
from headgate.pipeline.service import Chosen, Upstream

GRAIN_S = 0.01
"""How near an estimate of when a pool will have room comes to it."""


Pick = Literal["headroom", "round_robin", "least_used"]

OVERLOADED = 10.0
"""So many times as loaded as the least loaded is too loaded to be chosen."""
FADE = 0.99
"""With each call, earlier ones count for less by this."""


class Balance:
    """A pool: several upstreams as one. `upstreams` must not be empty. One alone is asked, ready or not: it
    refuses by itself what it has no room for."""

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        *,
        chance: Random,
        pick: Pick = "headroom",
        model: str = "",
        keys: Sequence[str] = (),
        sources: Sequence[Source] = (),
    ) -> None:
        """`keys`: what the decision calls the key of each upstream, in the same order; `model` is theirs.
        `sources`, in that order too: what they are, for who wants to choose among them himself."""
        self._upstreams = tuple(upstreams)
        self._by_key = dict(zip(keys, self._upstreams, strict=False))
        self._model = model
        self._only = self._upstreams[0] if len(self._upstreams) == 1 else None
        self._chance = chance
        self._pick = pick
        self._sources = tuple(sources)
        self._next = 0
        self._used = [0.0] * len(self._upstreams)

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        if self._only:
            return self._only(call)
        upstream = self._warm(call.decision) if call.decision is not None else None
        if upstream is None or not upstream.ready(call):
            upstream = self._choose(call)
        return upstream(call)

    def choose(self, call: Call) -> Chosen:
        upstream = self._only
        if upstream is None:
            upstream = self._warm(call.decision) if call.decision is not None else None
            if upstream is None or not upstream.ready(call):
                upstream = self._choose(call)
        return Chosen(self._sources[self._upstreams.index(upstream)], upstream(call))

    def without(self, source: Source) -> Balance | None:
        others = [place for place, one in enumerate(self._sources) if one is not source]
        if not others:
            return None
        keys = {id(one): key for key, one in self._by_key.items()}
        left = [self._upstreams[place] for place in others]
        return Balance(
            left,
            chance=self._chance,
            pick=self._pick,
            model=self._model,
            keys=[keys.get(id(one), "") for one in left],
            sources=[self._sources[place] for place in others],
        )

    def _warm(self, decision: Decision) -> Upstream | None:
        """The upstream whose provider has this conversation's prompt cached, if that is here."""
        if decision.warm_key is None or decision.chain[0] != self._model:
            return None
        return self._by_key.get(decision.warm_key)

    def _choose(self, call: Call) -> Upstream:
        if self._pick == "headroom":
            roomiest = self._roomiest()
            if roomiest is not None and roomiest.ready(call):
                return roomiest
        ready = [place for place, upstream in enumerate(self._upstreams) if upstream.ready(call)]
        if not ready:
            raise Overloaded("No upstream is ready.", code="no_upstream_ready")
        if len(ready) > 1:
            ready = self._best(ready)
        place = ready[0] if len(ready) == 1 else self._less_loaded(ready)
        self._next = place + 1
        if self._pick == "least_used":
            self._count(place)
        return self._upstreams[place]

    def _roomiest(self) -> Upstream | None:
        """One with the most headroom, where something of it is used and it is not overloaded beside its
        neighbour: nearly always, where keys have limits, and found without asking all whether they are
        ready."""
        left = [upstream.headroom() for upstream in self._upstreams]
        most = max(left)
        if most == 1.0:
            return None
        place = left.index(most)
        found, neighbour = self._upstreams[place], self._upstreams[place - 1].load()
        return found if not neighbour or found.load() <= OVERLOADED * neighbour else None

    def _best(self, ready: list[int]) -> list[int]:
        """The best by the rule, of those that are not overloaded; several, if they are equal."""
        loads = [self._upstreams[place].load() for place in ready]
        most = OVERLOADED * min(loads) or inf
        able = [place for place, load in zip(ready, loads, strict=True) if load <= most]
        if self._pick == "round_robin":
            return [min(able, key=lambda place: (place < self._next, place))]
        if self._pick == "least_used":
            worth = [-self._used[place] for place in able]
        else:
            worth = [self._upstreams[place].headroom() for place in able]
        best = max(worth)
        return [place for place, value in zip(able, worth, strict=True) if value == best]

    def _less_loaded(self, equals: list[int]) -> int:
        one, other = self._chance.sample(equals, 2)
        return one if self._upstreams[one].load() <= self._upstreams[other].load() else other

    def _count(self, place: int) -> None:
        self._used = [used * FADE for used in self._used]
        self._used[place] += 1.0

    def ready(self, call: Call | None = None) -> bool:
        return any(upstream.ready(call) for upstream in self._upstreams)

    def ready_at(self, call: Call | None = None) -> float:
        return min(upstream.ready_at(call) for upstream in self._upstreams)

    def recovers_at(self) -> float:
        return min(upstream.recovers_at() for upstream in self._upstreams)

    def refill(self, calls: int) -> float:
        """Between the first and the last of them to have room for its equal share; nearer than `GRAIN_S`."""
        if self._only:
            return self._only.refill(calls)
        known, shares = self._shares(calls)
        if not known:
            return inf
        early, late = min(shares), max(shares)
        if calls == 1 or late == inf:
            return early if calls == 1 else inf
        while late - early > GRAIN_S:
            middle = (early + late) / 2
            if sum(upstream.room(middle) for upstream in known) >= calls:
                late = middle
            else:
                early = middle
        return late

    def _shares(self, calls: int) -> tuple[Sequence[Upstream], list[float]]:
        """Those of whom it is known when they will have room, and when for an equal share of the calls."""
        known: Sequence[Upstream] = self._upstreams
        while known:
            shares = [upstream.refill(-(-calls // len(known))) for upstream in known]
            if inf not in shares:
                return known, shares
            fewer = [upstream for upstream in known if upstream.refill(1) < inf]
            if len(fewer) == len(known):
                return known, shares
            known = fewer
        return (), []

    def room(self, until: float) -> float:
        return sum(upstream.room(until) for upstream in self._upstreams)

    def watch(self, wake: Wake) -> Wake:
        return together(*(upstream.watch(wake) for upstream in self._upstreams))

    def load(self) -> float:
        return min(upstream.load() for upstream in self._upstreams)

    def headroom(self) -> float:
        return max(upstream.headroom() for upstream in self._upstreams)

    def condition(self) -> dict[str, Any]:
        return {"upstreams": [upstream.condition() for upstream in self._upstreams]}
