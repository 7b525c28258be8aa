"""The whole gateway in virtual time, over simulated providers: for stories, and for cancelling them.

A story is traffic, and what must have come of it. The traffic writes down what it sees instead of judging it,
so that the same traffic can be played again with a request cancelled anywhere.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from headgate.assemble import Gateway, Machine
from headgate.config.load import process_environment
from headgate.config.tree import Settings
from headgate.core.call import Call, Caller, Operation, Outcome
from headgate.core.permits import Permits
from headgate.core.record import Record
from headgate.pipeline.breaker import CircuitBreaker
from headgate.pipeline.dispatch import Dispatch
from headgate.pipeline.limit import Limit
from headgate.pipeline.timeout import Timeout
from headgate.providers.simulated import Scheduled, SimulatedTransport, Simulation
from scripted import Notes, TurningLoop, ended
from virtual import clock

CALLER = Caller(key="alice", tenant="acme")
RECOVERY_S = 60.0
SOAK = process_environment().get("HEADGATE_SOAK") == "1"
HELLO = ({"role": "user", "content": "Tell me about bridges"},)

NO_REUSE: dict[str, Any] = {"cache": {"exact": {"ttl_s": 0}}, "coalesce": {"window_s": 0}}
"""Every request is answered by an upstream."""

Traffic = Callable[["Stage"], Awaitable[None]]


def simulated(**members: Any) -> dict[str, Any]:
    """A provider that needs no network: quick, short answers unless told otherwise."""
    quick = {"latency_s": 0.1, "tokens_per_s": 10.0, "output_tokens": 5}
    patience = {"first_byte_s": 5.0, "idle_s": 5.0, "total_s": 20.0}
    provider = {"dialect": "simulated", "timeouts": patience, "concurrency": 8}
    return {**provider, **members, "simulated": {**quick, **members.get("simulated", {})}}


def two_neighbours(*, keys: int = 0, **more: Any) -> dict[str, Any]:
    """Model `a` at `north`, model `b` at `south`; the route `auto` tries them in this order."""
    north = {"keys": [f"key-{number}" for number in range(keys)]} if keys else {}
    return {
        "server": {"auth": "off", "log": "off"},
        "providers": {"north": simulated(**north), "south": simulated()},
        "models": {"a": {"provider": "north"}, "b": {"provider": "south"}},
        "routes": {"auto": {"use": ["a", "b"]}},
        **NO_REUSE,
        "breaker": {"failures": 5, "recovery_s": RECOVERY_S},
        **more,
    }


@dataclass
class Told:
    """What one caller was told. `text` is the answer's, `whole` whether it came to its proper end."""

    at: float
    model: str | None = None
    attempts: int = 0
    instead_of: str | None = None
    body: bytes = b""
    text: str = ""
    whole: bool = False
    error: BaseException | None = None
    took_s: float = 0.0


@dataclass
class Stage:
    """One gateway, its providers, and everything that was seen of them."""

    settings: dict[str, Any]
    loop: TurningLoop
    told: list[Told] = field(default_factory=list)
    seen: dict[str, Any] = field(default_factory=dict)
    notes: Notes = field(default_factory=Notes)
    begun: int = 0
    named: int = 0

    def __post_init__(self) -> None:
        self.chance = Random(7)
        machine = Machine(clock=clock(), chance=self.chance, pepper=b"x" * 16)
        self.gateway = Gateway(Settings.model_validate(self.settings), machine)
        recorders = self.gateway._recorder
        recorders.add(self.notes)

    # ── what callers do ──

    async def ask(
        self,
        model: str = "auto",
        *,
        stream: bool = True,
        deadline_s: float = 600.0,
        say: str = HELLO[0]["content"],
        session: str | None = None,
        messages: Sequence[Mapping[str, str]] | None = None,
    ) -> Told:
        """One request, which may be cancelled. What came of it is also kept in `told`, by when it ended."""
        told = Told(at=clock().now())
        said = messages or [{"role": "user", "content": say}]
        call = self._call(told.at, model, stream, deadline_s, said, session)
        task = await self.loop.on_the_block(self._ask(told, call))
        told.error = ended(task)
        told.took_s = clock().now() - told.at
        self.told.append(told)
        return told

    def _call(
        self,
        at: float,
        model: str,
        stream: bool,
        deadline_s: float,
        messages: Sequence[Mapping[str, str]],
        session: str | None,
    ) -> Call:
        self.named += 1
        body = {"model": model, "messages": messages, "stream": stream, "seed": 1}
        return Call(
            payload=self.gateway.surface.parse(Operation.CHAT, json.dumps(body).encode()),
            caller=CALLER,
            request_id=f"req-{self.named - 1}",
            started_at=at,
            deadline_at=at + deadline_s,
            session=session,
        )

    async def _ask(self, told: Told, call: Call) -> None:
        self.begun += 1
        async with self.gateway.service(call) as reply:
            told.model, told.attempts, told.instead_of = (
                reply.source.model_id,
                reply.attempts,
                reply.fallback_from,
            )
            async for piece in reply.body:
                told.body += piece
            told.body += reply.tail(None)
        told.text, told.whole = _read(told.body, call.payload.stream)

    async def ask_all(self, count: int, gap_s: float, model: str = "auto", *, stream: bool = True) -> None:
        """One after the other, `gap_s` from the beginning of one to that of the next at least."""
        for _ in range(count):
            begin = clock().now()
            await self.ask(model, stream=stream)
            await self.until(begin + gap_s)

    async def until(self, when: float) -> None:
        if when > clock().now():
            await clock().sleep(when - clock().now())

    # ── what providers do ──

    def provider(self, name: str) -> Simulation:
        """The simulation behind a provider of the present generation."""
        for upstreams in self.gateway._generation.upstreams.values():
            for upstream in upstreams:
                if upstream.source.provider == name:
                    return simulation_of(upstream)
        raise KeyError(name)

    def befalls(
        self, name: str, fault: str | None, *, key: str | None = None, for_s: float | None = None
    ) -> None:
        """From now on this goes wrong at the provider; `None`: nothing does."""
        faults = [Scheduled(fault=fault, key=key, to_s=for_s)] if fault else []
        self.provider(name).schedule(faults)

    def visits(self, name: str) -> int:
        """How many requests the provider has seen."""
        return self.provider(name).report().requests

    # ── what the gateway holds ──

    def upstreams(self, model: str) -> tuple[CircuitBreaker, ...]:
        return self.gateway._generation.upstreams[model]

    def breaker(self, model: str) -> CircuitBreaker:
        """Of a model with one upstream."""
        [upstream] = self.upstreams(model)
        return upstream

    @property
    def outcomes(self) -> list[Outcome]:
        return [record.outcome for record in self.records]

    @property
    def records(self) -> list[Record]:
        """Of what callers asked; not of copies."""
        return [record for record in self.notes.records if not record.shadow]

    async def is_as_new(self) -> None:
        """Nothing in flight, all permits back, every breaker free, exactly one record a request."""
        assert len(self.records) == self.begun
        assert len({record.request_id for record in self.records}) == self.begun
        self._nothing_in_flight()
        for name in self.settings["providers"]:
            self.befalls(name, None)
        await clock().sleep(RECOVERY_S + 5.0)
        for model, upstreams in self.gateway._generation.upstreams.items():
            for upstream in upstreams:
                assert upstream.ready(), f"{model} is wedged: {upstream.condition()}"
                await self._serves(upstream)
        self._nothing_in_flight()

    async def _serves(self, upstream: CircuitBreaker) -> None:
        body = {"model": "x", "messages": HELLO, "stream": True}
        call = Call(
            payload=self.gateway.surface.parse(Operation.CHAT, json.dumps(body).encode()),
            caller=CALLER,
            request_id="afterwards",
            started_at=clock().now(),
            deadline_at=clock().now() + 600.0,
        )
        async with upstream(call) as reply:
            pieces = [piece async for piece in reply.body]
        assert pieces
        assert upstream.condition()["state"] == "closed"

    def _nothing_in_flight(self) -> None:
        generation = self.gateway._generation
        assert generation.admit.in_flight == 0
        for upstreams in generation.upstreams.values():
            for upstream in upstreams:
                limit = limit_of(upstream)
                assert (limit.in_flight, limit._waiting) == (0, 0)
                assert permits_of(upstream).free == permits_of(upstream).size
                assert not upstream.breaker.probing
        for name in self.settings["providers"]:
            assert self.provider(name).report().open == []


def limit_of(upstream: CircuitBreaker) -> Limit:
    limit = upstream._inner
    assert isinstance(limit, Limit)
    return limit


def permits_of(upstream: CircuitBreaker) -> Permits:
    return limit_of(upstream)._permits


def simulation_of(upstream: CircuitBreaker) -> Simulation:
    timeout = limit_of(upstream)._inner
    assert isinstance(timeout, Timeout)
    dispatch = timeout._inner
    assert isinstance(dispatch, Dispatch)
    transport = dispatch._transport
    assert isinstance(transport, SimulatedTransport)
    return transport._simulation


def _read(body: bytes, stream: bool) -> tuple[str, bool]:
    """(text, whether it came to its proper end) of an answer in OpenAI's dialect."""
    if not stream:
        choice = json.loads(body)["choices"][0]
        return choice["message"]["content"], choice["finish_reason"] is not None
    frames = [frame.removeprefix(b"data: ") for frame in body.split(b"\n\n") if frame]
    if frames[-1] != b"[DONE]" or frames.count(b"[DONE]") != 1:
        return "", False
    choices = [choice for frame in frames[:-1] for choice in json.loads(frame)["choices"]]
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    return text, sum(choice["finish_reason"] is not None for choice in choices) == 1


# ── playing stories ──────────────────────────────────────────────────────────────────────────────────


def play(settings: dict[str, Any], traffic: Traffic, strike_at: int | None = None) -> Stage:
    """Plays `traffic` on a fresh stage and asserts that everything is as new afterwards."""
    loop = TurningLoop(strike_at)

    async def main() -> Stage:
        stage = Stage(settings, loop)
        await traffic(stage)
        await stage.is_as_new()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"left behind: {left}"
        return stage

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main())


def play_cancelled_everywhere(settings: dict[str, Any], traffic: Traffic, *, at_most: int = 60) -> int:
    """Plays it again and again, cancelling the oldest request in flight at each turn of the loop (of many
    turns, at evenly spread ones; of more with `make soak`). How many turns there are."""
    at_most = at_most if SOAK else min(at_most, 20)
    turns = play(settings, traffic).loop.turns
    for turn in range(1, turns + 1, -(-turns // at_most)):
        stage = play(settings, traffic, turn)
        struck = stage.loop.struck
        assert struck is not None, f"turn {turn} of {turns} did not come"
        if struck.cancelled() and stage.begun == len(stage.told):
            assert Outcome.CANCELLED in stage.outcomes
    return turns
