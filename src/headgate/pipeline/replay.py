"""Answers that are here already, as replies: what layers share that answer without asking."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import lru_cache, partial

import msgspec

from headgate.core.call import Call, Payload, Reply, Seen, Source
from headgate.core.chat import Finish, FinishReason, Start, TextDelta
from headgate.core.identity import Identity
from headgate.core.reuse import FREE, Reuse, Stored, told
from headgate.core.usage import estimate
from headgate.ports.cache import Cache
from headgate.ports.clock import Clock

EVENT_END = b"\n\n"
HERE = "headgate"
"""The provider of what no provider has said."""


Retell = Callable[[Stored, Payload], Stored | None]
"""An answer in the form that a request wants, if it can be had."""


def in_form(
    cache: Cache,
    identity: Identity,
    payload: Payload,
    wall: float,
    retell: Retell | None,
    *,
    stale: bool = False,
) -> Stored | None:
    """What is kept under the identity, in its form. Where it is fresh in another form only, or with `stale`
    kept at all, it is told anew, and kept so."""
    answer = cache.get(identity, wall)
    if retell is not None and (answer is None or not (stale or answer.left_s(wall) > 0.0)):
        for other in cache.others(identity, wall):
            told = retell(other, payload) if stale or other.left_s(wall) > 0.0 else None
            if told is not None:
                cache.put(identity, told)
                return told
    return answer


@lru_cache(maxsize=4096)
def free(provider: str, model_id: str, model_name: str) -> Source:
    """Where an answer came from once, for those who do not pay. The same object every time: by that the rim
    remembers what it writes of a source."""
    return Source(provider=provider, model_id=model_id, model_name=model_name, price=FREE)


def replayed(answer: Stored, reuse: Reuse, clock: Clock, wall: float, pace: float = 0.0) -> Reply:
    """What was kept, told again; with `pace`, so many events of a stream a second."""
    now, age_s, usage = clock.now(), wall - answer.stored_at, answer.usage
    return Reply(
        source=free(answer.provider, answer.model_id, answer.model_name),
        seen=Seen(
            started=True,
            model=answer.served_model,
            finish=answer.finish,
            usage=usage,
            complete=True,
            over=True,
        ),
        body=paced(answer.body, pace, clock) if pace else AtOnce(answer.body),
        tail=partial(told, answer.end),
        stream=answer.stream,
        asked_at=now,
        opened_at=now,
        attempts=0,
        reuse=reuse,
        age_s=age_s if age_s > 0.0 else 0.0,
        left_s=answer.life.fresh_s - age_s,
        saved_nano=answer.cost_nano or 0,
        _priced=usage,
        _cost=0,
    )


def written(call: Call, name: str, text: str, clock: Clock, ttl_s: float) -> Reply:
    """Words of the operator's own, in the caller's dialect. `name`: what they are called; `ttl_s`: for how
    long they are good."""
    payload, now = call.payload, clock.now()
    emitter = payload.emitter()
    finish = FinishReason.STOP
    events = (Start(model=name), TextDelta(text), Finish(reason=finish))
    return Reply(
        source=free(HERE, name, name),
        seen=Seen(
            prompt_chars=len(payload.raw),
            started=True,
            model=name,
            finish=finish,
            usage=estimate(prompt_chars=len(payload.raw), output_chars=len(text)),
            complete=True,
            over=True,
        ),
        body=AtOnce(emitter.feed(events)),
        tail=emitter.tail,
        stream=payload.stream,
        asked_at=now,
        opened_at=now,
        attempts=0,
        reuse=Reuse.TEMPLATE,
        left_s=ttl_s,
    )


class AtOnce(msgspec.Struct, eq=False):
    """A stream that is here already, in one piece."""

    body: bytes

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        body, self.body = self.body, b""
        if not body:
            raise StopAsyncIteration
        return body


async def paced(body: bytes, pace: float, clock: Clock) -> AsyncIterator[bytes]:
    """The same, so many events a second."""
    begun = clock.now()
    for number, event in enumerate(body.split(EVENT_END)):
        if event:
            await clock.sleep(max(0.0, begun + number / pace - clock.now()))
            yield event + EVENT_END
