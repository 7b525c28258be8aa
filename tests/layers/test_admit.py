"""Admit: so many requests in the house, and one more is refused, now."""

from __future__ import annotations

import asyncio

import pytest

from headgate.core.errors import Overloaded, UpstreamUnavailable
from headgate.core.permits import Permits
from headgate.pipeline.admit import Admit
from scripted import HANG, Act, Scripted, answers, asked, cancel_after, drain, fails, fate
from virtual import clock, run


def test_one_more_than_the_house_holds_is_refused_at_once() -> None:
    async def story() -> None:
        up = Scripted(answers(b"a", 5.0, b"b"))
        admit = Admit(up, permits=Permits(2))
        inside = [asyncio.ensure_future(drain(admit, asked())) for _ in range(2)]
        await clock().sleep(1.0)
        with pytest.raises(Overloaded) as caught:
            await drain(admit, asked())
        assert caught.value.retry_after_s
        assert caught.value.code == "gateway_overloaded"
        assert (up.calls, admit.in_flight, clock().now()) == (2, 2, 1.0)
        await asyncio.gather(*inside)
        assert admit.in_flight == 0
        assert await drain(admit, asked()) == [b"a", b"b"]

    run(story())


def test_a_permit_is_held_exactly_as_long_as_the_stream() -> None:
    async def story() -> None:
        admit = Admit(Scripted(answers(b"a", b"b")), permits=Permits(1))
        assert admit.in_flight == 0
        async with admit(asked()) as reply:
            async for _ in reply.body:
                assert admit.in_flight == 1
            assert admit.in_flight == 1
        assert admit.in_flight == 0

    run(story())


@pytest.mark.parametrize("act", [fails(UpstreamUnavailable("no")), answers(b"a", UpstreamUnavailable("no"))])
def test_a_failure_gives_the_permit_back(act: Act) -> None:
    async def story() -> None:
        admit = Admit(Scripted(act), permits=Permits(1))
        assert isinstance(await fate(admit, asked()), UpstreamUnavailable)
        assert admit.in_flight == 0

    run(story())


@pytest.mark.parametrize("act", [Act(before=(HANG,)), answers(b"a", HANG)])
def test_a_cancelled_request_gives_the_permit_back(act: Act) -> None:
    async def story() -> None:
        admit = Admit(Scripted(act), permits=Permits(1))
        assert await cancel_after(drain(admit, asked()), 5.0)
        assert admit.in_flight == 0

    run(story())


def test_a_refusal_takes_no_permit() -> None:
    async def story() -> None:
        admit = Admit(Scripted(), permits=Permits(0))
        for _ in range(3):
            assert isinstance(await fate(admit, asked()), Overloaded)
        assert admit.in_flight == 0

    run(story())
