"""Whatever is asked, by whomever, at once or later: nobody is told what was said to another partition."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from random import Random

import msgspec
import pytest

from headgate.adapters.memory.cache import MemoryCache
from headgate.config.load import process_environment
from headgate.core.call import Call, Caller, Operation, Reply, Seen, Source
from headgate.core.reuse import Reuse
from headgate.pipeline.cache import Keep, Lookup
from headgate.pipeline.coalesce import Coalesce
from headgate.pipeline.identify import Identify
from headgate.pipeline.service import Service, stack
from scripted import FakePayload, asked
from virtual import clock, run

CASES = 200_000 if process_environment().get("HEADGATE_SOAK") == "1" else 4_000
AT_ONCE = 40

TENANTS = ("a", "b", "ab", "a:b", "tenant:a", "shared", "None", " a", "A", "ä", "a\x00")
MODELS = ("m", "a", "ab", "auto", "1:m", "m/openai")
CHAINS = (("m",), ("m", "n"), ("n", "m"), ("mn",), ("m,n",), ("n",))
WORDS = (b"{}", b'{"a":1}', b'{"a":"1"}', b'{"a":1}{}', b"a", b"m", b"")


def chosen(chance: Random) -> Call:
    """Somebody, who asks something, in some way."""
    stream = chance.random() < 0.5
    payload = FakePayload(
        chance.choice(MODELS),
        stream,
        dialect=chance.choice(("openai", "anthropic", "a")),
        operation=chance.choice((Operation.CHAT, Operation.COMPLETION)),
        raw=chance.choice(WORDS) + (b"streamed" if stream else b""),
    )
    caller = Caller(key=chance.choice("xyz"), tenant=chance.choice(TENANTS))
    return asked(payload=payload, caller=caller, chain=chance.choice(CHAINS))


def belongs_to(call: Call, *, shared: bool) -> bytes:
    """What only those may hear who ask the same, in the same partition."""
    payload = call.payload
    tenant = None if shared else call.caller.tenant
    form = payload.dialect, payload.operation, payload.stream
    return repr((tenant, payload.model, *form, sorted(call.chain), payload.raw)).encode()


class Echo:
    """An upstream that says to whom it speaks, after a moment and in two pieces."""

    def __init__(self, *, shared: bool) -> None:
        self.calls = 0
        self._shared = shared

    @asynccontextmanager
    async def __call__(self, call: Call) -> AsyncIterator[Reply]:
        self.calls += 1
        now, text = clock().now(), belongs_to(call, shared=self._shared)
        seen = Seen()
        await clock().sleep(0.1)

        async def body() -> AsyncIterator[bytes]:
            for piece in (text[:9], text[9:]) if call.payload.stream else ():
                await clock().sleep(0.1)
                if seen.tape is not None:
                    seen.tape.append(piece)
                yield piece
            seen.over = True

        yield Reply(
            source=Source(provider="p", model_id="m", model_name="m"),
            seen=seen,
            body=body(),
            tail=lambda metadata: (b"" if call.payload.stream else text) + (metadata or b""),
            stream=call.payload.stream,
            asked_at=now,
            opened_at=clock().now(),
        )


def house(upstream: Service, *, shared: bool, cached: bool, lazy: bool) -> Service:
    cache = MemoryCache(max_bytes=60_000)  # some go, and are asked for again
    lookup = partial(Lookup, cache=cache, clock=clock())
    keep = partial(Keep, cache=cache, clock=clock(), ttl_s=30.0, max_bytes=9_999, marked=True)
    return stack(
        partial(Identify, shared=shared, form="", serving={}, lazy=lazy),
        *([lookup] if cached else []),
        partial(Coalesce, clock=clock(), window_s=5.0, max_bytes=9_999, marked=True),
        *([keep] if cached else []),
        leaf=upstream,
    )


async def told(service: Service, call: Call, after_s: float) -> tuple[bytes, Reuse]:
    await clock().sleep(after_s)
    async with service(msgspec.structs.replace(call, started_at=clock().now())) as reply:
        body = b"".join([piece async for piece in reply.body])
        return (body + reply.tail(b"<meta>")).removesuffix(b"<meta>"), reply.reuse


@pytest.mark.parametrize("shared", [False, True], ids=["by tenant", "shared"])
@pytest.mark.parametrize("cached", [True, False], ids=["cached", "coalesced alone"])
@pytest.mark.parametrize("lazy", [True, False], ids=["by marks", "by keys"])
def test_two_partitions_never_share_an_entry(shared: bool, cached: bool, lazy: bool) -> None:
    async def story() -> None:
        chance, upstream = Random(f"{shared}/{cached}"), Echo(shared=shared)
        service = house(upstream, shared=shared, cached=cached, lazy=lazy)
        reused = dict.fromkeys(Reuse, 0)
        for _ in range(CASES // 8 // AT_ONCE):
            calls = [chosen(chance) for _ in range(AT_ONCE)]
            calls += chance.choices(calls, k=AT_ONCE // 4)
            heard = await asyncio.gather(*(told(service, call, chance.random()) for call in calls))
            for call, (text, reuse) in zip(calls, heard, strict=True):
                assert text == belongs_to(call, shared=shared)
                reused[reuse] += 1
        assert reused[Reuse.COALESCED] > 0
        assert (reused[Reuse.EXACT] > 0) == cached
        assert upstream.calls == sum(reused.values()) - reused[Reuse.COALESCED] - reused[Reuse.EXACT]

    run(story())
