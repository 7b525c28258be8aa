"""Whose turn it is at something scarce: fair among tiers by weight, among tenants equally, among one
tenant's requests by deadline.

Start-time fair queueing (Goyal, Vin and Cheng, *Start-time Fair Queuing*, 1996) at two levels, tiers and
the tenants of each. Whoever waits has a tag, the virtual time at which its next request may begin; the least
tag is served, which moves the virtual time there and the tag on by 1 ÷ weight. Who comes back after a pause
begins at the present virtual time: nobody saves up. Tenants, unlike tiers, are not a fixed few, and if there
were always new ones a virtual time that only follows the served would stand still: among them it also moves
with every request served, by one part in as many as there are, as in WF2Q+ (Bennett and Zhang, 1997).
Earliest deadline first (Liu and Layland, 1973) inside a tenant.

Who was let in was promised a time. Where others came in the meantime with a better right than was reckoned
with, and it would be missed, the request goes before its turn; its tier and its tenant pay for it as for any
other, so that shares stay what they are. A tier may borrow a few turns in that way and no more: if it was let
in by the hundred when it was alone, the others do not stand still for it.

Requests wait in lanes. All lanes draw on the same scarce thing, but a lane can be closed while another is
open (one model of a provider is down, its neighbour is not): who waits in a closed lane is passed over, and
no credit is kept for that time. Entering, leaving and being served are O(log n), in the number of tenants in
the lane and of the tenant's requests; tiers and lanes are looked through, for there are few.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from heapq import heapify, heappop, heappush, heapreplace
from math import ceil, inf

import msgspec

from headgate.core.lengths import Lengths, Pace
from headgate.core.spare import TENANT_TAU_S, much
from headgate.core.tier import Tier

SLACK = 16
"""So many dead entries a heap may hold beyond as many as it has living ones, before it is cleared of them."""

FEW = 64
"""So many tenants of a tier are remembered while nobody of it waits: who has had a turn, and who may come."""

CREDIT = 1.0
"""So many requests a tenant may be behind the others and still catch up."""

GREEDY_S = 60.0
"""So long it is remembered that somebody was: a minute is what limits are of."""

IDLE = 0.01
"""Who comes at a lower pace, in requests a second, is not reckoned with."""

MANY = 1 << 62

BORROWED = 8
"""So many turns of its own a tier may take before they come, for requests that would be late."""

TIE = 9
"""Tags that are equal to so many decimals are equal: then the tier goes first that can wait less long."""

REFINED = 4
"""How often an estimate that says no is looked at again, with the wait it found the last time."""


class Ticket(msgspec.Struct, eq=False):
    """One request's place. `due`: its deadline, in the clock's seconds; `left` once it waits no more;
    `slipped` while it is in danger to be late."""

    tier: Tier
    tenant: str
    due: float
    left: bool = False
    slipped: bool = False


class _Tenant(msgspec.Struct, eq=False):
    """One tenant of a tier, for as long as it waits or its tag is ahead of the virtual time."""

    tag: float
    waiting: int = 0
    pace: Pace = msgspec.field(default_factory=lambda: Pace(TENANT_TAU_S))


class _Flow(msgspec.Struct, eq=False):
    """One tenant's requests in one lane, the earliest deadline first. Who left is forgotten when it would be
    next, or when half of them have."""

    tenant: _Tenant
    heap: list[tuple[float, int, Ticket]] = []
    live: int = 0

    def add(self, ticket: Ticket, number: int) -> None:
        heappush(self.heap, (ticket.due, number, ticket))
        self.live += 1

    def one_left(self) -> None:
        self.live -= 1
        if len(self.heap) > 2 * self.live + SLACK:
            self.heap = [entry for entry in self.heap if not entry[2].left]
            heapify(self.heap)

    def head(self) -> Ticket | None:
        heap = self.heap
        while heap and heap[0][2].left:
            heappop(heap)
        return heap[0][2] if heap else None


class _Line(msgspec.Struct, eq=False):
    """One tier's tenants in one lane. Tags only grow, so an entry that shows an old one is put back where it
    belongs when it comes to the top."""

    flows: dict[str, _Flow] = {}
    order: list[tuple[float, int, _Flow]] = []

    def add(self, ticket: Ticket, tenant: _Tenant, number: int) -> None:
        flow = self.flows.get(ticket.tenant)
        if flow is None:
            flow = self.flows[ticket.tenant] = _Flow(tenant)
            heappush(self.order, (tenant.tag, number, flow))
        flow.add(ticket, number)

    def one_left(self, name: str) -> None:
        flow = self.flows[name]
        flow.one_left()
        if flow.live == 0:
            del self.flows[name]
            if len(self.order) > 2 * len(self.flows) + SLACK:
                self.order = [entry for entry in self.order if entry[2].live]
                heapify(self.order)

    def head(self) -> tuple[float, Ticket] | None:
        """The tag and the first request of the tenant whose turn it is."""
        order = self.order
        while order:
            tag, number, flow = order[0]
            ticket = flow.head() if flow.live else None
            if ticket is None:
                heappop(order)
            elif flow.tenant.tag > tag:
                heapreplace(order, (flow.tenant.tag, number, flow))
            else:
                return tag, ticket
        return None


class _Tier(msgspec.Struct, eq=False):
    """One tier: its own tag among the tiers, and the virtual time of its tenants."""

    weight: int
    patience_s: float
    tag: float = 0.0
    virtual: float = 0.0
    waiting: int = 0
    kept: int = SLACK
    tenants: dict[str, _Tenant] = {}
    lines: dict[Hashable, _Line] = {}
    lengths: Lengths = msgspec.field(default_factory=Lengths)
    pace: Pace = msgspec.field(default_factory=Pace)
    slow_pace: Pace = msgspec.field(default_factory=lambda: Pace(TENANT_TAU_S))
    slipped: list[tuple[float, int, Ticket, Sequence[Hashable]]] = []

    def tenant(self, name: str) -> _Tenant:
        """That tenant, known from now on."""
        found = self.tenants.get(name)
        if found is None:
            if len(self.tenants) > 2 * self.kept:
                self._forget()
            found = self.tenants[name] = _Tenant(self.virtual)
        elif not found.waiting:
            found.tag = max(found.tag, self.virtual)
        return found

    def one_less(self, name: str) -> None:
        """One of that tenant's requests waits no more."""
        tenant = self.tenants[name]
        self.lengths.shrink(tenant.waiting)
        tenant.waiting -= 1
        self.waiting -= 1
        if not self.waiting:
            self.lengths, self.slipped = Lengths(), []
            if len(self.tenants) > FEW:
                self.tenants, self.kept = {}, SLACK

    def _forget(self) -> None:
        """Lets go of tenants that nothing needs to be known of; looks again when there are twice as many."""
        self.tenants = {
            name: one for name, one in self.tenants.items() if one.waiting or one.tag > self.virtual
        }
        self.kept = max(SLACK, len(self.tenants))


class Fair:
    """Those who wait for one scarce thing, in any of its lanes."""

    __slots__ = ("_greedy_until", "_number", "_tiers", "_virtual", "waiting")

    def __init__(self) -> None:
        self._tiers: dict[str, _Tier] = {}
        self._virtual = 0.0
        self._number = 0
        self._greedy_until = -inf
        self.waiting = 0

    def came(self, tier: Tier, tenant: str, now: float) -> bool:
        """Somebody wants in, whether or not it will wait: what estimates reckon with is what is wanted.
        Whether it is modest: somebody asks for far more than the rest of its tier, and it does not."""
        wanted = self._tier(tier)
        wanted.pace.one(now)
        wanted.slow_pace.one(now)
        one = wanted.tenants.get(tenant)
        if one is not None:
            one.pace.one(now)
            own, others = one.pace.per_s(now), len(wanted.tenants) - 1
            if others and own > much((wanted.slow_pace.per_s(now) - own) / others):
                self._greedy_until = now + GREEDY_S
                return False
        return self.greedy(now)

    def greedy(self, now: float) -> bool:
        """Whether anybody is, or was a minute ago."""
        return now < self._greedy_until

    def enter(self, ticket: Ticket, lanes: Sequence[Hashable]) -> None:
        """Waits in these lanes from now on, for whichever is open first."""
        self._number = number = self._number + 1
        tier = self._tier(ticket.tier)
        if not tier.waiting:
            tier.tag = max(tier.tag, self._virtual)
        tenant = tier.tenant(ticket.tenant)
        for lane in lanes:
            line = tier.lines.get(lane)
            if line is None:
                line = tier.lines[lane] = _Line()
            line.add(ticket, tenant, number)
        tenant.waiting += 1
        tier.waiting += 1
        self.waiting += 1
        tier.lengths.grow(tenant.waiting)

    def leave(self, ticket: Ticket, lanes: Sequence[Hashable]) -> None:
        """Waits no more in the lanes it entered."""
        ticket.left = True
        tier = self._tiers[ticket.tier.name]
        for lane in lanes:
            line = tier.lines[lane]
            line.one_left(ticket.tenant)
            if not line.flows:
                del tier.lines[lane]
        tier.one_less(ticket.tenant)
        self.waiting -= 1

    def slip(self, ticket: Ticket, lanes: Sequence[Hashable]) -> None:
        """It goes before its turn from now on, beside others of whom that was said the earliest due first."""
        ticket.slipped = True
        self._number = number = self._number + 1
        heappush(self._tiers[ticket.tier.name].slipped, (ticket.due, number, ticket, lanes))

    def serve(self, ticket: Ticket, lanes: Sequence[Hashable]) -> None:
        """It is let go: its tier and its tenant have had this turn."""
        tier = self._tiers[ticket.tier.name]
        tenant = tier.tenants[ticket.tenant]
        begins = max(tenant.tag, tier.virtual - CREDIT)
        tier.virtual += 1.0 / (len(tier.tenants) + 1)
        if ticket.slipped:  # time goes on with those whose turn it would have been
            least = min(one.tag for one in self._tiers.values() if one.waiting)
            self._virtual = max(self._virtual, least)
            tier.tag = max(tier.tag, self._virtual) + 1.0 / tier.weight
        else:
            self._virtual = max(self._virtual, tier.tag)
            tier.tag = self._virtual + 1.0 / tier.weight
            tier.virtual = max(tier.virtual, begins)
        tenant.tag = begins + 1.0
        self.leave(ticket, lanes)

    def heads(self) -> list[tuple[Hashable, Ticket]]:
        """Of every lane in which anybody waits, who is next in it: the fairest choice first, but for one
        that would be late."""
        late: tuple[float, int, Ticket, Sequence[Hashable]] | None = None
        for tier in self._tiers.values():
            slipped = tier.slipped
            while slipped and slipped[0][2].left:
                heappop(slipped)
            if slipped and (tier.tag - self._virtual) * tier.weight <= BORROWED:
                late = min(late, slipped[0]) if late else slipped[0]
        return [(lane, late[2]) for lane in late[3]] + self._fairest() if late else self._fairest()

    def _fairest(self) -> list[tuple[Hashable, Ticket]]:
        first: dict[Hashable, tuple[tuple[float, float, float, float], Ticket]] = {}
        for lane, tier, line in self._lines():
            head = line.head()
            if head is None:
                continue
            key = (round(tier.tag, TIE), tier.patience_s, head[0], head[1].due)
            if lane not in first or key < first[lane][0]:
                first[lane] = key, head[1]
        ordered = sorted(first.items(), key=lambda item: item[1][0])
        return [(lane, ticket) for lane, (_, ticket) in ordered]

    def place(
        self, tier: Tier, tenant: str, now: float, wait_s: Callable[[int], float], enough_s: float
    ) -> tuple[int, float]:
        """Where a request that came now would stand, and how long it would wait: (1 or more, seconds).

        `wait_s(n)`: seconds until the n-th from now could be let go. Counted are those whose tags come before
        its own, of those that wait and of those that will come meanwhile at the present pace, whether they
        will be let in or not: who is turned away now may not be then. Since the longer it waits the more will
        come, the wait is found by iteration from above; it is not followed further once it is within
        `enough_s`.
        """
        mine = self._tiers.get(tier.name)
        rivals = _Rivals(mine, tenant, now) if mine else NOBODY
        place = self._before(tier, rivals, inf, now)
        wait = wait_s(place)
        for _ in range(REFINED):
            if wait <= enough_s or wait == inf:  # never, however few come before
                break
            nearer = self._before(tier, rivals, wait, now)
            if nearer >= place:
                break
            place, wait = nearer, wait_s(nearer)
        return place, wait

    def _before(self, tier: Tier, rivals: _Rivals, wait: float, now: float) -> int:
        """The place of the next request, where those that come within `wait` seconds count."""
        mine = self._tiers.get(tier.name)
        before = inside = rivals.own + rivals.within(wait)
        tag = max(mine.tag if mine else 0.0, self._virtual) + (inside - 1) / tier.weight
        for name, other in self._tiers.items():
            if name != tier.name:
                turns = _turns(tag - max(other.tag, self._virtual), other, _patience_s(tier))
                before += min(turns, other.waiting + _coming(other.pace.likely(now), wait))
        return before

    def _lines(self) -> Iterator[tuple[Hashable, _Tier, _Line]]:
        for tier in self._tiers.values():
            for lane, line in tier.lines.items():
                yield lane, tier, line

    def _tier(self, tier: Tier) -> _Tier:
        found = self._tiers.get(tier.name)
        if found is None:
            found = self._tiers[tier.name] = _Tier(tier.weight, _patience_s(tier))
        found.weight, found.patience_s = tier.weight, _patience_s(tier)
        return found


class _Rivals:
    """What other tenants of a tier there are before a tenant's next request, its `own`-th that waits.

    Of those that wait, who has a lesser tag or may have; and of those to come, who has had fewer turns:
    before who has had fewest nobody comes who is not here yet.
    """

    __slots__ = ("_coming", "_waiting", "own")

    def __init__(self, tier: _Tier | None, tenant: str, now: float) -> None:
        self.own = 1
        self._waiting = 0
        self._coming: list[tuple[int, float]] = []
        if tier is None:
            return
        known = tier.tenants.get(tenant)
        self.own = 1 + (known.waiting if known else 0)
        tag = max(known.tag if known else 0.0, tier.virtual) + self.own - 1
        turns = int(tag - tier.virtual) + 1
        self._waiting = tier.lengths.up_to(turns) - (min(known.waiting, turns) if known else 0)
        if len(tier.tenants) <= FEW:
            self._coming = [
                (ceil(tag - begin), other.pace.likely(now))
                for other in tier.tenants.values()
                if other is not known and (begin := max(other.tag, tier.virtual)) < tag
            ]
        elif tier.waiting:
            most = ceil((tag - tier.virtual) * len(tier.tenants))
            self._coming = [(most, tier.pace.likely(now) - (known.pace.likely(now) if known else 0.0))]

    def within(self, wait: float) -> int:
        """How many, if it waits so long."""
        coming = sum(min(most, pace * wait) for most, pace in self._coming if pace > IDLE)
        return self._waiting + ceil(coming)


NOBODY = _Rivals(None, "", 0.0)


def _turns(ahead: float, other: _Tier, patience_s: float) -> int:
    """How many turns a tier has before one whose tag is so far ahead of its own."""
    turns = round(ahead * other.weight, TIE)
    if turns < 0.0:
        return 0
    whole = int(turns)
    return whole if turns == whole and other.patience_s > patience_s else whole + 1


def _patience_s(tier: Tier) -> float:
    return inf if tier.max_wait_s is None else tier.max_wait_s


def _coming(per_s: float, wait: float) -> int:
    """How many will come within so many seconds."""
    return 0 if per_s < IDLE else MANY if wait == inf else ceil(per_s * wait)
