"""Queue: who waits for room, and whose turn it is when there is some.

One waiting room for all pools. A request waits once, for whichever pool of its chain has room first; fallback
sends it here when none has, and lets nobody pass who comes later. The order is `core.fair`'s, kept for each
scarce thing: the keys of a provider, for which the pools of its models compete. On arrival the wait is
estimated, from what is ahead and from when the pools say they will have room: who cannot be let go within its
tier's patience or its deadline is refused at once, and told when.

Nothing is polled. A look at who may go is caused by an upstream that says it has room, by the alarm for the
time at which one will, or by the one before who has gone: one at a time, each taking its room before the next
is looked for, so that exactly as many go as there is room for. Holds a place per waiting request, until it is
let go, its time is up or it is cancelled. Its state outlives a generation, for the keys do.

Known weakness: fairness counts requests, not tokens; and where a provider's limit is in tokens, a large
request for one model can be passed by small ones for another model of the same keys.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from math import inf

import msgspec

from headgate.core.call import Call, Queued
from headgate.core.errors import OverLimit, Overloaded, Refused
from headgate.core.fair import Fair, Ticket
from headgate.core.listeners import Wake
from headgate.core.pace import Haste
from headgate.core.waiting import MARGIN, Bounds, Left, Room, lead_s, until_s
from headgate.pipeline.scope import OFF
from headgate.pipeline.service import Upstream
from headgate.ports.clock import Alarm, Clock
from headgate.ports.recorder import Recorder

LEAST_S = 0.01
"""Even who may not wait at all is given a moment: it is needed to see whose turn it is."""

GRAIN_S = 0.001
"""An alarm that rang a hair too early is set again this much later."""


class Lane(msgspec.Struct, eq=False):
    """Those who wait for one pool. `scarce`: what it draws on, together with other lanes."""

    model: str
    pool: Upstream
    scarce: Scarce
    end: Wake | None = None
    waiting: int = 0


class Scarce(msgspec.Struct, eq=False):
    """Something scarce, and who waits for it. `granted`: let go, and not yet gone. `modest`: how many of
    those who wait ask for little while another asks for much; `pressed`: there is no room even for them, so
    that nobody leaves them any: all go in their order."""

    fair: Fair = msgspec.field(default_factory=Fair)
    granted: int = 0
    modest: int = 0
    pressed: bool = False

    @property
    def wanted(self) -> bool:
        return self.fair.waiting > 0 or self.granted > 0


class Choice(msgspec.Struct, frozen=True, eq=False):
    """The lanes that a request may wait in, and the same by what they draw on; shared by all who have it."""

    lanes: tuple[Lane, ...]
    places: tuple[tuple[Scarce, tuple[Lane, ...]], ...]


class Waiter(Ticket, eq=False, kw_only=True):
    """One request that waits."""

    call: Call
    choice: Choice
    turn: asyncio.Future[Lane]
    queue: Queue
    modest: bool = False
    alarm: Alarm = OFF

    @property
    def size(self) -> int:
        return len(self.call.payload.raw)

    def slips(self) -> None:
        """A bound method is an alarm's cheapest action, and everybody who waits has one."""
        self.queue.slips(self)


class Hall:
    """The waiting room of a process. `waiting` counts who waits, those who were let go and are not gone yet
    included: while it is 0 nobody needs to ask for more."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._things: dict[str, Scarce] = {}
        self._soon: asyncio.Handle | None = None
        self._alarm: Alarm = OFF
        self.room = Room()
        self.waiting = 0
        self.depth: dict[str, int] = {}

    def scarce(self, name: str) -> Scarce:
        """The thing by that name, the same for every generation."""
        return self._things.setdefault(name, Scarce())

    # ── coming and going ──

    def enter(self, waiter: Waiter) -> None:
        for scarce, lanes in waiter.choice.places:
            scarce.fair.enter(waiter, lanes)
            scarce.modest += waiter.modest
            for lane in lanes:
                lane.waiting += 1
                if lane.end is None:
                    lane.end = lane.pool.watch(self.look_soon)
        self.room.take(waiter.tenant, waiter.size)
        self.waiting += 1
        self.depth[waiter.tier.queue] = self.depth.get(waiter.tier.queue, 0) + 1

    def leave(self, waiter: Waiter, lane: Lane | None = None) -> None:
        """Waits no more; `lane` is the one in which it is let go, if it is."""
        for scarce, lanes in waiter.choice.places:
            scarce.modest -= waiter.modest
            scarce.pressed = scarce.pressed and scarce.modest > 0
            if lane is not None and scarce is lane.scarce:
                scarce.fair.serve(waiter, lanes)
            else:
                scarce.fair.leave(waiter, lanes)
            for each in lanes:
                each.waiting -= 1
                if not each.waiting and each.end is not None:
                    each.end()
                    each.end = None
        waiter.alarm.cancel()
        waiter.alarm = OFF
        self.room.give_back(waiter.tenant, waiter.size)
        self.waiting -= 1
        self.depth[waiter.tier.queue] -= 1
        if not self.waiting:
            self._alarm.cancel()
            self._alarm = OFF

    def gone(self, lane: Lane) -> None:
        """One who was let go in this lane is about to take its room, or never will."""
        lane.scarce.granted -= 1
        self.waiting -= 1
        self.look_soon()

    # ── whose turn it is ──

    def look_soon(self) -> None:
        """Looks once the loop is here again: whoever runs now has then taken, or given back, what it does."""
        if self._soon is None and self.waiting:
            self._soon = asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        """Of everything scarce, lets the first go for whom there is room."""
        self._soon = None
        if not self.waiting:
            return
        self._alarm.cancel()
        wanted = [scarce for scarce in self._things.values() if scarce.fair.waiting]
        at = min(map(self._let_go, wanted), default=inf)
        if at < inf:
            self._alarm = self._clock.at(at, self.look_soon)

    def _let_go(self, scarce: Scarce) -> float:
        """Lets one go, if it may. When to look again; infinity where somebody will say so."""
        now, at, heads = self._clock.now(), inf, [] if scarce.granted else scarce.fair.heads()
        while heads:
            lane, waiter = heads.pop(0)
            assert isinstance(lane, Lane)
            assert isinstance(waiter, Waiter)
            if waiter.turn.done():  # cancelled, and does not know yet
                self.leave(waiter)
                heads = scarce.fair.heads()
                continue
            waiter.call.line.haste = _haste(waiter, scarce, now)
            if lane.pool.ready(waiter.call):
                self._grant(waiter, lane)
                return inf
            if waiter.queue.sent_away(waiter):
                heads = scarce.fair.heads()
                continue
            ready_at = lane.pool.ready_at(waiter.call)
            if ready_at > now:
                at = min(at, max(ready_at, now + GRAIN_S))
        if scarce.modest and not scarce.pressed and not scarce.granted:
            scarce.pressed = True
            self.look_soon()
        return at

    def _grant(self, waiter: Waiter, lane: Lane) -> None:
        self.leave(waiter, lane)
        lane.scarce.granted += 1
        self.waiting += 1
        waiter.turn.set_result(lane)


class Turn(msgspec.Struct, frozen=True):
    """It is this pool's turn to serve the request, which has waited as told."""

    model: str
    queued: Queued


class Queue:
    """The way into the hall for the requests of one generation."""

    def __init__(
        self,
        pools: Mapping[str, Upstream],
        *,
        hall: Hall,
        scarce: Mapping[str, str],
        bounds: Bounds,
        unwell_s: float,
        clock: Clock,
        recorder: Recorder,
    ) -> None:
        """`scarce`: model id → the name of what its pool draws on. `unwell_s`: who needs longer than this to
        recover is not waited for."""
        self._hall = hall
        self._lanes = {model: Lane(model, pool, hall.scarce(scarce[model])) for model, pool in pools.items()}
        self._swift = {model: Lane(model, lane.pool, lane.scarce) for model, lane in self._lanes.items()}
        self._choices: dict[tuple[tuple[str, ...], bool], Choice] = {}
        self._bounds = bounds
        self._unwell_s = unwell_s
        self._clock = clock
        self._recorder = recorder

    def taken(self, model: str) -> bool:
        """Whether somebody is ahead of a request that comes now."""
        return self._hall.waiting > 0 and self._lanes[model].scarce.wanted

    async def turn(self, call: Call, models: Sequence[str], waited_s: float = 0.0) -> Turn:
        """Waits until it is the call's turn at one of `models`: it must then be asked at once.

        `waited_s`: how long the call has waited before.

        Raises:
            Overloaded: it would wait too long, or has; there are too many; or nobody is well.
            OverLimit: the same, where what there is no room in is a provider's limit.
        """
        now = self._clock.now()
        modest = self._came(call, models, now)
        choice = self._choice(tuple(models), modest)
        patience_s = call.caller.tier.max_wait_s
        patience_s = (self._bounds.max_wait_s if patience_s is None else patience_s) - waited_s
        due = now + max(patience_s, LEAST_S)
        place, wait_s = self._estimate(call, choice, min(due, call.deadline_at) - now)
        waiter = self._enter(call, choice, due, place, wait_s)
        try:
            self._hall.look_soon()
            lane = await waiter.turn
        except BaseException as error:
            self._abandoned(waiter, error)
            raise
        self._hall.gone(lane)
        waited_s += self._clock.now() - now
        self._recorder.queued(call, waited_s, Left.SERVED)
        return Turn(lane.model, Queued(waited_s=waited_s, place=place, estimate_s=wait_s))

    def _came(self, call: Call, models: Sequence[str], now: float) -> bool:
        """Whether the call is one of somebody who asks for little while another asks for much: such have
        lanes of their own, which are open when those beside them need not be."""
        things = {id(scarce := self._lanes[model].scarce): scarce for model in models}.values()
        modest = [scarce.fair.came(call.caller.tier, call.caller.tenant, now) for scarce in things]
        call.line.haste = Haste.URGENT if any(modest) else Haste.STEADY
        return any(modest)

    def _choice(self, models: tuple[str, ...], modest: bool) -> Choice:
        found = self._choices.get((models, modest))
        if found is None:
            of = self._swift if modest else self._lanes
            lanes = tuple(of[model] for model in models)
            things = {id(lane.scarce): lane.scarce for lane in lanes}.values()
            places = ((one, tuple(lane for lane in lanes if lane.scarce is one)) for one in things)
            found = self._choices[models, modest] = Choice(lanes, tuple(places))
        return found

    def _enter(self, call: Call, choice: Choice, due: float, place: int, wait_s: float) -> Waiter:
        """A place in the hall, unless there is no point in it."""
        now, caller = self._clock.now(), call.caller
        if wait_s * MARGIN > min(due, call.deadline_at) - now:
            raise self._refused(call, choice, Left.TOO_LONG, wait_s)
        if not self._hall.room.admits(caller.tenant, len(call.payload.raw), self._bounds):
            raise self._refused(call, choice, Left.FULL, wait_s)
        turn: asyncio.Future[Lane] = asyncio.get_running_loop().create_future()
        waiter = Waiter(
            caller.tier,
            caller.tenant,
            min(due, call.deadline_at),
            call=call,
            choice=choice,
            turn=turn,
            queue=self,
            modest=call.line.haste is Haste.URGENT,
        )
        self._hall.enter(waiter)
        slips_at = waiter.due - lead_s(waiter.due - now, wait_s / place)
        waiter.alarm = self._clock.at(slips_at, waiter.slips)
        return waiter

    def sent_away(self, waiter: Waiter) -> bool:
        """Sends it away if nobody that it waits for will be well in time. Whether it did."""
        until = self._clock.now() + self._unwell_s
        if any(lane.pool.recovers_at() <= until for lane in waiter.choice.lanes):
            return False
        self._send_away(waiter, Left.UNWELL)
        return True

    def slips(self, waiter: Waiter) -> None:
        """Its turn should have come: from now on it goes first."""
        if waiter.left:
            return
        for scarce, lanes in waiter.choice.places:
            scarce.fair.slip(waiter, lanes)
        if waiter.due < waiter.call.deadline_at:  # that, `deadline` sees to
            waiter.alarm = self._clock.at(waiter.due, partial(self._late, waiter))
        self._hall.look_soon()

    def _late(self, waiter: Waiter) -> None:
        """Its patience is at an end."""
        if not waiter.left and not waiter.turn.done():
            self._send_away(waiter, Left.LATE)
            self._hall.look_soon()

    def _send_away(self, waiter: Waiter, why: Left) -> None:
        self._hall.leave(waiter)
        _, wait_s = self._estimate(waiter.call, waiter.choice, 0.0)
        waiter.turn.set_exception(self._refused(waiter.call, waiter.choice, why, wait_s))

    def _abandoned(self, waiter: Waiter, error: BaseException) -> None:
        """It was sent away, or cancelled; perhaps when it had been let go and did not know yet."""
        if not waiter.left:
            self._hall.leave(waiter)
            self._hall.look_soon()
        elif not waiter.turn.cancelled() and waiter.turn.exception() is None:
            self._hall.gone(waiter.turn.result())
        if isinstance(error, asyncio.CancelledError):
            self._recorder.queued(waiter.call, 0.0, Left.GONE)

    # ── how long it will be ──

    def _estimate(self, call: Call, choice: Choice, enough_s: float) -> tuple[int, float]:
        """(its place in the order, seconds until its turn) at the lane where that is soonest."""
        now, tier, tenant = self._clock.now(), call.caller.tier, call.caller.tenant
        best = (1, inf)
        for lane in choice.lanes:
            unwell_s = lane.pool.recovers_at() - now
            if unwell_s > self._unwell_s:
                continue
            least_s = lane.pool.ready_at(call) - now
            sooner_s = _sooner_s(lane.pool, now, least_s) if lane.scarce.fair.greedy(now) else 0.0
            wait_s = partial(until_s, lane.pool.refill, now + sooner_s, least_s)
            place, seconds = lane.scarce.fair.place(tier, tenant, now, wait_s, enough_s / MARGIN)
            if seconds < best[1]:
                best = place, seconds
        return best

    def _refused(self, call: Call, choice: Choice, why: Left, wait_s: float) -> Refused:
        """What a request is told that may not wait, or no longer."""
        now, name = self._clock.now(), call.payload.model
        ready_at = min(lane.pool.ready_at(call) for lane in choice.lanes)
        if wait_s == inf:
            wait_s = max(ready_at - now, 0.0)
        after_s = max(wait_s, 1.0)
        self._recorder.queued(call, 0.0, why)
        if why is Left.FULL:
            return Overloaded("Too many requests wait already.", code="queue_full", retry_after_s=after_s)
        well = any(lane.pool.recovers_at() <= now for lane in choice.lanes)
        error = OverLimit if well and ready_at > now else Overloaded
        return error(
            f"No upstream for '{name}' is ready; the next may be in {after_s:.0f} s.",
            code="no_upstream_ready",
            retry_after_s=after_s,
        )


def _haste(waiter: Waiter, scarce: Scarce, now: float) -> Haste:
    if waiter.modest or scarce.pressed:
        return Haste.URGENT if waiter.modest else Haste.FAIR
    return Haste.EARLY if waiter.slipped and not scarce.fair.greedy(now) else Haste.STEADY


def _sooner_s(pool: Upstream, now: float, least_s: float) -> float:
    """How much sooner a call that could go in `least_s` gets its room than any other, or later."""
    usual_s = pool.ready_at() - now
    if usual_s > least_s:
        return usual_s - max(least_s, 0.0) if usual_s > 0.0 else 0.0
    return min(pool.refill(1) - now - least_s, 0.0) if least_s > 0.0 else 0.0
