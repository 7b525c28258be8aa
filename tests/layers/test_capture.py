"""Capture: what the caller got is handed on, whole or not at all, and nobody waits."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest

from headgate.core.call import Call, Caller
from headgate.core.errors import UpstreamInterrupted
from headgate.pipeline.capture import Capture, Terms
from scripted import FakePayload, Scripted, TurningLoop, answers, asked, cancelled_at_every_turn, fate
from virtual import run

TERMS = Terms(days=30, share=1.0, max_bytes=20)


class Desk:
    """Where what was captured is put."""

    def __init__(self) -> None:
        self.taken: list[tuple[bytes, bytes]] = []

    def take(self, call: Call, answer: bytes, terms: Terms) -> None:
        self.taken.append((call.payload.raw, answer))


def layer(desk: Desk, up: Scripted, terms: Terms = TERMS) -> Capture:
    return Capture(up, routes={"m": terms}, taken=desk.take, chance=Random(1))


def question(raw: bytes = b"{}", *, model: str = "m", privacy: str = "standard") -> Call:
    caller = Caller(key="k", tenant="t", privacy=privacy)
    return asked(caller=caller, chain=("m",), payload=FakePayload(model, True, raw=raw))


async def whole(service: Capture, call: Call) -> bytes:
    async with service(call) as reply:
        body = b"".join([piece async for piece in reply.body])
        return body + reply.tail(None)


def test_what_the_caller_got_is_handed_on_when_it_has_ended() -> None:
    async def story() -> None:
        desk = Desk()
        told = await whole(layer(desk, Scripted(answers(b"a", 5.0, b"b"))), question())
        assert desk.taken == [(b"{}", told)]
        assert told.startswith(b"ab")

    run(story())


@pytest.mark.parametrize(
    "members",
    [
        {"privacy": "no_content"},
        {"privacy": "local_only"},
        {"model": "another"},
        {"raw": b"{" + b" " * 20 + b"}"},
    ],
)
def test_of_some_nothing_is(members: dict[str, Any]) -> None:
    async def story() -> None:
        desk, up = Desk(), Scripted(answers(b"a"))
        await whole(layer(desk, up), question(**members))
        assert (desk.taken, up.calls) == ([], 1)

    run(story())


def test_a_long_answer_is_told_and_not_kept() -> None:
    async def story() -> None:
        desk = Desk()
        told = await whole(layer(desk, Scripted(answers(b"a" * 15, b"b" * 15))), question())
        assert len(told) >= 30
        assert desk.taken == []

    run(story())


def test_a_share_of_all_is_a_share() -> None:
    async def story() -> None:
        desk = Desk()
        service = layer(desk, Scripted(answers(b"a")), msgspec.structs.replace(TERMS, share=0.25))
        for _ in range(400):
            await whole(service, question())
        assert 60 < len(desk.taken) < 140

    run(story())


def test_of_a_cut_answer_what_there_was() -> None:
    async def story() -> None:
        desk = Desk()
        error = await fate(layer(desk, Scripted(answers(b"a", UpstreamInterrupted("cut")))), question())
        assert isinstance(error, UpstreamInterrupted)
        assert desk.taken == [(b"{}", b"a")]

    run(story())


def test_whenever_it_is_cancelled_it_is_handed_on_once_at_most() -> None:
    taken: list[int] = []

    async def scene(loop: TurningLoop) -> None:
        desk = Desk()
        await loop.on_the_block(whole(layer(desk, Scripted(answers(b"a", 1.0, b"b"))), question()))
        assert len(desk.taken) <= 1
        taken.append(len(desk.taken))

    cancelled_at_every_turn(scene)
    assert taken[0] == 1
