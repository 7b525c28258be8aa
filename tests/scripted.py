"""A scripted upstream, a recorder that remembers, and a way to cancel a scene at every turn of the loop.

Everything here runs in virtual time and is driven by plain values: an act says what one upstream call does.
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from math import inf
from typing import Any, TypeVar

from headgate.core.asked import Asked
from headgate.core.breaker import State
from headgate.core.call import Call, Caller, Operation, Payload, Reply, Seen, Source
from headgate.core.chat import Chat, Event
from headgate.core.embeddings import Embedded, Embeddings
from headgate.core.errors import GatewayError, Overloaded
from headgate.core.fleet import Fleet
from headgate.core.hedging import Bet
from headgate.core.identity import Glance
from headgate.core.listeners import Listeners, Wake
from headgate.core.price import Price
from headgate.core.record import Record
from headgate.core.reuse import Form
from headgate.core.shape import Shape
from headgate.core.usage import Usage
from headgate.core.waiting import Left
from headgate.pipeline.service import Chosen, Service
from turning import Scene as Scene
from turning import TurningLoop as TurningLoop
from turning import cancelled_at_every_turn as cancelled_at_every_turn
from turning import ended as ended
from virtual import clock

T = TypeVar("T")

# ── what a caller asks ───────────────────────────────────────────────────────────────────────────────


class NoEmitter:
    """For payloads that are never translated."""

    def feed(self, events: Iterable[Event | Embedded]) -> bytes:
        return b""

    def tail(self, metadata: bytes | None) -> bytes:
        return b""


HELLO = Asked(text="Hello", chars=5, last_chars=5, opening="Hello")


@dataclass(frozen=True)
class FakePayload:
    """`core.call.Payload` without a dialect."""

    model: str = "m"
    stream: bool = True
    dialect: str = "fake"
    operation: Operation = Operation.CHAT
    raw: bytes = b"{}"
    gist: Asked | None = HELLO

    @property
    def kind(self) -> str:
        return f"{self.dialect}/{self.operation}"

    @staticmethod
    def reading(raw: bytes) -> bytes | None:
        return raw

    def glance(self) -> Glance:
        return len(self.raw), ""  # many look the same

    @property
    def form(self) -> Form:
        return Form.STREAM if self.stream else Form.WHOLE

    def hub(self) -> Chat | Embeddings:
        raise AssertionError("nothing in these tests translates")

    def asked(self) -> Asked | None:
        return self.gist

    def shaped(self, shape: Shape) -> FakePayload:
        return dataclasses.replace(self, raw=self.raw + repr(shape).encode())

    def emitter(self) -> NoEmitter:
        return NoEmitter()


CALLER = Caller(key="alice", tenant="acme")


def asked(
    model: str = "m",
    *,
    stream: bool = True,
    chain: tuple[str, ...] = (),
    deadline_s: float = 1e6,
    caller: Caller = CALLER,
    payload: Payload | None = None,
    traceparent: str | None = None,
) -> Call:
    """A call that begins now, on the virtual loop."""
    now = clock().now()
    return Call(
        payload=payload or FakePayload(model, stream),
        caller=caller,
        request_id="req-1",
        started_at=now,
        deadline_at=now + deadline_s,
        chain=chain,
        traceparent=traceparent,
    )


# ── what an upstream does ────────────────────────────────────────────────────────────────────────────


class Hang(Enum):
    """A step that never ends."""

    HANG = "hang"


HANG = Hang.HANG

Step = bytes | float | BaseException | Hang
"""A piece of the answer, seconds of silence, an error, or silence for ever."""


@dataclass(frozen=True)
class Act:
    """One upstream call: `before` it opens, and what its stream then does."""

    before: tuple[Step, ...] = ()
    then: tuple[Step, ...] = ()


def answers(*steps: Step, after_s: float = 0.0) -> Act:
    """Opens after so many seconds, then plays the steps."""
    return Act(before=(after_s,), then=steps or (b"ok",))


def fails(error: BaseException, *, after_s: float = 0.0) -> Act:
    """Never opens."""
    return Act(before=(after_s, error))


def hangs() -> Act:
    """Never opens, and never says so."""
    return Act(before=(HANG,))


class Scripted:
    """An upstream (`pipeline.service.Upstream`) that plays one act a call; the last act repeats.

    Counts `calls` and `open` contexts, and the most that were open together. A non-streamed call plays
    the whole act before it opens.
    """

    def __init__(self, *acts: Act, name: str = "m", price: Price | None = None) -> None:
        self.acts = list(acts) or [answers()]
        self.source = Source(provider="fake", model_id=name, model_name=f"{name}-up", price=price)
        self.seen: list[Call] = []
        self.replies: list[Reply] = []
        self.open = 0
        self.peak = 0
        self.closed_at: float | None = None
        self.is_ready = True
        self.is_ready_at = 0.0
        self.is_loaded = 0.0
        self.usage: Usage | None = None
        self.has_left = 1.0
        self.is_well_at = 0.0
        self.listeners = Listeners()

    @property
    def calls(self) -> int:
        return len(self.seen)

    def ready(self, call: Call | None = None) -> bool:
        return self.is_ready

    def ready_at(self, call: Call | None = None) -> float:
        return self.is_ready_at

    def recovers_at(self) -> float:
        return self.is_well_at

    def refill(self, calls: int) -> float:
        """Nothing that is ready ever fills up."""
        return clock().now() if self.ready() else self.is_ready_at

    def room(self, until: float) -> float:
        return inf if until >= self.refill(1) else 0.0

    def watch(self, wake: Wake) -> Wake:
        return self.listeners.add(wake)

    def load(self) -> float:
        return self.is_loaded

    def headroom(self) -> float:
        return self.has_left

    def condition(self) -> dict[str, Any]:
        return {"in_flight": self.open}

    def choose(self, call: Call) -> Chosen:
        return Chosen(self.source, self(call))

    def without(self, source: Source) -> None:
        """It is alone."""

    @asynccontextmanager
    async def __call__(self, call: Call) -> AsyncIterator[Reply]:
        if not self.is_ready:
            raise Overloaded("It has no room.")
        self.seen.append(call)
        act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
        self.open += 1
        self.peak = max(self.peak, self.open)
        asked_at = clock().now()
        try:
            steps = act.before if call.payload.stream else act.before + act.then
            seen = Seen(usage=self.usage)
            async for _ in Playing(steps):
                pass
            reply = Reply(
                source=self.source,
                seen=seen,
                body=Playing(act.then if call.payload.stream else (), seen),
                tail=lambda metadata: metadata or b"tail",
                stream=call.payload.stream,
                asked_at=asked_at,
                opened_at=clock().now(),
            )
            self.replies.append(reply)
            yield reply
        finally:
            self.open -= 1
            self.closed_at = clock().now()


class Playing:
    """Steps as a stream."""

    def __init__(self, steps: Sequence[Step], seen: Seen | None = None) -> None:
        self._steps = list(steps)
        self._seen = seen or Seen()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while self._steps:
            step = self._steps.pop(0)
            if isinstance(step, bytes):
                if self._seen.tape is not None:
                    self._seen.tape.append(step)
                return step
            self._seen.waiting_since = clock().now()
            try:
                await _endure(step)
            finally:
                self._seen.waiting_since = None
        self._seen.over = True
        raise StopAsyncIteration


async def _endure(step: float | BaseException | Hang) -> None:
    if isinstance(step, BaseException):
        raise copy.copy(step)
    if isinstance(step, Hang):
        await asyncio.get_running_loop().create_future()
    elif step:
        await clock().sleep(step)


# ── what is written down ─────────────────────────────────────────────────────────────────────────────


@dataclass
class Notes:
    """A `ports.recorder.Recorder` that remembers."""

    records: list[Record] = field(default_factory=list)
    failures: list[tuple[str, GatewayError]] = field(default_factory=list)
    fallbacks: list[tuple[str, str, GatewayError]] = field(default_factory=list)
    fleets: list[tuple[Fleet, bool, float]] = field(default_factory=list)
    moves: list[tuple[State, State, float]] = field(default_factory=list)
    canaries: list[tuple[str, str, str]] = field(default_factory=list)
    hedges: list[tuple[str, str, Bet]] = field(default_factory=list)
    waits: list[tuple[str, float, Left]] = field(default_factory=list)

    def settled(self, record: Record) -> None:
        self.records.append(record)

    def attempt_failed(self, call: Call, source: Source, error: GatewayError) -> None:
        self.failures.append((source.model_id, error))

    def fell_back(self, call: Call, from_model: str, to_model: str, error: GatewayError) -> None:
        self.fallbacks.append((from_model, to_model, error))

    def hedged(self, call: Call, model: str, to: str, bet: Bet) -> None:
        self.hedges.append((model, to, bet))

    def queued(self, call: Call, seconds: float, left: Left) -> None:
        self.waits.append((call.caller.tier.queue, seconds, left))

    def fleet_moved(self, chain: Sequence[str], fleet: Fleet, *, is_open: bool, load: float) -> None:
        self.fleets.append((fleet, is_open, load))

    def breaker_moved(self, source: Source, before: State, after: State, seconds: float) -> None:
        self.moves.append((before, after, seconds))

    def canary_stopped(self, route: str, model: str, reason: str) -> None:
        self.canaries.append((route, model, reason))


# ── driving a service ────────────────────────────────────────────────────────────────────────────────


async def drain(service: Service, call: Call, *, pause_s: float = 0.0) -> list[bytes]:
    """The pieces of the answer; a pause after each is a slow reader."""
    pieces = []
    async with service(call) as reply:
        async for piece in reply.body:
            pieces.append(piece)
            if pause_s:
                await clock().sleep(pause_s)
    return pieces


async def fate(service: Service, call: Call) -> list[bytes] | BaseException:
    """The pieces, or what was raised instead; never raises."""
    task = asyncio.ensure_future(drain(service, call))
    await asyncio.wait({task})
    return ended(task) or task.result()


async def cancel_after(work: Coroutine[Any, Any, Any], seconds: float) -> bool:
    """Runs `work` and cancels it after so long. Whether that ended it."""
    task = asyncio.ensure_future(work)
    await asyncio.wait({task}, timeout=seconds)
    task.cancel()
    await asyncio.wait({task})
    return task.cancelled()


async def leave_midway(service: Service, call: Call, pieces: int = 1) -> None:
    """Takes so many pieces and closes the generator it takes them from, as an ASGI server may."""

    async def taken() -> AsyncGenerator[bytes, None]:
        async with service(call) as reply:
            async for piece in reply.body:
                yield piece

    stream = taken()
    for _ in range(pieces):
        await anext(stream)
    await stream.aclose()
