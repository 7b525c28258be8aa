"""Hedge: one of two fails, or both do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from falling import DOWN
from headgate.core.call import Call, Reply
from headgate.core.errors import (
    AllUpstreamsFailed,
    UpstreamInterrupted,
    UpstreamRejected,
    UpstreamUnavailable,
)
from headgate.core.hedging import Bet
from hedging import QUICK, SLOW, House
from scripted import Scripted, answers, drain, fails, fate, hangs
from virtual import clock, run


def test_what_fails_before_the_delay_is_a_matter_of_fallback() -> None:
    async def story() -> None:
        house = House(Scripted(DOWN), others={"b": Scripted(SLOW, name="b"), "c": Scripted(QUICK, name="c")})
        reply = await house.reply()
        assert (reply.source.model_id, reply.attempts, house.bets) == ("b", 2, [])

    run(story())


def test_the_first_fails_and_the_second_goes_on() -> None:
    async def story() -> None:
        late = fails(UpstreamUnavailable("down", status=503), after_s=1.2)
        house = House(Scripted(late), others={"b": Scripted(QUICK, name="b")})
        reply = await house.reply()
        assert (reply.source.model_id, reply.attempts, reply.discarded, clock().now()) == ("b", 2, (), 1.5)
        assert house.bets == [("a", "b", Bet.WON)]

    run(story())


def test_the_second_fails_and_the_first_goes_on() -> None:
    async def story() -> None:
        house = House(Scripted(SLOW), others={"b": Scripted(DOWN, name="b")})
        reply = await house.reply()
        assert (reply.source.model_id, reply.attempts, reply.discarded, clock().now()) == ("a", 2, (), 10.0)
        assert (house.calls, house.bets) == ([1, 1], [("a", "b", Bet.FAILED)])

    run(story())


@pytest.mark.parametrize(("attempts", "calls"), [(1, [1, 1, 1]), (3, [1, 1, 1]), (5, [2, 2, 1])])
def test_both_fail_and_both_count(attempts: int, calls: list[int]) -> None:
    async def story() -> None:
        late = fails(UpstreamUnavailable("down", status=503), after_s=2.0)
        down = {name: Scripted(DOWN, name=name) for name in "bc"}
        house = House(Scripted(late), others=down, attempts=attempts)
        error = await fate(house.service, house.call())
        assert isinstance(error, AllUpstreamsFailed)
        assert (error.attempts, house.calls) == (sum(calls), calls)
        assert (house.open, house.bets) == (0, [("a", "b", Bet.FAILED)])

    run(story())


def test_after_both_have_failed_the_rest_of_the_chain_is_asked() -> None:
    async def story() -> None:
        late = fails(UpstreamUnavailable("down", status=503), after_s=2.0)
        house = House(Scripted(late), others={"b": Scripted(DOWN, name="b"), "c": Scripted(name="c")})
        reply = await house.reply()
        assert (reply.source.model_id, reply.attempts, reply.fallback_from) == ("c", 3, "a")
        assert house.calls == [1, 1, 1]

    run(story())


@pytest.mark.parametrize("first", [True, False], ids=["by the first", "by the second"])
def test_fault_found_with_the_request_is_the_answer_unless_the_other_has_one(first: bool) -> None:
    async def story() -> None:
        rejects = fails(UpstreamRejected("too long", status=400), after_s=2.0)
        a, b = (rejects, SLOW) if first else (SLOW, rejects)
        house = House(Scripted(a), others={"b": Scripted(b, name="b")})
        found = await fate(house.service, house.call())
        assert isinstance(found, UpstreamRejected) if first else found == [b"slow"]
        assert house.open == 0

    run(story())


def test_fault_found_by_the_second_is_told_where_the_first_fails_too() -> None:
    async def story() -> None:
        rejects = fails(UpstreamRejected("too long", status=400))
        late = fails(UpstreamUnavailable("down"), after_s=2.0)
        house = House(Scripted(late), others={"b": Scripted(rejects, name="b")})
        error = await fate(house.service, house.call())
        assert isinstance(error, UpstreamRejected)
        assert (error.attempts, clock().now()) == (2, 2.0)

    run(story())


def test_a_bug_in_the_second_is_told_and_the_first_serves() -> None:
    async def story() -> None:
        told: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: told.append(what))
        house = House(Scripted(SLOW), others={"b": Scripted(fails(KeyError("a bug")), name="b")})
        assert (await house.reply()).source.model_id == "a"
        assert [type(what["exception"]) for what in told] == [KeyError]

    run(story())


def test_a_second_that_is_cut_later_is_cut_for_the_caller() -> None:
    async def story() -> None:
        cut = answers(b"x", UpstreamInterrupted("cut"))
        house = House(Scripted(SLOW), others={"b": Scripted(cut, name="b")})
        assert isinstance(await fate(house.service, house.call()), UpstreamInterrupted)
        assert (house.calls, house.open) == ([1, 1], 0)

    run(story())


# ── cancelled while the slower one is let go of ──


class Sticky(Scripted):
    """It takes a second to be left."""

    @asynccontextmanager
    async def __call__(self, call: Call) -> AsyncIterator[Reply]:
        try:
            async with super().__call__(call) as reply:
                yield reply
        finally:
            await clock().sleep(1.0)


@pytest.mark.parametrize("times", [1, 3])
def test_cancelled_while_the_other_is_let_go_of_all_is_left_and_booked(times: int) -> None:
    async def story() -> None:
        house = House(Scripted(answers(b"first", after_s=1.2)), others={"b": Sticky(hangs(), name="b")})
        call = house.call()
        task = asyncio.ensure_future(drain(house.service, call))
        await clock().sleep(1.4)
        for _ in range(times):
            assert not task.done()
            task.cancel()
            await clock().sleep(0.1)
        await asyncio.wait({task})
        assert task.cancelled()
        assert clock().now() == pytest.approx(2.2)
        assert house.open == 0
        assert [(one.source.model_id, one.hedge) for one in call.line.discarded] == [
            ("b", True),
            ("a", False),
        ]

    run(story())
