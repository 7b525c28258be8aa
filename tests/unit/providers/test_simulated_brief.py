"""Brief answers: the short way through the simulation does what the long way does."""

from __future__ import annotations

import asyncio
import json
from random import Random
from typing import Any

import pytest

from headgate.ports.transport import Outgoing
from headgate.providers.simulated import Limits, Scheduled, Settings, SimulatedTransport, Simulation
from headgate.providers.simulated.brief import Brief
from virtual import clock, run

PROMPT = "Tell me about bridges. (40 tokens)"
PACE = {"latency_s": 0.5, "tokens_per_s": 20.0}


def asked(**members: Any) -> Outgoing:
    body = {"model": "m", "messages": [{"role": "user", "content": PROMPT}], **members}
    return Outgoing("/chat/completions", json.dumps(body).encode())


def simulation(**members: Any) -> Simulation:
    return Simulation(Settings(brief=True, **{**PACE, **members}), clock(), Random(1))


async def answer(of: Simulation, request: Outgoing, *, stream: bool = False) -> tuple[int, bytes, float]:
    """(status, body, seconds it took)."""
    began = clock().now()
    async with SimulatedTransport(of, key="k")(request, stream=stream) as response:
        body = b""
        while (piece := await response.chunk()) is not None:
            body += piece
        return response.status, body, clock().now() - began


LONG: dict[str, Any] = {"top_p": 0.9}
"""A member that the short way does not know."""


@pytest.mark.parametrize("stream", [False, True])
def test_both_ways_cost_and_last_the_same(stream: bool) -> None:
    async def main() -> None:
        told = []
        for plain in ({}, LONG):
            one = simulation()
            more: dict[str, Any] = dict(plain)
            if stream:
                more |= {"stream": True, "stream_options": {"include_usage": True}}
            status, body, took_s = await answer(one, asked(**more), stream=stream)
            [key] = one.report().keys.values()
            frames = [frame.removeprefix(b"data: ") for frame in body.split(b"\n\n") if frame]
            usages = [json.loads(frame).get("usage") for frame in frames if frame != b"[DONE]"]
            counted = next(usage for usage in usages if usage)
            counts = counted["prompt_tokens"], counted["completion_tokens"]
            assert (frames[-1] == b"[DONE]") is stream
            told.append((status, took_s, key.granted_tokens, key.served, counts))
        assert told[0] == told[1]
        assert told[0][0] == 200
        assert told[0][1] == pytest.approx(2.5)
        assert told[0][4][1] == 40

    run(main())


def test_the_short_way_is_for_what_is_plain_and_calm() -> None:
    async def main() -> None:
        calm = simulation()
        assert isinstance(SimulatedTransport(calm)(asked(), stream=False), Brief)
        others: list[dict[str, Any]] = [
            LONG,
            {"tools": []},
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]},
        ]
        for more in others:
            assert not isinstance(SimulatedTransport(calm)(asked(**more), stream=False), Brief)
        long = [{"role": "user", "content": "word " * 2000}]
        assert not isinstance(SimulatedTransport(calm)(asked(messages=long), stream=False), Brief)
        assert not isinstance(SimulatedTransport(calm)(asked(model="fault-hang"), stream=False), Brief)
        later = simulation(faults=(Scheduled(fault="503", from_s=10.0),))
        assert isinstance(SimulatedTransport(later)(asked(), stream=False), Brief)
        await clock().sleep(10.0)
        assert (await answer(later, asked()))[0] == 503

    run(main())


def test_limits_hold_and_the_refusal_says_when() -> None:
    async def main() -> None:
        one = simulation(limits=Limits(rpm=2))
        first, second, third = [await answer(one, asked()) for _ in range(3)]
        assert [status for status, *_ in (first, second, third)] == [200, 200, 429]
        assert b"Try again in" in third[1]
        assert third[2] == 0.0
        async with SimulatedTransport(one, key="k")(asked(), stream=False) as response:
            assert response.header("retry-after") == "55"
            assert response.header("x-ratelimit-remaining-requests") == "0"
        assert one.report().throttled == 2

    run(main())


@pytest.mark.parametrize("after_s", [0.2, 1.0])
def test_who_hangs_up_is_in_the_books(after_s: float) -> None:
    async def main() -> None:
        one = simulation()
        task = asyncio.ensure_future(answer(one, asked(stream=True), stream=True))
        await asyncio.wait({task}, timeout=after_s)
        task.cancel()
        await asyncio.wait({task})
        report = one.report()
        assert (report.open, report.client_gone, report.served) == ([], 1, 0)

    run(main())


def test_how_long_an_answer_is() -> None:
    async def length(prompt: str, **members: Any) -> int:
        one = simulation(**members.pop("settings", {}))
        body = (await answer(one, asked(messages=[{"role": "user", "content": prompt}], **members)))[1]
        found: int = json.loads(body)["usage"]["completion_tokens"]
        return found

    async def main() -> None:
        assert await length(PROMPT) == 40
        assert await length(PROMPT, max_tokens=7) == 7
        assert await length("Hello") == 200
        assert await length("Hello", settings={"output_tokens": 9}) == 9
        assert await length("Hello (many tokens)") == 200

    run(main())
