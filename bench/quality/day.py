"""A day of people at work who ask what others have asked: how few calls are left, and nobody told wrongly.

Tenants ask by the hours of an office. Most questions come from the tenant's own few hundred, the n-th 1/n as
common as the first, some in other words; every tenth is new. Every hour something happens, and dozens ask the
same within seconds. Labels are the replay's own: what is meant, by which tenant. The layers are those that
are assembled, over an upstream that knows what is meant, in virtual time.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from bench.quality.rows import Measured, Row
from headgate.adapters.record import Recorders
from headgate.adapters.virtual import clock, run
from headgate.assemble.kept import Kept, Machine
from headgate.assemble.reuse import Reusing
from headgate.config.validate import settings
from headgate.core.arrivals import Curve
from headgate.core.call import Call, Caller, Operation, Reply, Seen, Source
from headgate.core.chat import Finish, FinishReason, Start, TextDelta
from headgate.core.reuse import Reuse
from headgate.pipeline.service import Service, stack
from headgate.providers.openai import OpenAISurface

RPM = 100.0
TENANTS = 4
QUESTIONS = 300
ASKED_NEW, REWORDED, STREAMED = 0.1, 0.15, 0.6
BURSTS_AN_HOUR = 5
HOURS = ((0.0, 0.1), (7.0, 0.2), (10.0, 1.0), (16.0, 1.0), (20.0, 0.2))
WORDS = ("How do I {}?", "how can one {}", "Please tell me how to {}.", "{}: how?")
CACHES: dict[str, dict[str, Any]] = {
    "exact and coalesced alone": {},
    "and semantic, as it is by default": {"semantic": {}},
    "and both know for an hour": {"semantic": {"ttl_s": 3600}},
    "and both know for two hours": {"semantic": {"ttl_s": 7200}, "exact": {"ttl_s": 7200}},
}
CONTENT = re.compile(r'"content":"([^"]*)"')


class Asked(msgspec.Struct, frozen=True, order=True):
    """When, by which tenant, what is meant, in which words, and whether as a stream."""

    at: float
    tenant: str
    meant: str
    words: str
    stream: bool


class Played(msgspec.Struct, frozen=True):
    """A day that is over: of so many requests so many calls, and who was told wrongly, by where from."""

    requests: int
    calls: int
    how: dict[Reuse, int]
    wrong: dict[Reuse, int]


def measured(data: Path) -> list[Measured]:
    """`data` is not needed: the day is made up."""
    rows = [row for name, cache in CACHES.items() for row in _rows(name, play(cache))]
    return [Measured(title="A day at the office, 72,748 requests of 4 tenants", rows=tuple(rows))]


def _rows(name: str, played: Played) -> Iterator[Row]:
    semantic = played.how.get(Reuse.SEMANTIC, 0)
    parts = ", ".join(f"{reuse.value} {count / played.requests:.1%}" for reuse, count in played.how.items())
    wrong = sum(played.wrong.values())
    yield Row(
        what=f"upstream calls, % of requests: {name}",
        value=100 * played.calls / played.requests,
        digits=1,
        reach="≤ 25",
        note=f"{parts}; {wrong} told wrongly, {played.wrong.get(Reuse.SEMANTIC, 0)} of {semantic} semantic",
    )


def a_day(chance: Random, rpm: float = RPM, bursts_an_hour: int = BURSTS_AN_HOUR) -> Iterator[Asked]:
    office = Curve(tuple((hour, rpm * share) for hour, share in HOURS))
    weights = list(accumulate(1.0 / (rank + 1) for rank in range(QUESTIONS)))
    tenants = [f"tenant-{number}" for number in range(TENANTS)]
    new = 0
    for at in office.times(chance, 0.0, 86_400.0):
        tenant = chance.choice(tenants)
        if chance.random() < ASKED_NEW:
            new += 1
            meant = f"settle case {new}"
        else:
            [rank] = chance.choices(range(QUESTIONS), cum_weights=weights)
            meant = f"do thing {rank}"
        words = chance.choice(WORDS[1:]) if chance.random() < REWORDED else WORDS[0]
        yield Asked(at, tenant, meant, words.format(meant), chance.random() < STREAMED)
    for number in range(bursts_an_hour * 10):
        begin, tenant = chance.uniform(8, 18) * 3600.0, chance.choice(tenants)
        meant = f"get on with incident {number}"
        for _ in range(chance.randint(20, 60)):
            yield Asked(begin + chance.expovariate(0.5), tenant, meant, WORDS[0].format(meant), True)


class Oracle:
    """An upstream that knows what is meant, and answers it for that tenant, in a few pieces over seconds."""

    def __init__(self, day: list[Asked]) -> None:
        self.calls = 0
        self._meant = {one.words: one.meant for one in day}

    @asynccontextmanager
    async def __call__(self, call: Call) -> AsyncIterator[Reply]:
        self.calls += 1
        asked_at, stream, emitter = clock().now(), call.payload.stream, call.payload.emitter()
        words = msgspec.json.decode(call.payload.raw)["messages"][0]["content"]
        label = label_of(call.caller.tenant, self._meant[words])
        seen = Seen()
        await clock().sleep(0.8 if stream else 4.0)

        async def body() -> AsyncIterator[bytes]:
            for event in (Start(), TextDelta(label[:5]), TextDelta(label[5:])):
                piece = emitter.feed([event])
                if piece:
                    await clock().sleep(0.8)
                    if seen.tape is not None:
                        seen.tape.append(piece)
                    yield piece
            emitter.feed([Finish(reason=FinishReason.STOP)])
            seen.over = True

        yield Reply(
            source=Source(provider="p", model_id="m", model_name="m"),
            seen=seen,
            body=body(),
            tail=emitter.tail,
            stream=stream,
            asked_at=asked_at,
            opened_at=clock().now(),
        )


def label_of(tenant: str, meant: str) -> str:
    return f"{tenant} should {meant} like this"


def _house(oracle: Oracle, cache: Mapping[str, Any]) -> Service:
    """The layers as they are assembled."""
    raw = {
        "keys": [{"name": "me", "key": "k"}],
        "providers": {"p": {"dialect": "simulated"}},
        "models": {"m": {"provider": "p"}},
        "cache": dict(cache),
    }
    machine = Machine(clock=clock(), chance=Random(1), pepper=b"x" * 16)
    reusing = Reusing(settings(raw, environ={}), machine, Kept(), Recorders())
    return stack(*reusing.layers(lambda call, model: False), leaf=oracle)


async def _told(service: Service, surface: OpenAISurface, asked: Asked) -> tuple[str, Reuse]:
    await clock().sleep(asked.at - clock().now())
    body = {"model": "m", "messages": [{"role": "user", "content": asked.words}], "stream": asked.stream}
    call = Call(
        payload=surface.parse(Operation.CHAT, msgspec.json.encode(body)),
        caller=Caller(key=asked.tenant, tenant=asked.tenant),
        request_id="r",
        started_at=clock().now(),
        deadline_at=clock().now() + 60.0,
        chain=("m",),
    )
    async with service(call) as reply:
        heard = b"".join([piece async for piece in reply.body]) + reply.tail(b"{}")
    return "".join(CONTENT.findall(heard.decode())), reply.reuse


def play(cache: Mapping[str, Any], rpm: float = RPM, bursts_an_hour: int = BURSTS_AN_HOUR) -> Played:
    """`cache`: that section of the configuration."""

    async def story() -> Played:
        day = sorted(a_day(Random("a day"), rpm, bursts_an_hour))
        oracle = Oracle(day)
        service, surface = _house(oracle, cache), OpenAISurface(clock().wall, lambda: "id")
        answers = await asyncio.gather(*(_told(service, surface, asked) for asked in day))
        how = Counter(reuse for _, reuse in answers)
        wrong = Counter(
            reuse
            for asked, (text, reuse) in zip(day, answers, strict=True)
            if text != label_of(asked.tenant, asked.meant)
        )
        return Played(len(day), oracle.calls, dict(how), dict(wrong))

    return run(story())
