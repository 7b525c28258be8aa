"""Degrade: when nobody answers who should, what is lesser does, and says so; what is wrong stays wrong."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest

from headgate.adapters.memory.cache import MemoryCache
from headgate.core.asked import Asked
from headgate.core.call import Call, Reply
from headgate.core.canned import Cans, canned
from headgate.core.chat import Event, TextDelta
from headgate.core.directives import wanted
from headgate.core.embeddings import Embedded
from headgate.core.errors import (
    AllUpstreamsFailed,
    DeadlineExceeded,
    GatewayError,
    OverLimit,
    Overloaded,
    UpstreamInterrupted,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from headgate.core.identity import known
from headgate.core.reuse import Form, Freshness, Life, Reuse, Rung, Stored
from headgate.core.usage import Usage
from headgate.pipeline.canned import CannedAnswers
from headgate.pipeline.degrade import Degrade, Ladder
from scripted import (
    Act,
    FakePayload,
    NoEmitter,
    Scripted,
    TurningLoop,
    answers,
    asked,
    cancelled_at_every_turn,
    fails,
    hangs,
)
from virtual import clock, run

DOWN = UpstreamUnavailable("down")
WHEN = Asked(text="When are you open?", chars=18, last_chars=18)
HOURS = Cans([canned("when are you open", "Nine to five.", name="hours")])
USUAL = Ladder()


class Said(NoEmitter):
    """An emitter that writes what it is fed."""

    def feed(self, events: Iterable[Event | Embedded]) -> bytes:
        return b"".join(event.text.encode() for event in events if isinstance(event, TextDelta))

    def tail(self, metadata: bytes | None) -> bytes:
        return metadata or b""


class Payload(FakePayload):
    def emitter(self) -> Said:
        return Said()


def kept(at: float, *, fresh_s: float = 60.0, stale_s: float = 600.0) -> Stored:
    return Stored(
        provider="p",
        model_id="m",
        model_name="m-1",
        served_model=None,
        finish="stop",
        usage=Usage(),
        cost_nano=7,
        stream=True,
        body=b"kept",
        end=(b"", None),
        stored_at=at,
        life=Life(fresh_s, 0.0, stale_s),
    )


class House:
    def __init__(self, *acts: Act, ladder: Ladder = USUAL, cans: Cans = HOURS, may: bool = True) -> None:
        self.up = Scripted(*acts)
        self.cache = MemoryCache(max_bytes=10_000)
        self.service = Degrade(
            self.up,
            ladders={"strict": Ladder(stale=False, template=False)},
            usual=ladder,
            cache=self.cache,
            cans=cans,
            may_serve=lambda call, model: may,
            clock=clock(),
            ttl_s=9.0,
        )

    async def ask(self, call: Call) -> tuple[bytes, Reply]:
        async with self.service(call) as reply:
            return b"".join([piece async for piece in reply.body]), reply


SAME = known(b"same", Form.STREAM)


def question(model: str = "m", *, gist: Asked | None = None, wants: Freshness | None = None) -> Call:
    call = asked(chain=("m",), payload=Payload(model, gist=gist or Asked(text="?", last_chars=1)))
    return msgspec.structs.replace(call, identity=SAME, wants=wants or Freshness())


OUTAGES = [DOWN, UpstreamThrottled("429"), AllUpstreamsFailed("all"), Overloaded("full"), OverLimit("full")]


@pytest.mark.parametrize("error", OUTAGES, ids=lambda error: type(error).__name__)
def test_a_stale_answer_stands_in(error: GatewayError) -> None:
    async def story() -> None:
        house = House(fails(error))
        house.cache.put(SAME, kept(clock().wall() - 100.0))
        body, reply = await house.ask(question())
        assert (body, reply.reuse, reply.degraded, reply.age_s) == (b"kept", Reuse.STALE, Rung.STALE, 100.0)
        assert reply.cost_nano() == 0

    run(story())


@pytest.mark.parametrize(
    ("wants", "told"),
    [
        ("max-age=0", False),
        ("max-age=99", False),
        ("max-age=100", True),
        ("max-age=0, stale-if-error=100", True),
        ("max-age=50, stale-if-error=50", True),
        ("max-age=50, stale-if-error=49", False),
        ("stale-if-error=99", True),
        ("no-cache, stale-if-error=100", False),
    ],
)
def test_who_says_how_stale_it_may_be_says_so_of_his_own_bound_too(wants: str, told: bool) -> None:
    """RFC 5861 § 4: regardless of other freshness information. The answer is 100 s old, 50 s too old."""

    async def story() -> None:
        house = House(fails(DOWN))
        house.cache.put(SAME, kept(clock().wall() - 100.0, fresh_s=50.0))
        call = question(wants=wanted(wants))
        if told:
            assert (await house.ask(call))[1].reuse is Reuse.STALE
        else:
            with pytest.raises(type(DOWN)):
                await house.ask(call)

    run(story())


@pytest.mark.parametrize(
    "error", [UpstreamRejected("wrong"), DeadlineExceeded("late"), UpstreamInterrupted("cut")], ids=repr
)
def test_what_is_no_outage_stays_what_it_is(error: GatewayError) -> None:
    async def story() -> None:
        house = House(fails(error))
        house.cache.put(SAME, kept(clock().wall()))
        with pytest.raises(type(error)):
            await house.ask(question(gist=WHEN))

    run(story())


def test_a_local_model_comes_first_and_what_is_not_kept_by_its_answer() -> None:
    async def story() -> None:
        house = House(fails(DOWN), answers(b"local"), ladder=Ladder(local=("m", "llama")))
        house.cache.put(SAME, kept(clock().wall()))
        body, reply = await house.ask(question())
        assert (body, reply.degraded, reply.fallback_from) == (b"local", Rung.LOCAL, "m")
        assert house.up.seen[1].chain == ("llama",), "what was in the chain has failed already"
        assert house.up.seen[1].identity is None, "nobody else may be told this for that question"

    run(story())


def test_rung_after_rung_and_then_the_first_error() -> None:
    async def story() -> None:
        ladder = Ladder(local=("llama",))
        both = fails(UpstreamUnavailable("first")), fails(UpstreamUnavailable("second"))
        body, reply = await House(*both, ladder=ladder).ask(question(gist=WHEN))
        assert (body, reply.degraded, reply.reuse) == (b"Nine to five.", Rung.TEMPLATE, Reuse.TEMPLATE)
        house = House(*both, ladder=ladder)
        with pytest.raises(UpstreamUnavailable, match="first"):
            await house.ask(question())
        assert (house.up.calls, house.up.open) == (2, 0)

    run(story())


def test_each_rung_can_be_switched_off_and_by_route() -> None:
    async def story() -> None:
        for ladder, name in ((Ladder(stale=False, template=False), "m"), (USUAL, "strict")):
            house = House(fails(DOWN), ladder=ladder)
            house.cache.put(SAME, kept(clock().wall()))
            with pytest.raises(UpstreamUnavailable):
                await house.ask(question(name, gist=WHEN))
        house = House(fails(DOWN), ladder=Ladder(local=("llama",), stale=False), may=False)
        with pytest.raises(UpstreamUnavailable):
            await house.ask(question())
        assert house.up.calls == 1, "the caller may not be served by that model"

    run(story())


@pytest.mark.parametrize(
    ("wants", "told"),
    [
        (Freshness(), True),
        (Freshness(stale_if_error_s=50.0), True),
        (Freshness(stale_if_error_s=30.0), False),
        (Freshness(max_age_s=90.0), False),
        (Freshness(no_cache=True), False),
        (Freshness(min_fresh_s=1.0), False),
    ],
)
def test_a_caller_has_a_say(wants: Freshness, told: bool) -> None:
    async def story() -> None:
        house = House(fails(DOWN))
        house.cache.put(SAME, kept(clock().wall() - 100.0))
        try:
            _, reply = await house.ask(question(wants=wants))
        except UpstreamUnavailable:
            assert not told
        else:
            assert told
            assert reply.reuse is Reuse.STALE

    run(story())


def test_who_hangs_is_waited_for_only_so_long() -> None:
    async def story() -> None:
        house = House(hangs(), ladder=Ladder(after_s=5.0))
        house.cache.put(SAME, kept(clock().wall() - 100.0))
        began = clock().now()
        assert (await house.ask(question()))[1].degraded is Rung.STALE
        assert clock().now() - began == pytest.approx(5.0)
        assert house.up.open == 0
        house.cache.clear()
        with pytest.raises(Overloaded, match="Nobody began"):
            await house.ask(question())
        late = House(answers(b"a", 100.0, b"b", after_s=4.0), ladder=Ladder(after_s=5.0))
        assert (await late.ask(question()))[0] == b"ab", "who has begun may take his time"

    run(story())


def test_a_canned_answer_is_told_before_anybody_is_asked() -> None:
    async def story() -> None:
        up = Scripted(answers(b"asked"))
        service = CannedAnswers(up, cans=HOURS, clock=clock(), ttl_s=9.0)
        async with service(question(gist=WHEN)) as reply:
            assert b"".join([piece async for piece in reply.body]) == b"Nine to five."
            assert (reply.reuse, reply.attempts, reply.cost_nano(), up.calls) == (Reuse.TEMPLATE, 0, 0, 0)
            assert reply.left_s == 9.0
        for call in (question(), question(gist=WHEN, wants=Freshness(no_cache=True))):
            async with service(call) as reply:
                assert b"".join([piece async for piece in reply.body]) == b"asked"

    run(story())


def test_cancelled_anywhere_nothing_is_left() -> None:
    async def scene(loop: TurningLoop) -> None:
        ladder = Ladder(local=("llama",), after_s=5.0)
        house = House(fails(DOWN, after_s=1.0), answers(b"local", after_s=1.0), ladder=ladder)
        await loop.on_the_block(house.ask(question()))
        assert house.up.open == 0

    assert cancelled_at_every_turn(scene) >= 2
