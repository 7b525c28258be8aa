"""Cascade: a weak answer is judged before anybody sees it; if it will not do, the strong model is asked."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
import pytest

from headgate.core.call import Call, Discarded, Payload, Reply, Tape
from headgate.core.decision import Cascade as Pair
from headgate.core.decision import Decision
from headgate.core.errors import DeadlineExceeded, Overloaded, UpstreamInterrupted, UpstreamUnavailable
from headgate.core.price import Price
from headgate.core.usage import Usage
from headgate.pipeline.cascade import Cascade
from headgate.pipeline.deadline import Deadline
from scripted import Act, Scripted, answers, asked, cancelled_at_every_turn, drain, fails, fate
from turning import TurningLoop
from virtual import clock, run

GOOD, BAD = (b"right", b"."), (b"wro", b"ng")
PAIR = Pair("weak", "strong")
PRICE = Price(input=1_000, output=1_000)


class House:
    """A weak and a strong model, and a layer that asks the first of a chain that is there."""

    def __init__(self, weak: Act, strong: Act | None = None, *, max_bytes: int = 100) -> None:
        self.weak = Scripted(weak, name="weak", price=PRICE)
        self.strong = Scripted(strong or answers(*GOOD), name="strong", price=PRICE)
        self.weak.usage = self.strong.usage = Usage(input=3, output=2)
        self.judged: list[tuple[str, str]] = []
        self.chains: list[tuple[str, ...]] = []
        self.layer = Cascade(
            self._ask,
            doubts={"auto": self._doubts},
            read=_read,
            clock=clock(),
            max_bytes=max_bytes,
            marked=False,
        )

    def _ask(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        self.chains.append(call.chain)
        return {"weak": self.weak, "strong": self.strong}[call.chain[0]](call)

    def _doubts(self, question: str, answer: str) -> bool:
        self.judged.append((question, answer))
        return "wrong" in answer


def _read(payload: Payload, answer: bytes) -> str | None:
    return None if b"tool" in answer else answer.decode()


def call(*, stream: bool = True, cascade: Pair | None = PAIR) -> Call:
    decision = Decision(requested="auto", chain=("weak", "strong"), route="auto", cascade=cascade)
    made = asked("auto", stream=stream, chain=decision.chain)
    return msgspec.structs.replace(made, decision=decision)


async def told(house: House, made: Call) -> tuple[Reply, bytes]:
    async with house.layer(made) as reply:
        pieces = [piece async for piece in reply.body]
        return reply, b"".join((*pieces, reply.tail(None)))


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_will_do_is_told_as_it_came(stream: bool) -> None:
    async def story() -> None:
        house = House(answers(*GOOD))
        reply, body = await told(house, call(stream=stream))
        assert (reply.source.model_id, reply.judged) == ("weak", "accepted")
        assert body == (b"right.tail" if stream else b"tail")
        assert (house.strong.calls, house.weak.open) == (0, 0)
        assert house.judged == [("Hello", body.decode())]

    run(story())


def test_nothing_of_an_answer_leaves_before_it_is_judged() -> None:
    async def story() -> None:
        house = House(answers(b"right", 5.0, b"."))
        began = clock().now()
        async with house.layer(call()) as reply:
            assert clock().now() - began == 5.0
            assert reply.opened_at == began + 5.0

    run(story())


def test_what_was_put_aside_for_either_is_paid_for_too() -> None:
    async def story() -> None:
        house = House(answers(*BAD), answers(*GOOD))
        aside = Discarded(house.weak.source, Usage(input=1), 5, hedge=True)
        inner = house.layer.inner

        class Aside:
            def __init__(self, made: Call) -> None:
                self.opened = inner(made)

            async def __aenter__(self) -> Reply:
                reply = await self.opened.__aenter__()
                reply.discarded = (aside,)
                return reply

            async def __aexit__(self, *how: Any) -> bool | None:
                return await self.opened.__aexit__(*how)

        house.layer.inner = Aside
        reply, _ = await told(house, call())
        assert [one.hedge for one in reply.discarded] == [True, True, False]
        assert reply.cost_nano() == 2 * (reply.own_nano() or 0) + 2 * 5

    run(story())


def test_a_doubtful_answer_is_put_aside_and_paid_for() -> None:
    async def story() -> None:
        house = House(answers(*BAD), answers(*GOOD))
        reply, body = await told(house, call())
        assert (reply.source.model_id, reply.judged, body) == ("strong", "escalated", b"right.tail")
        assert house.chains == [("weak", "strong"), ("strong",)]
        assert reply.attempts == 2
        assert [one.source.model_id for one in reply.discarded] == ["weak"]
        own = reply.own_nano()
        assert own is not None
        assert reply.cost_nano() == 2 * own
        assert (house.weak.open, house.strong.open) == (0, 0)

    run(story())


def test_the_weak_model_has_its_room_back_before_the_strong_one_is_asked() -> None:
    async def story() -> None:
        house = House(answers(*BAD), answers(*GOOD))
        seen: list[int] = []
        ask = house.layer.inner

        def watching(made: Call) -> AbstractAsyncContextManager[Reply]:
            seen.append(house.weak.open)
            return ask(made)

        house.layer.inner = watching
        await told(house, call())
        assert seen == [0, 0]

    run(story())


@pytest.mark.parametrize("error", [UpstreamUnavailable("down"), Overloaded("full")])
def test_where_the_strong_model_has_no_answer_the_doubtful_one_is_told(error: Exception) -> None:
    async def story() -> None:
        house = House(answers(*BAD), fails(error))
        reply, body = await told(house, call())
        assert (reply.source.model_id, reply.judged, body) == ("weak", "kept", b"wrongtail")
        assert reply.discarded == ()

    run(story())


@pytest.mark.parametrize(("deadline_s", "told_at_s"), [(60.0, 59.75), (1.0, 0.9)])
def test_where_the_strong_model_would_be_too_late_the_doubtful_answer_is_told_in_time(
    deadline_s: float, told_at_s: float
) -> None:
    async def story() -> None:
        house = House(answers(*BAD), answers(*GOOD, after_s=1_000.0))
        made, began = call(), clock().now()
        layer = Deadline(house.layer, clock=clock())
        async with layer(msgspec.structs.replace(made, deadline_at=began + deadline_s)) as reply:
            assert clock().now() - began == pytest.approx(told_at_s)
            assert b"".join([piece async for piece in reply.body]) == b"wrong"
        assert (reply.source.model_id, reply.judged, reply.discarded) == ("weak", "kept", ())
        assert (house.weak.open, house.strong.open) == (0, 0)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    run(story())


def test_without_a_whole_answer_the_strong_model_has_all_the_time_there_is() -> None:
    async def story() -> None:
        house = House(answers(b"ri", UpstreamInterrupted("cut")), answers(*GOOD, after_s=1_000.0))
        made, began = call(), clock().now()
        layer = Deadline(house.layer, clock=clock())
        error = await fate(layer, msgspec.structs.replace(made, deadline_at=began + 60.0))
        assert isinstance(error, DeadlineExceeded)
        assert clock().now() - began == pytest.approx(60.0)

    run(story())


def test_an_answer_that_breaks_off_is_put_aside_too() -> None:
    async def story() -> None:
        house = House(answers(b"ri", UpstreamInterrupted("cut")), answers(*GOOD))
        reply, body = await told(house, call())
        assert (reply.judged, body, house.judged) == ("escalated", b"right.tail", [])
        house = House(answers(b"ri", UpstreamInterrupted("cut")), fails(UpstreamUnavailable("down")))
        lost = call()
        assert isinstance(await fate(house.layer, lost), UpstreamUnavailable)
        assert [one.source.model_id for one in lost.line.discarded] == ["weak"], (
            "it was paid for all the same"
        )
        assert (house.weak.open, house.strong.open) == (0, 0)

    run(story())


def test_what_cannot_be_judged_is_told() -> None:
    async def story() -> None:
        house = House(answers(b"tool wrong"))
        assert (await told(house, call()))[0].judged == "accepted"
        house = House(answers(b"w" * 60, b"r" * 60, b"ong"), max_bytes=100)
        assert await drain(house.layer, call()) == [b"w" * 60, b"r" * 60, b"ong"]
        assert (house.judged, house.weak.open) == ([], 0)

    run(story())


def test_a_request_without_a_cascade_and_one_that_another_model_served_pass() -> None:
    async def story() -> None:
        house = House(answers(*BAD))
        assert await drain(house.layer, call(cascade=None)) == [*BAD]
        house.weak.source = house.strong.source
        assert await drain(house.layer, call()) == [*BAD]
        assert house.judged == []

    run(story())


def test_an_answer_that_is_told_later_is_on_the_tape_all_the_same() -> None:
    async def story() -> None:
        house = House(answers(*GOOD))
        async with house.layer(call()) as reply:
            reply.seen.tape = tape = Tape(100)
            assert [piece async for piece in reply.body] == [*GOOD]
            assert tape.pieces == [*GOOD]

    run(story())


def test_cancelled_anywhere_nothing_stays_open() -> None:
    async def scene(loop: TurningLoop) -> None:
        house = House(answers(b"wro", 1.0, b"ng"), answers(*GOOD, after_s=1.0))
        await loop.on_the_block(told(house, call()))
        assert (house.weak.open, house.strong.open) == (0, 0)

    cancelled_at_every_turn(scene)
