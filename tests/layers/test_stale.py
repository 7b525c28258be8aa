"""Cache: answers that are past their time, and stores that must be asked first."""

from __future__ import annotations

import asyncio

import pytest

from headgate.adapters.memory.cache import MemoryCache
from headgate.core.call import Call
from headgate.core.directives import said_of, wanted
from headgate.core.errors import NotCached, UpstreamUnavailable
from headgate.core.identity import Identity
from headgate.core.reuse import Reuse, Said, Stored
from headgate.pipeline.cache import Keep, Lookup
from headgate.pipeline.identify import Identify
from headgate.pipeline.meter import Meter
from headgate.pipeline.service import Service, stack
from headgate.ports.cache import Cache
from scripted import (
    Act,
    FakePayload,
    Notes,
    Scripted,
    TurningLoop,
    answers,
    asked,
    cancelled_at_every_turn,
    fails,
)
from virtual import clock, run

TTL_S, REVALIDATE_S, IF_ERROR_S = 60.0, 30.0, 600.0


class Slow(MemoryCache):
    """A cache that has to be asked."""

    deep = True

    def knows(self, identity: Identity) -> bool:
        return False

    def get(self, identity: Identity, now: float) -> Stored | None:
        return None

    async def seek(self, identity: Identity, now: float) -> Stored | None:
        await clock().sleep(0.1)
        return super().get(identity, now)


class House:
    """The two layers over a scripted upstream."""

    def __init__(
        self, *acts: Act, cache: Cache | None = None, revalidate_s: float = REVALIDATE_S, warm: int = 0
    ) -> None:
        self.up = Scripted(*acts)
        self.notes = Notes()
        kept = MemoryCache(max_bytes=100_000) if cache is None else cache
        self.service = stack(
            lambda inner: Identify(inner, shared=False, form="", serving={}),
            lambda inner: Lookup(
                inner,
                cache=kept,
                clock=clock(),
                renewing=self._renewing if revalidate_s or warm else None,
                warm=warm,
            ),
            lambda inner: Keep(
                inner,
                cache=kept,
                clock=clock(),
                ttl_s=TTL_S,
                max_bytes=1000,
                marked=True,
                revalidate_s=revalidate_s,
                if_error_s=IF_ERROR_S,
            ),
            leaf=self.up,
        )

    def _renewing(self, inner: Service) -> Service:
        return Meter(inner, recorder=self.notes, clock=clock())

    async def ask(self, wants: str = "") -> tuple[bytes, Reuse]:
        async with self.service(question(wants)) as reply:
            body = b"".join([piece async for piece in reply.body])
            reply.tail(b"{}")
            return body, reply.reuse


def question(wants: str = "") -> Call:
    call = asked(chain=("m",), payload=FakePayload("m", stream=True))
    return Call(**{name: getattr(call, name) for name in call.__struct_fields__} | {"wants": wanted(wants)})


def test_a_stale_answer_is_told_while_a_newer_one_is_fetched_once() -> None:
    async def story() -> None:
        house = House(answers(b"old"), answers(b"new", after_s=5.0))
        await house.ask()
        await clock().sleep(TTL_S + 1.0)
        told = await asyncio.gather(*(house.ask() for _ in range(10)))
        assert told == [(b"old", Reuse.STALE)] * 10, "nobody waits"
        await clock().sleep(6.0)
        assert await house.ask() == (b"new", Reuse.EXACT)
        assert house.up.calls == 2
        [record] = house.notes.records
        assert record.request_id == "req-1.renewal", "what it cost is written down"

    run(story())


def test_a_renewal_that_fails_changes_nothing_and_is_tried_again() -> None:
    async def story() -> None:
        house = House(answers(b"old"), fails(UpstreamUnavailable("down")), answers(b"new"))
        await house.ask()
        await clock().sleep(TTL_S + 1.0)
        assert await house.ask() == (b"old", Reuse.STALE)
        await clock().sleep(1.0)
        assert await house.ask() == (b"old", Reuse.STALE)
        await clock().sleep(1.0)
        assert await house.ask() == (b"new", Reuse.EXACT)

    run(story())


@pytest.mark.parametrize(
    ("wants", "at_s", "told"),
    [
        ("", 59.0, Reuse.EXACT),
        ("min-fresh=10", 45.0, Reuse.EXACT),
        ("min-fresh=10", 55.0, Reuse.MISS),
        ("", 70.0, Reuse.STALE),
        ("min-fresh=1", 70.0, Reuse.MISS),
        ("max-age=65", 70.0, Reuse.MISS),
        ("max-stale", 500.0, Reuse.STALE),
        ("max-stale=100", 150.0, Reuse.STALE),
        ("max-stale=100", 170.0, Reuse.MISS),
        ("", 91.0, Reuse.MISS),
        ("no-cache", 1.0, Reuse.MISS),
        ("no-store", 1.0, Reuse.BYPASS),
        ("max-stale", TTL_S + IF_ERROR_S, Reuse.MISS),
    ],
)
def test_what_a_caller_bears(wants: str, at_s: float, told: Reuse) -> None:
    async def story() -> None:
        house = House()
        await house.ask()
        await clock().sleep(at_s)
        assert (await house.ask(wants))[1] is told

    run(story())


def test_only_if_cached_takes_no_stale_answer_unless_it_says_so() -> None:
    async def story() -> None:
        house = House(revalidate_s=0.0)
        await house.ask()
        await clock().sleep(70.0)
        with pytest.raises(NotCached):
            await house.ask("only-if-cached")
        assert (await house.ask("only-if-cached, max-stale=20"))[1] is Reuse.STALE
        assert house.up.calls == 1

    run(story())


@pytest.mark.parametrize(
    ("cache_control", "keepable", "said"),
    [
        ("no-store", False, None),
        ("private", True, None),
        ("no-cache, must-revalidate, max-age=0", True, None),
        ("max-age=20", True, Said(20.0)),
        ("Max-Age=20, Stale-While-Revalidate=5, stale-if-error=7", True, Said(20.0, 5.0, 7.0)),
        ("max-age=20, must-revalidate", True, Said(20.0, strict=True)),
        ("max-age=nonsense", True, None),
    ],
)
def test_what_an_answer_says_of_itself(cache_control: str, keepable: bool, said: Said | None) -> None:
    assert said_of(cache_control) == (keepable, said)


@pytest.mark.parametrize(
    ("said", "at_s", "told"),
    [
        (Said(20.0), 19.0, Reuse.EXACT),
        (Said(20.0), 40.0, Reuse.STALE),
        (Said(20.0, strict=True), 21.0, Reuse.MISS),
        (Said(20.0, 100.0), 90.0, Reuse.STALE),
        (Said(500.0), TTL_S + 1.0, Reuse.STALE),
    ],
)
def test_what_it_says_is_heeded(said: Said, at_s: float, told: Reuse) -> None:
    async def story() -> None:
        house = House()
        async with house.service(question()) as reply:
            reply.seen.said = said
            async for _ in reply.body:
                pass
            reply.tail(b"{}")
        await clock().sleep(at_s)
        assert (await house.ask())[1] is told

    run(story())


def test_a_store_that_must_be_asked_is_asked_before_anybody_else() -> None:
    async def story() -> None:
        house = House(answers(b"a"), cache=Slow(max_bytes=10_000))
        assert await house.ask() == (b"a", Reuse.MISS)
        began = clock().now()
        assert await house.ask() == (b"a", Reuse.EXACT)
        assert clock().now() - began == pytest.approx(0.1)
        assert house.up.calls == 1
        with pytest.raises(NotCached):
            await House(cache=Slow(max_bytes=10_000)).ask("only-if-cached")

    run(story())


def test_cancelled_while_it_is_asked_nothing_is_left() -> None:
    async def scene(loop: TurningLoop) -> None:
        house = House(answers(b"a", after_s=1.0), cache=Slow(max_bytes=10_000))
        await loop.on_the_block(house.ask())
        assert house.up.open == 0
        assert (await house.ask())[0] == b"a"

    assert cancelled_at_every_turn(scene) >= 3


def test_what_is_asked_most_is_asked_anew_before_its_time_is_over_and_no_longer_when_nobody_asks() -> None:
    async def story() -> None:
        house = House(answers(b"a", after_s=1.0), revalidate_s=0.0, warm=1)
        for _ in range(8):
            await house.ask()
            await clock().sleep(20.0)
        assert house.up.calls > 2
        assert len(house.notes.records) == house.up.calls - 1, "only the first had to wait"
        calls = house.up.calls
        await clock().sleep(10_000.0)
        assert house.up.calls <= calls + 1

    run(story())
