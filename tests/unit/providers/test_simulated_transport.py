"""The simulated provider over its in-process transport: answers, pace, limits, books."""

from __future__ import annotations

import json

import pytest

from headgate.ports.transport import Outgoing
from headgate.providers.simulated import Limits, SimulatedTransport, Simulation
from simulating import chat, chunks, fetch, run


def test_a_plain_answer() -> None:
    async def story(simulation: Simulation) -> None:
        async with SimulatedTransport(simulation)(chat(), stream=False) as response:
            assert response.status == 200
            assert response.header("content-type") == "application/json"
            assert response.header("x-request-id") == "sim-000001"
            document = json.loads(await response.read())
        assert "bridges" in document["choices"][0]["message"]["content"]
        assert document["model"] == "m"
        usage = document["usage"]
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]

    run(story)


def test_a_stream_keeps_its_pace() -> None:
    async def story(simulation: Simulation) -> None:
        found = await chunks(simulation, chat(stream=True))
        texts = [at for at, chunk in found if b'"content":"' in chunk and b'"content":""' not in chunk]
        assert len(texts) == 10
        assert texts == pytest.approx([2.0 + 0.1 * count for count in range(1, 11)])
        assert found[-1][1].endswith(b"data: [DONE]\n\n")
        assert all(chunk.endswith(b"\n\n") for _, chunk in found)

    run(story, latency_s=2.0, tokens_per_s=10, output_tokens=10)


def test_an_unstreamed_answer_takes_as_long() -> None:
    async def story(simulation: Simulation) -> None:
        await fetch(simulation, chat())
        assert simulation.clock.now() == pytest.approx(3.0)

    run(story, latency_s=2.0, tokens_per_s=10, output_tokens=10)


def test_without_speed_and_latency_no_time_passes() -> None:
    async def story(simulation: Simulation) -> None:
        for _ in range(100):
            await chunks(simulation, chat(stream=True))
        assert simulation.clock.now() == 0.0

    run(story)


def test_latency_varies_by_its_jitter() -> None:
    async def story(simulation: Simulation) -> None:
        seen = [simulation.latency_s() for _ in range(200)]
        assert min(seen) < 0.6 < 1.4 < max(seen)
        assert all(0.5 <= latency <= 1.5 for latency in seen)

    run(story, latency_s=1.0, jitter=0.5)


def test_embeddings_and_completions_are_served_and_nothing_else() -> None:
    async def story(simulation: Simulation) -> None:
        body = json.dumps({"model": "e", "input": ["a", "b"], "dimensions": 4}).encode()
        status, document = await fetch(simulation, Outgoing("/embeddings", body))
        assert status == 200
        assert [len(row["embedding"]) for row in document["data"]] == [4, 4]
        body = json.dumps({"model": "c", "prompt": "Tell me about bridges"}).encode()
        status, document = await fetch(simulation, Outgoing("/completions", body))
        assert "bridges" in document["choices"][0]["text"]
        assert (await fetch(simulation, Outgoing("/nowhere", b"{}")))[0] == 404
        assert (await fetch(simulation, Outgoing("/chat/completions", b"no JSON")))[0] == 400

    run(story)


def test_a_repeated_prefix_is_read_from_the_cache() -> None:
    async def story(simulation: Simulation) -> None:
        long = chat(prompt="bridge " * 1000)
        first = (await fetch(simulation, long))[1]["usage"]
        again = (await fetch(simulation, long))[1]["usage"]
        other = (await fetch(simulation, long, key="other"))[1]["usage"]
        await simulation.clock.sleep(301)
        late = (await fetch(simulation, long))[1]["usage"]
        cached = [usage["prompt_tokens_details"]["cached_tokens"] for usage in (first, again, other, late)]
        assert cached == [0, 1664, 0, 0]
        assert first["prompt_tokens"] == again["prompt_tokens"] == 1753

    run(story)


# ── limits ───────────────────────────────────────────────────────────────────────────────────────


def test_a_key_over_its_limit_is_told_when_to_return() -> None:
    async def story(simulation: Simulation) -> None:
        transport = SimulatedTransport(simulation, key="k")
        await fetch(simulation, chat())
        await simulation.clock.sleep(20)
        await fetch(simulation, chat())
        async with transport(chat(), stream=False) as response:
            assert response.status == 429
            assert response.header("retry-after") == "40"
            assert response.header("retry-after-ms") == "40000"
            assert response.header("x-ratelimit-limit-requests") == "2"
            assert response.header("x-ratelimit-remaining-requests") == "0"
            assert response.header("x-ratelimit-reset-requests") == "1m0s"
            error = json.loads(await response.read())["error"]
            assert (error["type"], error["code"]) == ("requests", "rate_limit_exceeded")
        assert (await fetch(simulation, chat(), key="another"))[0] == 200
        await simulation.clock.sleep(40)
        assert (await fetch(simulation, chat()))[0] == 200

    run(story, limits=Limits(rpm=2))


def test_tokens_count_prompt_and_answer() -> None:
    async def story(simulation: Simulation) -> None:
        used = (await fetch(simulation, chat()))[1]["usage"]["total_tokens"]
        async with SimulatedTransport(simulation, key="k")(chat(), stream=False) as response:
            assert response.status == 429
            assert response.header("x-ratelimit-remaining-tokens") == str(50 - used)
            assert json.loads(await response.read())["error"]["type"] == "tokens"

    run(story, limits=Limits(tpm=50), output_tokens=20)


def test_a_polite_caller_is_never_throttled_and_uses_it_all() -> None:
    """Four hours at exactly the limit: 20 requests in each minute, evenly laid."""

    async def story(simulation: Simulation) -> None:
        for _ in range(20 * 60 * 4):
            async with SimulatedTransport(simulation, key="k")(chat(prompt="x"), stream=False) as response:
                await response.read()
            await simulation.clock.sleep(3.0)
        report = simulation.report()
        assert report.throttled == 0
        assert report.keys["k"].granted == 4_800
        assert report.keys["k"].worst["requests_in_60_s"] == 20
        assert simulation.clock.now() == 14_400

    run(story, limits=Limits(rpm=20), output_tokens=1)


def test_limits_may_change_and_a_key_may_have_its_own() -> None:
    async def story(simulation: Simulation) -> None:
        assert (await fetch(simulation, chat(), key="a"))[0] == 429
        assert (await fetch(simulation, chat(), key="vip"))[0] == 200
        simulation.limit(Limits(rpm=0), "vip")
        simulation.limit(Limits())
        assert (await fetch(simulation, chat(), key="vip"))[0] == 429
        assert (await fetch(simulation, chat(), key="a"))[0] == 200
        report = simulation.report()
        assert report.keys["vip"].limits == {"rpm": 0, "tpm": None, "burst": None}

    run(story, limits=Limits(rpm=0), keys={"vip": Limits()})


# ── books ────────────────────────────────────────────────────────────────────────────────────────


def test_the_books_count_every_request_once() -> None:
    async def story(simulation: Simulation) -> None:
        await fetch(simulation, chat("a"))
        await fetch(simulation, chat("a"), key="other")
        await fetch(simulation, chat("b", fault="503"))
        assert (await fetch(simulation, chat("b")))[0] == 429
        report = simulation.report()
        assert (report.requests, report.served, report.throttled, report.faulted) == (4, 2, 1, 1)
        assert report.keys["k"].requests == 3
        assert report.keys["other"].served == 1
        assert report.models == {"a": 2, "b": 2}
        assert report.faults == {"status": 1}
        assert report.open == []
        assert [visit.ended for visit in report.closed] == ["served", "served", "faulted", "throttled"]

    run(story, limits=Limits(rpm=1))


def test_an_open_request_shows_until_its_client_leaves() -> None:
    async def story(simulation: Simulation) -> None:
        async with SimulatedTransport(simulation)(chat(stream=True), stream=True) as response:
            await response.chunk()
            await response.chunk()
            (visit,) = simulation.report().open
            assert (visit.events, visit.closed_at) == (2, None)
            await simulation.clock.sleep(1)
        report = simulation.report()
        assert report.open == []
        assert (report.closed[0].ended, report.client_gone) == ("client_gone", 1)

    run(story, tokens_per_s=10)


def test_a_reset_forgets_windows_and_counts_but_not_limits() -> None:
    async def story(simulation: Simulation) -> None:
        async with SimulatedTransport(simulation, key="k")(chat(stream=True), stream=True) as response:
            simulation.reset()
            await response.read()
        assert simulation.report().requests == 0
        assert (await fetch(simulation, chat()))[0] == 200
        assert (await fetch(simulation, chat()))[0] == 429

    run(story, limits=Limits(rpm=1))


def test_a_long_key_is_not_shown() -> None:
    async def story(simulation: Simulation) -> None:
        await fetch(simulation, chat(), key="sk-0123456789abcdef")
        await fetch(simulation, chat(), key="sk-9876543210abcdef")
        await fetch(simulation, chat(), key="")
        assert set(simulation.report().keys) == {"…cdef", "…cdef#2", "anonymous"}

    run(story)
