"""Plays a scenario: callers, the assembled gateway and simulated providers on one virtual loop.

The rim is left out: a call begins where the server would have built it. Everything below is what
`headgate serve` runs. It stands here because it needs the settings, the gateway and the virtual loop at once,
which only commands may have; its arithmetic is in `core` (arrivals, draws, prompts, spread).

Nothing but the scenario and its seed decides what happens: chance is drawn from generators seeded by it, one
for the house and one for each group of callers, and time is the loop's.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from random import Random

from headgate.adapters import virtual
from headgate.adapters.virtual import VirtualClock
from headgate.assemble import Gateway, Machine
from headgate.cli.notes import Group, Kept, Used
from headgate.cli.played import Result, played
from headgate.config.scenario import Callers, Scenario, key_name
from headgate.config.stage import Stage, limits_of
from headgate.config.tree import Settings
from headgate.core.call import Call, Caller, Line, Operation, Reply
from headgate.core.draws import Draw
from headgate.core.errors import GatewayError
from headgate.core.prompts import Prompts
from headgate.providers.simulated import ANONYMOUS, Limits, Scheduled, Simulation

GC_THRESHOLD = 50_000
TICKS = 400
"""How often the time gone by is told."""

Tick = Callable[[float], None]


def play(stage: Stage, *, seed: int | None = None, tick: Tick | None = None) -> Result:
    """Plays it to its end and tells what came of it. `tick` is told how many virtual seconds have gone by."""
    seed = stage.scenario.seed if seed is None else seed
    with _undisturbed():
        return virtual.run(_play(stage, seed, tick or (lambda _: None)))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Without the log of what the gateway goes through: it is the result that counts; and with a collector
    that looks seldom, and not at what was there before, because a request leaves no cycle behind."""
    ours, before = logging.getLogger("headgate"), gc.get_threshold()
    level = ours.level
    ours.setLevel(logging.CRITICAL + 1)
    gc.set_threshold(GC_THRESHOLD)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        ours.setLevel(level)
        gc.set_threshold(*before)


async def _play(stage: Stage, seed: int, tick: Tick) -> Result:
    scenario, clock = stage.scenario, virtual.clock()
    machine = Machine(clock=clock, chance=Random(f"{seed}/gateway"), pepper=b"a pepper for everybody")
    gateway = Gateway(stage.settings, machine)
    simulations = gateway.simulations()
    _enforce(scenario, stage.settings, simulations, clock)
    kept = Kept(scenario.warmup_s, scenario.duration_s)
    books: list[Mapping[str, Used]] = []
    for when in (scenario.warmup_s, scenario.duration_s):
        clock.at(when, lambda: books.append(_used(stage.settings, simulations)))
    ticking = asyncio.ensure_future(_tick(clock, scenario.duration_s, tick))
    async with asyncio.TaskGroup() as everybody:
        for name, callers in scenario.callers.items():
            group = kept.group(name, callers.tier)
            crowd = _Crowd(gateway, name, callers, group, clock, Random(f"{seed}/{name}"))
            everybody.create_task(crowd.come(callers.to_s or scenario.duration_s, everybody))
    if clock.now() < scenario.duration_s:
        await clock.sleep(scenario.duration_s - clock.now())
    await clock.sleep(0)  # so that the last entry is in the books
    ticking.cancel()
    before, after = books
    return played(stage, seed, kept, before, after)


async def _tick(clock: VirtualClock, duration_s: float, tick: Tick) -> None:
    for number in range(1, TICKS + 1):
        await clock.sleep(duration_s * number / TICKS - clock.now())
        tick(clock.now())


# ── providers ────────────────────────────────────────────────────────────────────────────────────────


def label_of(settings: Settings, provider: str, number: int) -> str:
    """What a provider's key of that number is called by its simulation."""
    return str(number) if len(settings.providers[provider].keys) > 1 else ""


def _enforce(
    scenario: Scenario, settings: Settings, simulations: Mapping[str, Simulation], clock: VirtualClock
) -> None:
    """Sets providers up: what they really allow, what will change, what will go wrong."""
    for name, simulation in simulations.items():
        provider = settings.providers[name]
        for number in range(1, max(len(provider.keys), 1) + 1):
            simulation.limit(limits_of(provider, number), label_of(settings, name, number))
        simulation.schedule(
            [
                Scheduled(
                    fault=trouble.fault,
                    from_s=trouble.from_s,
                    to_s=trouble.to_s,
                    share=trouble.share,
                    key=None if trouble.key is None else label_of(settings, name, trouble.key),
                )
                for trouble in scenario.faults
                if trouble.provider == name
            ]
        )
    for change in scenario.changes:
        limits = Limits(rpm=change.rpm, tpm=change.tpm, burst=change.burst)
        keys = len(settings.providers[change.provider].keys)
        numbers = range(1, max(keys, 1) + 1) if change.key is None else (change.key,)
        for number in numbers if change.provider in simulations else ():  # else no model is served there
            label = label_of(settings, change.provider, number)
            clock.at(change.at_s, partial(simulations[change.provider].limit, limits, label))


def _used(settings: Settings, simulations: Mapping[str, Simulation]) -> dict[str, Used]:
    """What every key has been used for so far, by `provider/number`."""
    used = {}
    for name, simulation in simulations.items():
        known = simulation.report().keys
        for number in range(1, max(len(settings.providers[name].keys), 1) + 1):
            if key := known.get(label_of(settings, name, number) or ANONYMOUS):
                used[f"{name}/{number}"] = Used(
                    granted=key.granted,
                    served=key.served,
                    tokens=key.granted_tokens,
                    throttled=key.throttled,
                    faulted=key.faulted,
                )
    return used


# ── callers ──────────────────────────────────────────────────────────────────────────────────────────


class _Crowd:
    """One group of callers."""

    def __init__(
        self,
        gateway: Gateway,
        name: str,
        callers: Callers,
        group: Group,
        clock: VirtualClock,
        chance: Random,
    ) -> None:
        self._gateway = gateway
        self._front = gateway.house.front
        self._clock = clock
        self._chance = chance
        self._callers = callers
        self._group = group
        self._known = [self._admitted(gateway, key) for key in _shown(name, callers, gateway)]
        self._prompts = Prompts(
            chance,
            tokens=callers.prompt_tokens.draw(),
            answer=callers.answer_tokens.draw(),
            repeats=callers.repeated(),
        )
        most = "" if callers.max_tokens is None else f',"max_tokens":{callers.max_tokens}'
        self._begin = f'{{"model":"{callers.model}"{most},"messages":[{{"role":"user","content":"'
        self._deadline_s = self._front.deadlines.get(callers.model, self._front.deadline_s)
        self._asked = 0

    def _admitted(self, gateway: Gateway, key: str) -> Caller:
        return gateway.house.front.door.admit({b"authorization": f"Bearer {key}".encode()})

    async def come(self, to_s: float, everybody: asyncio.TaskGroup) -> None:
        """They come, and go at `to_s`; their requests run on among `everybody`."""
        callers, clock, chance = self._callers, self._clock, self._chance
        arrivals, users = callers.arrivals(), callers.users
        if arrivals is None and users is not None:
            think = users.think_s.draw()
            for number in range(users.count):
                caller = self._known[number % len(self._known)]
                everybody.create_task(self._uses(caller, think, callers.from_s, to_s))
            return
        for at in arrivals.times(chance, callers.from_s, to_s) if arrivals else ():
            if at > clock.now():
                await clock.sleep(at - clock.now())
            everybody.create_task(self._ask(chance.choice(self._known)))

    async def _uses(self, caller: Caller, think: Draw, from_s: float, to_s: float) -> None:
        """One person. At the beginning people are in the middle of their thoughts."""
        clock, chance = self._clock, self._chance
        await clock.sleep(from_s + think(chance) * chance.random())
        while clock.now() < to_s:
            await self._ask(caller)
            await clock.sleep(think(chance))

    async def _ask(self, caller: Caller) -> None:
        """One request, to its end; now and then it comes twice."""
        chance, twice = self._chance, self._callers.repeats.twice
        stream = bool(self._callers.stream) and chance.random() < self._callers.stream
        body = self._body(stream=stream)
        if twice and chance.random() < twice:
            await asyncio.gather(self._send(caller, body), self._send(caller, body))
        else:
            await self._send(caller, body)

    async def _send(self, caller: Caller, body: bytes) -> None:
        now, callers = self._clock.now(), self._callers
        call = self._call(caller, body, now)
        hang_up = self._patience(call.line) if callers.patience_s is not None else None
        reply: Reply | None = None
        error: BaseException | None = None
        try:
            async with self._gateway.service(call) as reply:
                async for _ in reply.body:
                    pass
                reply.tail(None)
        except GatewayError as refusal:
            error, refusal.__traceback__ = refusal, None  # or it would keep all it went through
        except asyncio.CancelledError as cancelled:
            task = asyncio.current_task()
            if not call.line.gone or task is None or task.uncancel():
                raise
            error, cancelled.__traceback__ = cancelled, None
        if hang_up is not None:
            hang_up.cancel()
        self._group.settled(now, self._clock.now(), reply, error)

    def _body(self, *, stream: bool) -> bytes:
        end = '"}],"stream":true}' if stream else '"}]}'
        return f"{self._begin}{self._prompts()}{end}".encode()

    def _call(self, caller: Caller, body: bytes, now: float) -> Call:
        self._asked += 1
        return Call(
            payload=self._gateway.surface.parse(Operation.CHAT, body),
            caller=caller,
            request_id=f"{self._group.name}-{self._asked}",
            started_at=now,
            deadline_at=now + self._deadline_s,
        )

    def _patience(self, line: Line) -> asyncio.TimerHandle:
        """Hangs up when it is over."""
        task = asyncio.current_task()

        def hang_up() -> None:
            line.gone = True
            if task is not None:
                task.cancel()

        return self._clock.at(self._clock.now() + (self._callers.patience_s or 0.0), hang_up)


def _shown(name: str, callers: Callers, gateway: Gateway) -> list[str]:
    """The keys that a group shows."""
    if not callers.keys:
        return [f"simulated-{key_name(name, place)}" for place in range(1, callers.tenants + 1)]
    known = {key.name: key.key.reveal() for key in gateway.settings.keys}
    return [known[key] for key in callers.keys]
