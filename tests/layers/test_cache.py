"""Cache: what was answered is answered again, whole, to those who may have it, and to nobody else."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from headgate.adapters.memory.cache import MemoryCache
from headgate.core.call import Call, Caller, Reply
from headgate.core.chat import FinishReason
from headgate.core.errors import NotCached, UpstreamInterrupted, UpstreamUnavailable
from headgate.core.price import Price
from headgate.core.reuse import Freshness, Reuse
from headgate.pipeline.cache import Keep, Lookup
from headgate.pipeline.identify import Identify
from headgate.pipeline.service import Service, stack
from scripted import (
    CALLER,
    Act,
    FakePayload,
    Scripted,
    TurningLoop,
    answers,
    asked,
    cancelled_at_every_turn,
    fails,
    fate,
)
from virtual import clock, run

TTL_S = 60.0
PRICE = Price(input=3_000_000, output=5_000_000)


def cached(
    *acts: Act, shared: bool = False, pace: float = 0.0, max_bytes: int = 1000, region: str = ""
) -> tuple[Service, Scripted, MemoryCache]:
    up = Scripted(*acts, price=PRICE)
    cache = MemoryCache(max_bytes=100_000)
    service = stack(
        lambda inner: Identify(inner, shared=shared, form="", serving={}, region=region, lazy=True),
        lambda inner: Lookup(inner, cache=cache, clock=clock(), pace=pace),
        lambda inner: Keep(inner, cache=cache, clock=clock(), ttl_s=TTL_S, max_bytes=max_bytes, marked=True),
        leaf=up,
    )
    return service, up, cache


def question(
    raw: bytes = b"{}",
    *,
    model: str = "m",
    stream: bool = True,
    caller: Caller = CALLER,
    wants: Freshness | None = None,
    chain: tuple[str, ...] = ("m",),
) -> Call:
    call = asked(caller=caller, chain=chain, payload=FakePayload(model, stream, raw=raw))
    return msgspec.structs.replace(call, wants=wants) if wants else call


async def whole(service: Service, call: Call) -> tuple[bytes, Reply]:
    """An answer as a caller gets it, and its reply."""
    async with service(call) as reply:
        body = b"".join([piece async for piece in reply.body])
        return body + reply.tail(b"<meta>"), reply


@pytest.mark.parametrize("stream", [True, False])
def test_the_second_is_told_what_the_first_was_and_pays_nothing(stream: bool) -> None:
    async def story() -> None:
        service, up, _ = cached(answers(b"a", 1.0, b"b"))
        first, paid = await whole(service, question(stream=stream))
        began = clock().now()
        second, free = await whole(service, question(stream=stream))
        assert second == first
        assert clock().now() == began, "nothing is waited for"
        assert up.calls == 1
        assert (paid.reuse, free.reuse, free.attempts) == (Reuse.MISS, Reuse.EXACT, 0)
        assert free.cost_nano() == 0
        assert free.saved_nano == paid.cost_nano()
        assert (free.source.model_id, free.source.provider) == (up.source.model_id, up.source.provider)

    run(story())


def test_an_answer_grows_old_and_is_forgotten() -> None:
    async def story() -> None:
        service, up, _ = cached()
        await whole(service, question())
        await clock().sleep(TTL_S - 1.0)
        _, reply = await whole(service, question())
        assert reply.age_s == pytest.approx(TTL_S - 1.0)
        await clock().sleep(1.0)
        await whole(service, question())
        assert up.calls == 2

    run(story())


@pytest.mark.parametrize(
    "other",
    [
        {"raw": b"{1}"},
        {"model": "n"},
        {"caller": Caller(key="bob", tenant="other")},
        {"chain": ("m", "n")},
    ],
    ids=["words", "model", "tenant", "candidates"],
)
def test_who_asks_something_else_or_is_somebody_else_is_not_told(other: dict[str, object]) -> None:
    async def story() -> None:
        service, up, _ = cached()
        await whole(service, question())
        await whole(service, question(**other))  # type: ignore[arg-type]  # one of its parameters
        assert up.calls == 2

    run(story())


def test_keys_of_one_tenant_share_and_all_do_where_the_operator_says_so() -> None:
    async def story() -> None:
        service, up, _ = cached()
        await whole(service, question())
        await whole(service, question(caller=Caller(key="bob", tenant=CALLER.tenant), chain=("m",)))
        assert up.calls == 1
        service, up, _ = cached(shared=True)
        await whole(service, question())
        await whole(service, question(caller=Caller(key="eve", tenant="other")))
        assert up.calls == 1

    run(story())


@pytest.mark.parametrize("privacy", ["no_content", "local_only"])
def test_of_a_private_callers_requests_nothing_is_kept(privacy: str) -> None:
    async def story() -> None:
        service, up, cache = cached()
        caller = Caller(key="alice", tenant=CALLER.tenant, privacy=privacy)
        for _ in range(2):
            _, reply = await whole(service, question(caller=caller))
            assert reply.reuse is Reuse.BYPASS
        assert (up.calls, len(cache)) == (2, 0)

    run(story())


@pytest.mark.parametrize(
    ("regions", "region", "kept"),
    [(None, "us", 1), ({"eu"}, "", 1), ({"eu"}, "eu", 1), ({"eu", "us"}, "us", 1), ({"eu"}, "us", 0)],
)
def test_answers_are_kept_only_where_their_caller_may_be_served(
    regions: set[str] | None, region: str, kept: int
) -> None:
    async def story() -> None:
        service, up, cache = cached(region=region)
        bound = None if regions is None else frozenset(regions)
        for _ in range(2):
            await whole(service, question(caller=Caller(key="alice", tenant="t", regions=bound)))
        assert (up.calls, len(cache)) == (2 - kept, kept)

    run(story())


def test_a_failed_and_a_cut_answer_are_not_kept() -> None:
    async def story() -> None:
        cut = Act(then=(b"a", UpstreamInterrupted("cut")))
        service, up, cache = cached(fails(UpstreamUnavailable("down")), cut, answers(b"good"))
        assert isinstance(await fate(service, question()), UpstreamUnavailable)
        assert isinstance(await fate(service, question()), UpstreamInterrupted)
        assert len(cache) == 0
        text, reply = await whole(service, question())
        assert text.startswith(b"good")
        assert (up.calls, reply.reuse) == (3, Reuse.MISS)

    run(story())


def test_an_answer_that_was_not_heard_to_its_end_is_not_kept() -> None:
    async def story() -> None:
        service, _, cache = cached(answers(b"a", 1.0, b"b"))
        async with service(question()) as reply:
            async for _ in reply.body:
                break
        assert len(cache) == 0

    run(story())


@pytest.mark.parametrize("why", ["policy", "header", "length"])
def test_what_must_not_be_kept_is_not(why: str) -> None:
    async def story() -> None:
        service, _, cache = cached(answers(b"a" * 50, b"b" * 50), max_bytes=99 if why == "length" else 100)
        async with service(question()) as reply:
            if why == "policy":
                reply.seen.finish = FinishReason.CONTENT_FILTER
            if why == "header":
                reply.seen.keepable = False
            body = b"".join([piece async for piece in reply.body])
            reply.tail(None)
        assert len(body) == 100, "who asked gets it all the same"
        assert len(cache) == 0

    run(story())


def test_a_caller_has_a_say() -> None:
    async def story() -> None:
        service, up, _ = cached(answers(b"one"), answers(b"two"), answers(b"three"))
        with pytest.raises(NotCached):
            await whole(service, question(wants=Freshness(only_if_cached=True)))
        await whole(service, question())
        text, reply = await whole(service, question(wants=Freshness(only_if_cached=True)))
        assert (text[:3], reply.reuse) == (b"one", Reuse.EXACT)

        text, reply = await whole(service, question(wants=Freshness(no_store=True)))
        assert (text[:3], reply.reuse) == (b"two", Reuse.BYPASS)
        assert (await whole(service, question()))[0].startswith(b"one"), "no-store left the kept one alone"

        text, reply = await whole(service, question(wants=Freshness(no_cache=True)))
        assert (text[:5], reply.reuse) == (b"three", Reuse.MISS)
        assert (await whole(service, question()))[0].startswith(b"three"), "the fresh one took its place"

        await clock().sleep(5.0)
        assert (await whole(service, question(wants=Freshness(max_age_s=5.0))))[1].reuse is Reuse.EXACT
        assert (await whole(service, question(wants=Freshness(max_age_s=4.0))))[1].reuse is Reuse.MISS
        assert up.calls == 4

    run(story())


def test_a_hit_may_be_told_at_a_readers_pace() -> None:
    async def story() -> None:
        service, _, _ = cached(answers(b"data: 1\n\n", b"data: 2\n\n", b"data: 3\n\n"), pace=4.0)
        first, _ = await whole(service, question())
        began = clock().now()
        heard = []
        async with service(question()) as reply:
            async for piece in reply.body:
                heard.append((clock().now() - began, piece))
        assert b"".join(piece for _, piece in heard) == first.removesuffix(b"<meta>")
        assert [at for at, _ in heard] == pytest.approx([0.0, 0.25, 0.5])

    run(story())


def test_cancelled_anywhere_nothing_half_is_kept() -> None:
    async def scene(loop: TurningLoop) -> None:
        service, up, cache = cached(answers(b"a", 1.0, b"b", after_s=1.0))
        await loop.on_the_block(whole(service, question()))
        assert up.open == 0
        text, _ = await whole(service, question())
        assert text == b"ab<meta>"
        assert len(cache) == 1

    assert cancelled_at_every_turn(scene) >= 3


def test_many_at_once_are_all_answered() -> None:
    """Without coalesce each asks for itself; the last to end is kept."""

    async def story() -> None:
        service, up, cache = cached(answers(b"a", after_s=1.0))
        await asyncio.gather(*(whole(service, question()) for _ in range(5)))
        assert (up.calls, len(cache)) == (5, 1)

    run(story())
