"""Hedge: who is silent for too long has company; who begins first serves; nothing is left of the other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from falling import DOWN
from headgate.core.call import Call
from headgate.core.errors import (
    DeadlineExceeded,
    UpstreamInterrupted,
    UpstreamUnavailable,
)
from headgate.core.hedging import Bet, Terms
from headgate.core.usage import Usage
from headgate.pipeline.deadline import Deadline
from headgate.pipeline.service import Chosen
from headgate.pipeline.timeout import Patience, Timeout
from hedging import PRICE, QUICK, SLOW, TERMS, House
from scripted import (
    Scripted,
    TurningLoop,
    answers,
    cancelled_at_every_turn,
    drain,
    fails,
    fate,
    hangs,
)
from virtual import clock, run


def test_who_is_silent_for_too_long_has_company_and_the_quicker_serves() -> None:
    async def story() -> None:
        house = House(Scripted(SLOW), Scripted(QUICK))
        reply = await house.reply()
        assert (house.told, clock().now()) == ([b"quick"], 1.5)
        assert (reply.attempts, reply.fallback_from, reply.asked_at) == (2, None, 0.0)
        assert (house.calls, house.open, house.bets) == ([1, 1], 0, [("a", "a", Bet.WON)])
        assert [call.hedge for ups in house.ups.values() for up in ups for call in up.seen] == [False, True]

    run(story())


def test_who_begins_in_time_has_none() -> None:
    async def story() -> None:
        house = House(Scripted(QUICK), Scripted(QUICK))
        reply = await house.reply()
        assert (reply.attempts, house.calls, house.bets, clock().now()) == (1, [1, 0], [], 0.5)
        await clock().sleep(5.0)
        assert house.calls == [1, 0]

    run(story())


def test_the_first_may_still_be_the_quicker() -> None:
    async def story() -> None:
        house = House(Scripted(answers(b"first", after_s=1.2)), Scripted(QUICK))
        reply = await house.reply()
        assert (house.told, reply.attempts, clock().now()) == ([b"first"], 2, 1.2)
        assert (house.open, house.bets) == (0, [("a", "a", Bet.LOST)])
        assert [one.hedge for one in reply.discarded] == [True]

    run(story())


def test_both_in_the_same_instant_one_serves_and_the_other_is_paid_for() -> None:
    async def story() -> None:
        house = House(Scripted(answers(b"first", after_s=1.5)), Scripted(QUICK))
        reply = await house.reply()
        assert len(house.told) == 1
        assert (house.open, len(reply.discarded), reply.attempts) == (0, 1, 2)
        assert len(house.bets) == 1

    run(story())


@pytest.mark.parametrize(
    ("at", "attempts", "calls"),
    [
        ("either", 3, [1, 1, 0]),  # another key comes first
        ("either", 2, [1, 0, 1]),  # unless that were an attempt the other model is owed
        ("key", 3, [1, 1, 0]),
        ("key", 2, [1, 0, 0]),
        ("model", 3, [1, 0, 1]),
    ],
)
def test_where_it_goes(at: Any, attempts: int, calls: list[int]) -> None:
    async def story() -> None:
        terms = msgspec.structs.replace(TERMS, at=at)
        slow, other = Scripted(SLOW), Scripted(QUICK, name="b")
        house = House(slow, Scripted(QUICK), others={"b": other}, terms=terms, attempts=attempts)
        reply = await house.reply()
        assert house.calls == calls
        assert reply.fallback_from == ("a" if calls[2] else None)

    run(story())


def test_never_to_where_the_first_has_gone() -> None:
    async def story() -> None:
        for number in range(4):
            keys = [Scripted(SLOW if place == number else QUICK) for place in range(4)]
            house = House(*keys)
            for _ in range(8):
                await house.reply()
            assert all(up.peak <= 1 for up in keys)
            assert len(house.bets) == 2

    run(story())


@pytest.mark.parametrize(
    "why", ["strain", "waiting", "full", "unwell", "one more", "share", "once", "vain", "off"]
)
def test_where_there_is_no_room_for_it_none_is_made(why: str) -> None:
    class Tight(Scripted):
        def refill(self, calls: int) -> float:
            return clock().now() + (calls > 1)

    async def story() -> None:
        other = Tight(QUICK) if why == "one more" else Scripted(QUICK)
        house = House(
            Scripted(SLOW),
            other,
            terms=msgspec.structs.replace(TERMS, max_share=0.5 if why == "share" else 1.0),
        )
        call = house.call("off" if why == "off" else "auto")
        house.is_calm = why != "strain"
        house.crowded = {"a"} if why == "waiting" else set()
        other.is_ready = why not in ("full", "unwell")
        other.is_well_at = 100.0 if why == "unwell" else 0.0
        call.line.may_hedge = False if why in ("once", "vain") else None
        assert await drain(house.service, call) == [b"slow"]
        assert (house.calls, house.bets, clock().now()) == ([1, 0], [], 10.0)

    run(story())


def test_never_more_than_their_share() -> None:
    async def story() -> None:
        house = House(
            Scripted(SLOW), others={"b": Scripted(QUICK, name="b")}, terms=Terms(after_s=1.0, max_share=0.1)
        )
        for number in range(1, 100):
            await house.reply()
            assert len(house.bets) <= number * 0.1 + 1e-6
        assert len(house.bets) == 9

    run(story())


def test_a_request_that_comes_twice_has_one_all_the_same() -> None:
    """As that of a cascade does, for its weak and for its strong model."""

    async def story() -> None:
        house = House(Scripted(SLOW), others={"b": Scripted(QUICK, name="b")})
        call = house.call()
        house.share.deposit()
        for told in (b"quick", b"slow"):
            assert await drain(house.service, call) == [told]
        assert len(house.bets) == 1

    run(story())


# ── what it costs ──


@pytest.mark.parametrize("stream", [True, False])
def test_the_slower_is_booked_as_having_taken_as_much(stream: bool) -> None:
    async def story() -> None:
        house = House(Scripted(SLOW), Scripted(QUICK))
        house.ups["a"][1].usage = Usage(input=1000, output=500)
        reply = await house.reply(stream=stream)
        [aside] = reply.discarded
        assert (aside.source, aside.hedge, aside.usage.estimated) == (house.ups["a"][0].source, True, True)
        assert (aside.usage.input, aside.usage.output) == (1000, 500)
        assert aside.cost_nano == PRICE.cost_nano(aside.usage)
        assert reply.cost_nano() == reply.own_nano() + aside.cost_nano  # type: ignore[operator]  # it has a price

    run(story())


def test_who_gives_up_on_both_owes_the_second_ones_prompt() -> None:
    async def story() -> None:
        house = House(Scripted(hangs()), Scripted(hangs()))
        call = house.call(deadline_s=5.0)
        assert isinstance(await fate(Deadline(house.service, clock=clock()), call), DeadlineExceeded)
        assert (clock().now(), house.open, house.bets) == (5.0, 0, [("a", "a", Bet.GONE)])
        [aside] = call.line.discarded
        assert (aside.hedge, aside.usage.input, aside.usage.output) == (True, 1, 0)

    run(story())


# ── times ──


def test_the_delay_is_learnt() -> None:
    async def story() -> None:
        quick = [answers(b"x", after_s=0.2)] * 40
        house = House(
            Scripted(*quick, SLOW),
            others={"b": Scripted(QUICK, name="b")},
            terms=Terms(max_share=1.0, quantile=0.9),
        )
        for _ in range(40):
            await house.reply()
        assert house.bets == []
        before = clock().now()
        reply = await house.reply()
        assert reply.source.model_id == "b"
        assert clock().now() - before == pytest.approx(0.72)
        assert house.times["a", True].quantile(0.99) is None
        assert house.times["a", False].quantile(0.5) is None

    run(story())


def test_who_was_let_go_of_counts_among_the_slow() -> None:
    async def story() -> None:
        house = House(Scripted(SLOW), others={"b": Scripted(QUICK, name="b")})
        for _ in range(20):
            await house.reply()
        assert house.times["a", True].quantile(0.5) == pytest.approx(1.5)
        assert house.times["b", True].quantile(0.5) is None

    run(story())


# ── the task that goes on with it ──


class Timed(Scripted):
    """One that is timed where it is chosen."""

    def choose(self, call: Call) -> Chosen:
        patience = Patience(first_byte_s=30.0, idle_s=2.0, total_s=20.0)
        return Chosen(self.source, Timeout(self.__call__, patience=patience, clock=clock())(call))


def test_the_seconds_patience_holds_in_the_callers_task() -> None:
    """Its bound was set in another task than the one that reads."""

    async def story(
        steps: Sequence[Any], error: type[BaseException], at: float, pause_s: float = 0.0
    ) -> None:
        up = Timed(answers(*steps, after_s=0.5), name="b")
        house = House(Scripted(SLOW), others={"b": up})
        house.table.pools = {**house.pools, "b": up}
        task = asyncio.ensure_future(drain(house.service, house.call(), pause_s=pause_s))
        await asyncio.wait({task})
        assert isinstance(task.exception(), error)
        assert (clock().now(), up.open) == (at, 0)

    run(story([b"x", 60.0], UpstreamInterrupted, 3.5))
    run(story([b"x"] * 9, DeadlineExceeded, 21.0, pause_s=8.0))


CASES: dict[str, tuple[Any, Any]] = {
    "the second serves": (SLOW, answers(b"a", 1.0, b"b", after_s=0.5)),
    "the first serves": (answers(b"a", 1.0, b"b", after_s=1.2), SLOW),
    "both": (answers(b"a", after_s=1.5), QUICK),
    "the first fails": (fails(UpstreamUnavailable("down"), after_s=1.2), QUICK),
    "the second fails": (answers(b"a", after_s=2.0), DOWN),
    "both fail": (fails(UpstreamUnavailable("down"), after_s=1.2), DOWN),
    "neither": (hangs(), hangs()),
}


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("case", CASES)
def test_cancelled_at_any_turn_it_leaves_nothing(case: str, stream: bool) -> None:
    async def scene(loop: TurningLoop) -> None:
        first, second = CASES[case]
        house = House(Scripted(first), others={"b": Scripted(second, name="b")})
        service = Deadline(house.service, clock=clock())
        call = house.call(stream=stream, deadline_s=20.0)
        await loop.on_the_block(drain(service, call, pause_s=0.5))
        assert house.open == 0
        assert len(house.bets) == (house.calls[1] > 0)
        for ups in house.ups.values():
            for up in ups:
                up.acts = [answers(b"a", b"b")]
        again = house.call(deadline_s=20.0)
        assert await drain(service, again) == [b"a", b"b"]

    cancelled_at_every_turn(scene)
