"""Coalesce: one upstream call for all who ask the same, and each as free as if he had asked alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from headgate.core.broadcast import AHEAD_BYTES
from headgate.core.call import Call, Reply
from headgate.core.errors import (
    DeadlineExceeded,
    UpstreamInterrupted,
    UpstreamRejected,
    UpstreamUnavailable,
)
from headgate.core.identity import Identity, known
from headgate.core.price import Price
from headgate.core.reuse import Form, Freshness, Reuse
from headgate.core.usage import Usage
from headgate.pipeline.coalesce import Coalesce
from headgate.pipeline.deadline import Deadline
from scripted import (
    Act,
    FakePayload,
    Scripted,
    TurningLoop,
    answers,
    asked,
    cancelled_at_every_turn,
    fails,
    fate,
    hangs,
)
from virtual import clock, run

WINDOW_S = 5.0
PRICE = Price(input=3_000_000, output=5_000_000)


def coalesced(*acts: Act, max_bytes: int = 10 * AHEAD_BYTES) -> tuple[Coalesce, Scripted]:
    up = Scripted(*acts, price=PRICE)
    up.usage = Usage(input=10, output=20)
    return Coalesce(up, clock=clock(), window_s=WINDOW_S, max_bytes=max_bytes, marked=True), up


SAME = known(b"same", Form.STREAM)


def question(identity: Identity = SAME, *, stream: bool = True, wants: Freshness | None = None) -> Call:
    call = asked(payload=FakePayload("m", stream))
    return msgspec.structs.replace(call, identity=identity, wants=wants or Freshness())


def deadlined(in_s: float) -> Call:
    return msgspec.structs.replace(question(), deadline_at=clock().now() + in_s)


async def whole(service: Coalesce, call: Call | None = None, *, pause_s: float = 0.0) -> tuple[bytes, Reply]:
    async with service(call or question()) as reply:
        body = b""
        async for piece in reply.body:
            body += piece
            if pause_s:
                await clock().sleep(pause_s)
        return body + reply.tail(b"<meta>"), reply


def begun(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return asyncio.ensure_future(work)


@pytest.mark.parametrize("stream", [True, False])
def test_a_thousand_at_once_are_one_call(stream: bool) -> None:
    async def story() -> None:
        service, up = coalesced(answers(b"a", 1.0, b"b", after_s=1.0))
        told = await asyncio.gather(*(whole(service, question(stream=stream)) for _ in range(1000)))
        assert up.calls == 1
        assert len({text for text, _ in told}) == 1
        assert [reply.reuse for _, reply in told].count(Reuse.COALESCED) == 999
        costs = [reply.cost_nano() for _, reply in told]
        assert sum(cost or 0 for cost in costs) == up.replies[0].cost_nano() != 0
        assert {reply.saved_nano for _, reply in told[1:]} == {costs[0]}

    run(story())


def test_a_late_follower_is_told_at_once_what_has_been_said() -> None:
    async def story() -> None:
        service, up = coalesced(answers(b"a", 1.0, b"b", 1.0, b"c"))
        first = begun(whole(service))
        await clock().sleep(1.5)
        began, heard = clock().now(), []
        async with service(question()) as reply:
            async for piece in reply.body:
                heard.append((clock().now() - began, piece))
        assert heard == [(0.0, b"ab"), (0.5, b"c")]
        assert ((await first)[0], up.calls) == (b"abc<meta>", 1)

    run(story())


def test_an_answer_serves_for_a_while_after_its_end() -> None:
    async def story() -> None:
        service, up = coalesced()
        await whole(service)
        await clock().sleep(WINDOW_S - 0.1)
        text, reply = await whole(service)
        assert (text, reply.reuse, up.calls) == (b"ok<meta>", Reuse.COALESCED, 1)
        assert reply.age_s == pytest.approx(WINDOW_S - 0.1)
        await whole(service, question(wants=Freshness(max_age_s=1.0)))
        assert up.calls == 2, "too old for who wants it fresh"
        await clock().sleep(WINDOW_S + 0.1)
        await whole(service)
        assert up.calls == 3

    run(story())


@pytest.mark.parametrize("other", [known(b"else", Form.STREAM), None], ids=["else", "nobodys"])
def test_who_asks_something_else_asks_for_himself(other: Identity | None) -> None:
    async def story() -> None:
        service, up = coalesced(answers(b"a", after_s=1.0))
        calls = [question(), msgspec.structs.replace(question(), identity=other)]
        await asyncio.gather(*(whole(service, call) for call in calls))
        assert up.calls == 2

    run(story())


def test_the_call_lives_while_anybody_follows() -> None:
    async def story() -> None:
        service, up = coalesced(answers(b"a", 1.0, b"b", after_s=1.0))
        first, second = begun(whole(service)), begun(whole(service))
        await clock().sleep(0.5)
        first.cancel()
        text, reply = await second
        assert (text, up.calls, up.open) == (b"ab<meta>", 1, 0)
        assert reply.cost_nano() == up.replies[0].cost_nano(), "who stayed pays"
        assert not reply.reuse.hit, "and his row says so"

    run(story())


def test_who_leaves_a_shared_call_to_others_does_not_pay() -> None:
    async def story() -> None:
        service, up = coalesced(answers(b"a", 1.0, b"b", after_s=1.0))
        first = service(question())
        reply = await first.__aenter__()
        second = begun(whole(service))
        await clock().sleep(0.0)
        await first.__aexit__(None, None, None)
        assert (reply.reuse, reply.cost_nano(), reply.attempts) == (Reuse.COALESCED, 0, 0)
        text, stayed = await second
        assert (text, stayed.attempts, stayed.reuse) == (b"ab<meta>", 1, up.replies[0].reuse)

    run(story())


def test_each_has_a_deadline_of_his_own() -> None:
    async def story() -> None:
        service, up = coalesced(answers(b"a", 2.0, b"b", after_s=2.0))
        bounded = Deadline(service, clock=clock())

        async def late() -> Any:
            await clock().sleep(1.0)
            return await fate(bounded, deadlined(9.0))

        first, second = await asyncio.gather(fate(bounded, deadlined(3.0)), late())
        assert isinstance(first, DeadlineExceeded)
        assert (second, up.calls, up.open) == ([b"a", b"b"], 1, 0)

    run(story())


def test_the_last_to_leave_ends_it_and_leaves_nothing_behind() -> None:
    async def story() -> None:
        service, up = coalesced(hangs())
        both = [begun(whole(service)) for _ in range(2)]
        await clock().sleep(1.0)
        for one in both:
            assert up.open == 1
            one.cancel()
            await asyncio.wait({one})
        assert up.open == 0
        up.acts = [answers(b"well")]
        assert (await whole(service))[0] == b"well<meta>"

    run(story())


def test_where_the_call_fails_one_of_the_others_asks_again_for_all() -> None:
    async def story() -> None:
        service, up = coalesced(fails(UpstreamUnavailable("down"), after_s=1.0), answers(b"up", after_s=1.0))
        found = await asyncio.gather(*(fate(service, question()) for _ in range(10)))
        assert up.calls == 2
        assert isinstance(found[0], UpstreamUnavailable), "whose call it was has had his attempts"
        assert found[1:] == [[b"up"]] * 9

    run(story())


@pytest.mark.parametrize(
    ("acts", "calls"),
    [((fails(UpstreamUnavailable("down"), after_s=1.0),), 2), ((fails(UpstreamRejected("no")),), 1)],
    ids=["down", "rejected"],
)
def test_an_error_is_everybodys_and_everybodys_own(acts: tuple[Act, ...], calls: int) -> None:
    async def story() -> None:
        service, up = coalesced(*acts)
        found = await asyncio.gather(*(fate(service, question()) for _ in range(10)))
        assert up.calls == calls
        assert {type(error) for error in found} == {type(acts[0].before[1])}
        assert len({id(error) for error in found}) == 10
        assert {str(error) for error in found} == {str(acts[0].before[1])}

    run(story())


def test_a_cut_stream_is_cut_for_all_and_serves_nobody_later() -> None:
    async def story() -> None:
        service, up = coalesced(Act(then=(b"a", 1.0, UpstreamInterrupted("cut"))), answers(b"good"))
        found = await asyncio.gather(*(fate(service, question()) for _ in range(3)))
        assert all(isinstance(error, UpstreamInterrupted) for error in found)
        assert (await whole(service))[0] == b"good<meta>"
        assert up.calls == 2

    run(story())


def test_a_slow_reader_holds_nobody_up() -> None:
    async def story() -> None:
        service, _ = coalesced(answers(*(b"x" * 1000,) * 50))
        slow = begun(whole(service, pause_s=10.0))
        text, _ = await whole(service)
        assert (len(text), clock().now()) == (50_006, 0.0)
        assert len((await slow)[0]) == 50_006

    run(story())


def test_the_answer_waits_for_the_only_reader() -> None:
    async def story() -> None:
        service, up = coalesced(answers(*(b"x" * 65_536,) * 16))
        slow = begun(whole(service, pause_s=1.0))
        await clock().sleep(0.5)
        shared = service._shared[SAME]
        assert shared.pieces.said <= 2 * (AHEAD_BYTES + 65_536), "what was taken, and as much again"
        assert len((await slow)[0]) == 16 * 65_536 + 6
        assert up.open == 0

    run(story())


def test_a_reader_who_falls_too_far_behind_is_cut_off_and_the_others_are_not() -> None:
    async def story() -> None:
        service, _ = coalesced(answers(*(b"x" * 65_536,) * 64), max_bytes=4 * 65_536)
        slow = begun(fate(service, question()))
        lagging = begun(whole(service, pause_s=1e5))
        text, _ = await whole(service)
        assert len(text) == 64 * 65_536 + 6
        await slow
        with pytest.raises(UpstreamInterrupted):
            await lagging

    run(story())


def test_what_waits_for_its_window_is_bounded() -> None:
    async def story() -> None:
        service, up = coalesced(answers(b"x" * 400), max_bytes=1000)
        for number in range(5):
            await whole(service, question(known(b"%d" % number, Form.STREAM)))
        assert len(service._shared) == 2
        await whole(service, question(known(b"4", Form.STREAM)))
        assert up.calls == 5
        await whole(service, question(known(b"0", Form.STREAM)))
        assert up.calls == 6

    run(story())


def test_nothing_remains_once_the_windows_have_passed() -> None:
    async def story() -> None:
        service, _ = coalesced()
        for number in range(5):
            await whole(service, question(known(b"%d" % number, Form.STREAM)))
        await clock().sleep(WINDOW_S + 1.0)
        assert not service._shared
        assert not service._past
        assert service._past_bytes == 0

    run(story())


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("fails_first", [False, True])
def test_whoever_is_cancelled_wherever_the_other_is_answered(stream: bool, fails_first: bool) -> None:
    async def scene(loop: TurningLoop) -> None:
        good = answers(b"a", 1.0, b"b", after_s=1.0)
        acts = [fails(UpstreamUnavailable("down"), after_s=0.5), good] if fails_first else [good]
        service, up = coalesced(*acts)
        struck = begun(loop.on_the_block(whole(service, question(stream=stream))))
        await clock().sleep(0.25)
        mine = question(stream=stream)
        found = await fate(service, mine)
        await struck
        asked_first = up.seen[0] is mine
        assert isinstance(found, list) or (fails_first and asked_first), "who follows asks again"
        assert up.open == 0
        await clock().sleep(WINDOW_S + 1.0)
        assert not service._shared
        assert not service._past

    assert cancelled_at_every_turn(scene) >= 3


def test_a_whole_answer_is_there_once_its_call_has_ended() -> None:
    """So one that goes wrong at the very end has not begun, and somebody else may be asked."""

    class Ends(Scripted):
        error: UpstreamUnavailable | None = None

        @asynccontextmanager
        async def __call__(self, call: Call) -> AsyncIterator[Reply]:
            async with super().__call__(call) as reply:
                yield reply
                await clock().sleep(1.0)
                if self.error is not None:
                    raise self.error

    async def story() -> None:
        up = Ends(answers(b"told"))
        service = Coalesce(up, clock=clock(), window_s=WINDOW_S, max_bytes=10 * AHEAD_BYTES, marked=True)
        call = question(known(b"same", Form.WHOLE), stream=False)
        async with service(call) as reply:
            assert clock().now() == 1.0
            assert reply.seen.over
        up.error = UpstreamUnavailable("broken at the end")
        with pytest.raises(UpstreamUnavailable):
            await service(question(known(b"other", Form.WHOLE), stream=False)).__aenter__()

    run(story())
