"""A day of people at work who ask what others have asked: how few calls are left, and nobody told wrongly.

Tenants ask by the hours of an office. Most questions come from the tenant's own few hundred, the n-th 1/n as
common as the first; neighbours in that list are near misses of each other. Some are asked in other words,
half of those in such as no verifier proves. Every hour something happens, and dozens ask the same within
seconds. Labels are the replay's own: what is meant, by which tenant. The layers are those that are assembled,
over an upstream that knows what is meant, in virtual time.

Where the numbers come from, and how fair they are, is in `docs/semantic.md`. What is said of a call is why
nothing here could have answered (`parts`), and how many any cache would make whose answers are good for as
long (`floor`).
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
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
from headgate.config.tree import Settings
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
REWORDED, STREAMED = 0.15, 0.6
BURSTS_AN_HOUR = 5
HOURS = ((0.0, 0.1), (7.0, 0.2), (10.0, 1.0), (16.0, 1.0), (20.0, 0.2))
THINGS = (
    "do thing {}", "do thing {} without help", "do thing {} in French", "do thing {} for my boss",
    "do thing {} before noon", "do all of thing {}", "undo thing {}", "do thing {} in Paris",
)  # fmt: skip
"""Neighbours in the list of questions: they differ in a word that changes the answer, and in nothing else."""

USUAL = "How do I {}?"
OTHERWISE = (
    "how can one {}", "Please tell me how to {}.", "{}: how?",
    "My colleagues want me to {} and I am lost.", "Walk me through it: {}.", "Who can say what I need to {}?",
)  # fmt: skip
"""Of these the verifier proves half: of people's own paraphrases it proves about as many (near pairs)."""

OFFICE, HELP_DESK, ASSISTANT = 0.1, 0.35, 0.69
"""Of requests, those that nobody has asked before."""

CACHES: dict[str, dict[str, Any]] = {
    "exact and coalesced alone": {},
    "and semantic, as it is by default": {"semantic": {}},
    "and both know for an hour": {"semantic": {"ttl_s": 3600}},
    "and both know for two hours": {"semantic": {"ttl_s": 7200}, "exact": {"ttl_s": 7200}},
}
OTHER_DAYS = {
    "a help desk, of whose questions 35 % are new": HELP_DESK,
    "assistants, of whose questions 69 % are new": ASSISTANT,
}
BUSY_RPM = 760.0
"""What the ten accounts of `seven-hundred-sixty` take."""

FIRST_S, PIECE_S, WHOLE_S = 0.8, 0.8, 4.0
"""Until a stream begins, between its pieces, and until an answer that is told whole."""

CONTENT = re.compile(r'"content":"([^"]*)"')


class Asked(msgspec.Struct, frozen=True, order=True):
    """When, by which tenant, what is meant, in which words, and whether as a stream."""

    at: float
    tenant: str
    meant: str
    words: str
    stream: bool


class Played(msgspec.Struct, frozen=True):
    """A day that is over: of so many requests so many calls, why each of those was made, who was told
    wrongly, by where from, and the calls that any cache would make."""

    requests: int
    calls: int
    how: dict[Reuse, int]
    why: dict[str, int]
    wrong: dict[Reuse, int]
    floor: int


def measured(data: Path) -> list[Measured]:
    """`data` is not needed: the day is made up."""
    rows = [row for name, cache in CACHES.items() for row in _rows(name, play(cache), reach="≤ 25")]
    for name, new in OTHER_DAYS.items():
        rows += _rows(name, play({"semantic": {}}, new=new))
    busy = list(a_day(Random("a day"), BUSY_RPM))
    rows.append(
        Row(
            what=f"the office at {BUSY_RPM:g} requests a minute: no cache with these times makes fewer",
            value=100 * floor(busy, 3600.0) / len(busy),
            digits=1,
        )
    )
    return [Measured(title="A day at an office, about 73,000 requests of 4 tenants", rows=tuple(rows))]


def _rows(name: str, played: Played, reach: str = "") -> Iterator[Row]:
    semantic, wrong = played.how.get(Reuse.SEMANTIC, 0), sum(played.wrong.values())
    how = {reuse.value: count for reuse, count in played.how.items()}
    yield Row(
        what=f"upstream calls, % of requests: {name}",
        value=100 * played.calls / played.requests,
        digits=1,
        reach=reach,
        note=f"{_shares(how, played.requests)}; {wrong} told wrongly,"
        f" {played.wrong.get(Reuse.SEMANTIC, 0)} of {semantic} semantic",
    )
    yield Row(
        what="  no cache with these times makes fewer",
        value=100 * played.floor / played.requests,
        digits=1,
        note=f"made because: {_shares(played.why, played.requests)}",
    )


def _shares(counts: Mapping[str, int], whole: int) -> str:
    ranked = sorted(counts.items(), key=lambda one: -one[1])
    return ", ".join(f"{name} {count / whole:.1%}" for name, count in ranked)


def a_day(
    chance: Random, rpm: float = RPM, bursts_an_hour: int = BURSTS_AN_HOUR, new: float = OFFICE
) -> Iterator[Asked]:
    """Not in order. `new`: the share of what nobody has asked before."""
    office = Curve(tuple((hour, rpm * share) for hour, share in HOURS))
    weights = list(accumulate(1.0 / (rank + 1) for rank in range(QUESTIONS)))
    tenants = [f"tenant-{number}" for number in range(TENANTS)]
    cases = 0
    for at in office.times(chance, 0.0, 86_400.0):
        tenant = chance.choice(tenants)
        if chance.random() < new:
            cases += 1
            meant = f"settle case {cases}"
        else:
            [rank] = chance.choices(range(QUESTIONS), cum_weights=weights)
            meant = THINGS[rank % len(THINGS)].format(rank // len(THINGS))
        words = chance.choice(OTHERWISE) if chance.random() < REWORDED else USUAL
        yield Asked(at, tenant, meant, words.format(meant), chance.random() < STREAMED)
    for number in range(bursts_an_hour * 10):
        begin, tenant = chance.uniform(8, 18) * 3600.0, chance.choice(tenants)
        meant = f"get on with incident {number}"
        for _ in range(chance.randint(20, 60)):
            yield Asked(begin + chance.expovariate(0.5), tenant, meant, USUAL.format(meant), True)


# ── why a call is made ───────────────────────────────────────────────────────────────────────────────


def floor(day: Iterable[Asked], fresh_s: float) -> int:
    """The calls of a cache that knows what is meant, whatever the words, and keeps an answer for so long. No
    cache can do with fewer: what is asked first must be asked, its answer serves until it is too old, and who
    asked earlier or renewed sooner would only have it end sooner."""
    until: dict[tuple[str, str], float] = {}
    calls = 0
    for asked in sorted(day):
        about = (asked.tenant, asked.meant)
        if asked.at > until.get(about, -1.0):
            until[about] = asked.at + max(WHOLE_S, FIRST_S + 2 * PIECE_S) + fresh_s
            calls += 1
    return calls


class Told(msgspec.Struct, frozen=True):
    """What became of a request, and when its answer was whole."""

    asked: Asked
    text: str
    reuse: Reuse
    whole_at: float


class Known(msgspec.Struct):
    """Of one question, asked by one tenant: when its answers came, by the words it was asked in."""

    latest: dict[str, float] = msgspec.field(default_factory=dict)

    def why(self, asked: Asked, fresh_s: float, alike_s: float) -> str:
        """Why none of them could be told. `alike_s`: for how long they may be told to who asks in other
        words; 0 where they never are."""
        ages = {words: asked.at - at for words, at in self.latest.items()}
        least = min(ages.values(), default=None)
        if least is None:
            return "never asked before"
        if least < 0.0:
            return "being asked in another way"  # in other words, or as a stream
        if ages.get(asked.words, fresh_s) < fresh_s:
            return "lost"  # it ought to have been told
        if least > fresh_s:
            return "too old"
        if least > alike_s:
            return "too old for other words" if alike_s else "in other words"
        return "other words not understood"


def parts(told: Iterable[Told], fresh_s: float, alike_s: float) -> Counter[str]:
    """Why calls were made, how often. `told`: in the order they were asked."""
    known: dict[tuple[str, str], Known] = {}
    found: Counter[str] = Counter()
    for one in told:
        if one.reuse is not Reuse.MISS:
            continue
        question = known.setdefault((one.asked.tenant, one.asked.meant), Known())
        found[question.why(one.asked, fresh_s, alike_s)] += 1
        question.latest[one.asked.words] = one.whole_at
    return found


# ── playing it ───────────────────────────────────────────────────────────────────────────────────────


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
        await clock().sleep(FIRST_S if stream else WHOLE_S)

        async def body() -> AsyncIterator[bytes]:
            for event in (Start(), TextDelta(label[:5]), TextDelta(label[5:])):
                piece = emitter.feed([event])
                if piece:
                    await clock().sleep(PIECE_S)
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


def _house(oracle: Oracle, asked: Settings) -> Service:
    """The layers as they are assembled."""
    machine = Machine(clock=clock(), chance=Random(1), pepper=b"x" * 16)
    reusing = Reusing(asked, machine, Kept(), Recorders())
    return stack(*reusing.layers(lambda call, model: False), leaf=oracle)


def _configured(cache: Mapping[str, Any]) -> Settings:
    raw = {
        "keys": [{"name": "me", "key": "k"}],
        "providers": {"p": {"dialect": "simulated"}},
        "models": {"m": {"provider": "p"}},
        "cache": dict(cache),
    }
    return settings(raw, environ={})


async def _told(service: Service, surface: OpenAISurface, asked: Asked) -> Told:
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
    return Told(asked, "".join(CONTENT.findall(heard.decode())), reply.reuse, clock().now())


def play(
    cache: Mapping[str, Any], rpm: float = RPM, bursts_an_hour: int = BURSTS_AN_HOUR, new: float = OFFICE
) -> Played:
    """`cache`: that section of the configuration."""
    configured = _configured(cache)
    fresh_s, semantic = configured.cache.exact.ttl_s, configured.cache.semantic
    day = sorted(a_day(Random("a day"), rpm, bursts_an_hour, new))

    async def story() -> Played:
        oracle = Oracle(day)
        service, surface = _house(oracle, configured), OpenAISurface(clock().wall, lambda: "id")
        told = await asyncio.gather(*(_told(service, surface, asked) for asked in day))
        wrong = (one.reuse for one in told if one.text != label_of(one.asked.tenant, one.asked.meant))
        return Played(
            requests=len(day),
            calls=oracle.calls,
            how=dict(Counter(one.reuse for one in told)),
            why=dict(parts(told, fresh_s, semantic.ttl_s if semantic else 0.0)),
            wrong=dict(Counter(wrong)),
            floor=floor(day, fresh_s),
        )

    return run(story())
