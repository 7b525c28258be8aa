"""A day of people at work who ask what others have asked: how few calls are left, and nobody told wrongly.

Tenants ask by the hours of an office. Most questions come from the tenant's own few hundred, the n-th 1/n as
common as the first, some in other words; every tenth is new. Every hour something happens, and dozens ask the
same within seconds. Labels are the replay's own: what is meant, by which tenant. `make soak` plays all of it.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import accumulate
from random import Random

import msgspec

from headgate.assemble.kept import Kept, Machine
from headgate.assemble.reuse import Reusing
from headgate.config.load import process_environment
from headgate.config.validate import settings
from headgate.core.arrivals import Curve
from headgate.core.call import Call, Caller, Operation, Reply, Seen, Source
from headgate.core.reuse import Reuse
from headgate.pipeline.service import Service, stack
from headgate.providers.openai import OpenAISurface
from scripted import Notes
from virtual import clock, run

SOAK = process_environment().get("HEADGATE_SOAK") == "1"
RPM = 100.0 if SOAK else 2.0
TENANTS = 4
QUESTIONS = 300
ASKED_NEW, REWORDED, STREAMED = 0.1, 0.15, 0.6
BURSTS_AN_HOUR = 5 if SOAK else 1
HOURS = ((0.0, 0.1), (7.0, 0.2), (10.0, 1.0), (16.0, 1.0), (20.0, 0.2))
OFFICE = Curve(tuple((hour, RPM * share) for hour, share in HOURS))
WORDS = ("How do I {}?", "how can one {}", "Please tell me how to {}.", "{}: how?")

Asked = tuple[float, str, str, str, bool]
"""When, by which tenant, what is meant, in which words, and whether as a stream."""


def a_day(chance: Random) -> Iterator[Asked]:
    weights = list(accumulate(1.0 / (rank + 1) for rank in range(QUESTIONS)))
    tenants = [f"tenant-{number}" for number in range(TENANTS)]
    new = 0
    for at in OFFICE.times(chance, 0.0, 86_400.0):
        tenant = chance.choice(tenants)
        if chance.random() < ASKED_NEW:
            new += 1
            meant = f"settle case {new}"
        else:
            [rank] = chance.choices(range(QUESTIONS), cum_weights=weights)
            meant = f"do thing {rank}"
        words = chance.choice(WORDS[1:]) if chance.random() < REWORDED else WORDS[0]
        yield at, tenant, meant, words.format(meant), chance.random() < STREAMED
    for number in range(BURSTS_AN_HOUR * 10):
        begin, tenant = chance.uniform(8, 18) * 3600.0, chance.choice(tenants)
        meant = f"get on with incident {number}"
        for _ in range(chance.randint(20, 60)):
            yield begin + chance.expovariate(0.5), tenant, meant, WORDS[0].format(meant), True


class Oracle:
    """An upstream that knows what is meant, and answers it for that tenant, in a few pieces over seconds."""

    def __init__(self, meant: dict[str, str]) -> None:
        self.calls = 0
        self._meant = meant

    @asynccontextmanager
    async def __call__(self, call: Call) -> AsyncIterator[Reply]:
        self.calls += 1
        asked_at, stream = clock().now(), call.payload.stream
        words = msgspec.json.decode(call.payload.raw)["messages"][0]["content"]
        label = label_of(call.caller.tenant, self._meant[words])
        seen = Seen()
        await clock().sleep(0.8 if stream else 4.0)

        async def body() -> AsyncIterator[bytes]:
            for piece in (label[:5], label[5:]) if stream else ():
                await clock().sleep(1.6)
                if seen.tape is not None:
                    seen.tape.append(piece)
                yield piece
            seen.over = True

        yield Reply(
            source=Source(provider="p", model_id="m", model_name="m"),
            seen=seen,
            body=body(),
            tail=lambda metadata: (b"" if stream else label) + (metadata or b""),
            stream=stream,
            asked_at=asked_at,
            opened_at=clock().now(),
        )


def label_of(tenant: str, meant: str) -> bytes:
    return f"{tenant} should {meant} like this".encode()


def house(oracle: Oracle) -> Service:
    """The layers as they are assembled, as they are without being configured."""
    raw = {
        "keys": [{"name": "me", "key": "k"}],
        "providers": {"p": {"dialect": "simulated"}},
        "models": {"m": {"provider": "p"}},
    }
    machine = Machine(clock=clock(), chance=Random(1), pepper=b"x" * 16)
    reusing = Reusing(settings(raw, environ={}), machine, Kept(), Notes())
    return stack(*reusing.layers(lambda call, model: False), leaf=oracle)


async def told(service: Service, surface: OpenAISurface, asked: Asked) -> tuple[bytes, Reuse]:
    at, tenant, _, words, stream = asked
    await clock().sleep(at - clock().now())
    body = {"model": "m", "messages": [{"role": "user", "content": words}], "stream": stream}
    call = Call(
        payload=surface.parse(Operation.CHAT, json.dumps(body).encode()),
        caller=Caller(key=tenant, tenant=tenant),
        request_id="r",
        started_at=clock().now(),
        deadline_at=clock().now() + 60.0,
        chain=("m",),
    )
    async with service(call) as reply:
        heard = b"".join([piece async for piece in reply.body])
        return (heard + reply.tail(b"<meta>")).removesuffix(b"<meta>"), reply.reuse


def test_a_day_at_the_office() -> None:
    async def story() -> None:
        day = sorted(a_day(Random("a day")))
        oracle = Oracle({words: meant for _, _, meant, words, _ in day})
        service, surface = house(oracle), OpenAISurface(clock().wall, lambda: "id")
        answers = await asyncio.gather(*(told(service, surface, asked) for asked in day))
        wrong = [
            asked
            for asked, (text, _) in zip(day, answers, strict=True)
            if text != label_of(asked[1], asked[2])
        ]
        how = Counter(reuse for _, reuse in answers)
        shares = {reuse.value: f"{count / len(day):.1%}" for reuse, count in how.items()}
        print(f"{len(day)} requests, calls {oracle.calls / len(day):.1%}, {shares}, wrong {len(wrong)}")
        assert not wrong
        assert oracle.calls == how[Reuse.MISS] == len(day) - how[Reuse.EXACT] - how[Reuse.COALESCED]
        assert how[Reuse.COALESCED] > 100
        assert oracle.calls < (0.5 if SOAK else 0.8) * len(day)

    run(story())
