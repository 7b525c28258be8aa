"""Admit: so many requests in the house, and one more is refused, now."""

from __future__ import annotations

import asyncio

import pytest

from crowded import TIERS
from headgate.core.call import Caller
from headgate.core.errors import Overloaded, UpstreamUnavailable
from headgate.core.permits import Permits
from headgate.core.strain import IN_A_ROW, Strain
from headgate.core.waiting import Left
from headgate.pipeline.admit import Admit
from scripted import HANG, Act, FakePayload, Notes, Scripted, answers, asked, cancel_after, drain, fails, fate
from virtual import clock, run

FREE, PRO = (Caller(key=name, tenant=name, tier=TIERS[name]) for name in ("free", "pro"))


def admitting(up: Scripted, size: int) -> Admit:
    return Admit(up, permits=Permits(size), strain=Strain(size), recorder=Notes())


def test_one_more_than_the_house_holds_is_refused_at_once() -> None:
    async def story() -> None:
        up = Scripted(answers(b"a", 5.0, b"b"))
        admit = admitting(up, 2)
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
        admit = admitting(Scripted(answers(b"a", b"b")), 1)
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
        admit = admitting(Scripted(act), 1)
        assert isinstance(await fate(admit, asked()), UpstreamUnavailable)
        assert admit.in_flight == 0

    run(story())


@pytest.mark.parametrize("act", [Act(before=(HANG,)), answers(b"a", HANG)])
def test_a_cancelled_request_gives_the_permit_back(act: Act) -> None:
    async def story() -> None:
        admit = admitting(Scripted(act), 1)
        assert await cancel_after(drain(admit, asked()), 5.0)
        assert admit.in_flight == 0

    run(story())


def test_a_refusal_takes_no_permit() -> None:
    async def story() -> None:
        admit = admitting(Scripted(), 0)
        for _ in range(3):
            assert isinstance(await fate(admit, asked()), Overloaded)
        assert admit.in_flight == 0

    run(story())


def test_the_lower_tier_is_refused_first() -> None:
    async def story() -> None:
        up, notes = Scripted(Act(before=(HANG,))), Notes()
        strain = Strain(10, weights={"free": 1, "pro": 10})
        admit = Admit(up, permits=Permits(10), strain=strain, recorder=notes)
        inside = [asyncio.ensure_future(drain(admit, asked(caller=PRO))) for _ in range(8)]
        await clock().sleep(1.0)
        assert isinstance(await fate(admit, asked(caller=FREE)), Overloaded)
        inside += [asyncio.ensure_future(drain(admit, asked(caller=PRO))) for _ in range(2)]
        await clock().sleep(1.0)
        assert isinstance(await fate(admit, asked(caller=PRO)), Overloaded)
        assert notes.waits == [("batch", 0.0, Left.SHED), ("priority", 0.0, Left.SHED)]
        for task in inside:
            task.cancel()
        await asyncio.wait(inside)
        assert (admit.in_flight, strain.bytes) == (0, 0)

    run(story())


def test_so_many_bytes_of_bodies_are_in_the_house_and_no_more() -> None:
    async def story() -> None:
        up, strain = Scripted(answers(b"a", 5.0)), Strain(100, max_bytes=1000)
        admit = Admit(up, permits=Permits(100), strain=strain, recorder=Notes())
        large = FakePayload(raw=b"x" * 400)
        inside = [asyncio.ensure_future(drain(admit, asked(payload=large))) for _ in range(2)]
        await clock().sleep(1.0)
        refused = await fate(admit, asked(payload=large))
        assert isinstance(refused, Overloaded)
        assert "800 bytes" in refused.message
        assert await drain(admit, asked()) == [b"a"]
        await asyncio.gather(*inside)
        assert strain.bytes == 0

    run(story())


def test_under_strain_the_house_holds_fewer() -> None:
    async def story() -> None:
        strain = Strain(100)
        for _ in range(IN_A_ROW):
            strain.observe(1.0, 20)
        admit = Admit(Scripted(answers(b"a", 5.0)), permits=Permits(100), strain=strain, recorder=Notes())
        fates = await asyncio.gather(*(fate(admit, asked()) for _ in range(30)))
        assert sum(isinstance(one, Overloaded) for one in fates) == 12
        assert admit.in_flight == 0

    run(story())
