"""Fleets: whom a request may be served by, when some providers are there for the overflow or for an outage.

A route may list models of several fleets. While a fleet is closed its models are passed over, except for a
request that all open ones have failed or would refuse: as far as it is concerned they are down, or full. For
want of room the backup is not asked. What opens and closes fleets is in `core.fleet`; it is looked
at with every request, for each chain by its own models, so that one route's rush opens nothing for another. A
chain whose models are all of one fleet is left as it is. Stands between route, whose chain it shortens, and
fallback, which follows it. Holds which fleets are open.

Known weakness: it looks when requests come: a fleet whose reason has gone is shown as open until the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any

import msgspec

from headgate.core.call import Call, Reply
from headgate.core.errors import (
    AllUpstreamsFailed,
    GatewayError,
    OverLimit,
    Overloaded,
    Unsupported,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from headgate.core.fleet import Fleet, Fleets, Marks, Strength
from headgate.pipeline.service import Service
from headgate.ports.clock import Clock
from headgate.ports.recorder import Recorder

RECOVERABLE = (UpstreamUnavailable, AllUpstreamsFailed, Overloaded, OverLimit, Unsupported)
"""What another fleet may be able to serve."""

NO_ROOM = (Overloaded, OverLimit, UpstreamThrottled)
"""That is no outage."""

KNOWN_MAX = 1000
"""Chains whose doors are remembered."""


class Member(msgspec.Struct, frozen=True):
    """A model as part of its fleet: how much of what its keys can do is in use (0 to 1), and until when it is
    left alone because it is not well."""

    fleet: Fleet
    busy: Callable[[], float]
    recovers_at: Callable[[], float]


class Doors(msgspec.Struct):
    """Of one chain: which of its fleets are open, and how they stood at the last look."""

    fleets: Fleets = Fleets()
    strengths: dict[Fleet, Strength] = {}


Known = dict[tuple[str, ...], Doors]
"""By chain. Outlives a generation."""


class ByFleet:
    def __init__(
        self,
        inner: Service,
        *,
        members: Mapping[str, Member],
        marks: Marks,
        known: Known,
        clock: Clock,
        recorder: Recorder,
    ) -> None:
        """`members`: by model id, all of them."""
        self._inner = inner
        self._members = members
        self._marks = marks
        self._known = known
        self._clock = clock
        self.recorder = recorder

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        members = self._members
        first = members[call.chain[0]].fleet
        if all(members[model].fleet is first for model in call.chain):
            return self._inner(call)
        return _Chosen(self, self._inner, call)

    def chosen(self, call: Call) -> tuple[str, ...]:
        """The chain as it is to be followed now."""
        chain, now = call.chain, self._clock.now()
        key = tuple(sorted(chain))
        doors = self._known.get(key)
        if doors is None:
            while len(self._known) >= KNOWN_MAX:
                self._known.pop(next(iter(self._known)))
            doors = self._known[key] = Doors()
        doors.strengths = strengths = self._strengths(chain, now)
        before, doors.fleets = doors.fleets, doors.fleets.seen(strengths, self._marks, now)
        if doors.fleets is not before and doors.fleets != before:
            self._moved(chain, before, doors)
        order = doors.fleets.order(strengths, self._marks)
        return tuple(model for fleet in order for model in chain if self._members[model].fleet is fleet)

    def rest(self, call: Call, asked: tuple[str, ...], error: GatewayError) -> tuple[str, ...]:
        """Who is to be asked after that error of all that were `asked`: those that have been opened since, or
        else the next fleet."""
        opened = tuple(model for model in self.chosen(call) if model not in asked)
        if opened:
            return opened
        left = [model for model in call.chain if model not in asked]
        for fleet in Fleet:
            if fleet is Fleet.BACKUP and isinstance(error, NO_ROOM):
                return ()
            if found := tuple(model for model in left if self._members[model].fleet is fleet):
                return found
        return ()

    def _strengths(self, chain: tuple[str, ...], now: float) -> dict[Fleet, Strength]:
        strengths = {}
        for fleet in Fleet:
            some = [member for model in chain if (member := self._members[model]).fleet is fleet]
            if some:
                loads = [member.busy() for member in some if member.recovers_at() <= now]
                strengths[fleet] = Strength(sum(loads) / len(loads), True) if loads else Strength(1.0, False)
        return strengths

    def _moved(self, chain: tuple[str, ...], before: Fleets, doors: Doors) -> None:
        for fleet in doors.strengths:
            if before.is_open(fleet) != (is_open := doors.fleets.is_open(fleet)):
                load = max(one.load for other, one in doors.strengths.items() if other is not fleet)
                self.recorder.fleet_moved(chain, fleet, is_open=is_open, load=load)

    def condition(self) -> list[dict[str, Any]]:
        """For people: each chain that has been asked for."""
        return [
            {
                "models": list(chain),
                "open": [fleet for fleet in doors.strengths if doors.fleets.is_open(fleet)],
                "load": {fleet: round(one.load, 3) for fleet, one in doors.strengths.items()},
            }
            for chain, doors in self._known.items()
        ]

    def open(self) -> dict[Fleet, bool]:
        """Whether a fleet is open for anybody."""
        return {
            fleet: fleet is Fleet.PRIMARY
            or any(doors.fleets.is_open(fleet) for doors in self._known.values())
            for fleet in dict.fromkeys(member.fleet for member in self._members.values())
        }


class _Chosen:
    """One request's way through the fleets."""

    __slots__ = ("_by", "_call", "_inner", "_opened")

    def __init__(self, by: ByFleet, inner: Service, call: Call) -> None:
        self._by = by
        self._inner = inner
        self._call = call

    async def __aenter__(self) -> Reply:
        by, call = self._by, self._call
        first = asked = chain = by.chosen(call)
        failure: GatewayError | None = None
        while chain:
            try:
                self._opened = self._inner(msgspec.structs.replace(call, chain=chain))
                reply = await self._opened.__aenter__()
            except RECOVERABLE as error:
                failure = error
                failure.__traceback__ = None  # that knows the frame that knows the request
                chain = by.rest(call, asked, error)
                asked += chain
                continue
            if failure is not None:
                reply.fallback_from = first[0]
                by.recorder.fell_back(call, first[0], reply.source.model_id, failure)
            return reply
        raise failure or Overloaded("There is no model to ask.")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._opened.__aexit__(kind, error, trace)
