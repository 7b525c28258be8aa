"""Every fault of the simulated provider, as its in-process transport shows it."""

from __future__ import annotations

import asyncio
import json

import pytest

from headgate.core.errors import UpstreamUnavailable
from headgate.providers.simulated import Limits, Scheduled, SimulatedTransport, Simulation
from simulating import chat, chunks, drain, fetch, run


@pytest.mark.parametrize("stream", [True, False])
def test_a_refused_connection(stream: bool) -> None:
    async def story(simulation: Simulation) -> None:
        with pytest.raises(UpstreamUnavailable):
            await chunks(simulation, chat("fault-refuse", stream=stream))

    run(story)


@pytest.mark.parametrize("stream", [True, False])
def test_a_provider_that_hangs_lets_go_when_the_client_leaves(stream: bool) -> None:
    async def story(simulation: Simulation) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await chunks(simulation, chat("fault-hang", stream=stream))
        assert simulation.clock.now() == 60
        (visit,) = simulation.report().closed
        assert (visit.ended, visit.fault, visit.closed_at) == ("client_gone", "hang", 60)

    run(story)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("422", 422, None),
        ("401", 401, "invalid_api_key"),
        ("bad-key", 401, "invalid_api_key"),
        ("quota", 429, "insufficient_quota"),
        ("context", 400, "context_length_exceeded"),
        ("404", 404, "model_not_found"),
        ("status:503", 503, None),
    ],
)
def test_a_status(fault: str, status: int, code: str | None) -> None:
    async def story(simulation: Simulation) -> None:
        found, document = await fetch(simulation, chat(fault=fault))
        assert found == status
        assert document["error"]["code"] == code
        assert simulation.report().faulted == 1

    run(story)


def test_a_429_on_demand_says_when_to_return() -> None:
    async def story(simulation: Simulation) -> None:
        async with SimulatedTransport(simulation)(chat("gpt-4o-fault-429-7"), stream=False) as response:
            assert response.status == 429
            assert response.header("retry-after") == "7"
        assert simulation.report().throttled == 0

    run(story)


@pytest.mark.parametrize("fault", ["garbage", "garbage-json", "garbage-sse", "empty"])
def test_nonsense_comes_with_a_200(fault: str) -> None:
    async def story(simulation: Simulation) -> None:
        async with SimulatedTransport(simulation)(chat(fault=fault, stream=True), stream=True) as response:
            body = await response.read()
            assert response.status == 200
            assert response.header("content-length") == str(len(body))
            assert b"choices" not in body
            assert (body == b"") == (fault == "empty")

    run(story)


@pytest.mark.parametrize(("fault", "events"), [("cut-head", 0), ("cut-mid:4", 4), ("cut-mid:999", None)])
def test_a_stream_is_cut(fault: str, events: int | None) -> None:
    async def story(simulation: Simulation) -> None:
        found: list[bytes] = []
        async with SimulatedTransport(simulation)(chat(fault=fault, stream=True), stream=True) as response:
            with pytest.raises(UpstreamUnavailable):
                await drain(response, found)
        assert events is None or len(found) == events
        assert b"[DONE]" not in b"".join(found)
        (visit,) = simulation.report().closed
        assert visit.ended == "faulted"

    run(story)


def test_a_stream_is_cut_within_an_event() -> None:
    async def story(simulation: Simulation) -> None:
        found: list[bytes] = []
        async with SimulatedTransport(simulation)(
            chat(fault="cut-mid-json:2", stream=True), stream=True
        ) as response:
            with pytest.raises(UpstreamUnavailable):
                await drain(response, found)
        assert len(found) == 3
        assert not found[-1].endswith(b"\n\n")

    run(story)


@pytest.mark.parametrize("fault", ["cut-mid", "cut-mid-json", "cut-head"])
def test_a_document_breaks_off_below_its_length(fault: str) -> None:
    async def story(simulation: Simulation) -> None:
        transport = SimulatedTransport(simulation)
        async with transport(chat(fault=fault), stream=True) as response:
            assert int(response.header("content-length") or 0) > 100
            with pytest.raises(UpstreamUnavailable):
                await response.read()
        with pytest.raises(UpstreamUnavailable):
            await fetch(simulation, chat(fault=fault))

    run(story)


def test_an_error_comes_in_the_stream() -> None:
    async def story(simulation: Simulation) -> None:
        found = [chunk for _, chunk in await chunks(simulation, chat(fault="error-event:2", stream=True))]
        assert len(found) == 3
        assert "error" in json.loads(found[-1].removeprefix(b"data: "))
        assert (await fetch(simulation, chat(fault="error-event")))[0] == 500
        assert [visit.ended for visit in simulation.report().closed] == ["faulted", "faulted"]

    run(story)


def test_a_stream_falls_silent() -> None:
    async def story(simulation: Simulation) -> None:
        found: list[bytes] = []
        async with SimulatedTransport(simulation)(
            chat(fault="stall-mid:2", stream=True), stream=True
        ) as response:
            with pytest.raises(TimeoutError):
                await drain(response, found, within_s=30)
        assert len(found) == 2

    run(story)


def test_slow_is_slow() -> None:
    async def story(simulation: Simulation) -> None:
        await chunks(simulation, chat(fault="slow:0.5", stream=True))
        assert simulation.clock.now() == pytest.approx(20.0)
        assert simulation.report().served == 1

    run(story, output_tokens=10)


@pytest.mark.parametrize("stream", [True, False])
def test_late_is_late(stream: bool) -> None:
    async def story(simulation: Simulation) -> None:
        await chunks(simulation, chat(fault="late:3", stream=stream))
        assert simulation.clock.now() == pytest.approx(3.0 + simulation.settings.latency_s, abs=0.5)
        assert simulation.report().served == 1

    run(story, output_tokens=1, tokens_per_s=0)


def test_faults_follow_the_timetable() -> None:
    async def story(simulation: Simulation) -> None:
        statuses = []
        for _ in range(4):
            statuses.append((await fetch(simulation, chat()))[0])
            await simulation.clock.sleep(10)
        assert statuses == [200, 503, 429, 200]
        simulation.schedule(
            (Scheduled(fault="500", to_s=5, model="m"), Scheduled(fault="501", key="k", to_s=5))
        )
        assert (await fetch(simulation, chat()))[0] == 500
        assert (await fetch(simulation, chat("other")))[0] == 501
        assert (await fetch(simulation, chat("other"), key="other"))[0] == 200
        await simulation.clock.sleep(5)
        assert (await fetch(simulation, chat()))[0] == 200

    schedule = (Scheduled(fault="503", from_s=10, to_s=20), Scheduled(fault="429:3", from_s=20, to_s=30))
    run(story, faults=schedule)


def test_a_share_of_the_requests_fails() -> None:
    async def story(simulation: Simulation) -> None:
        statuses = [(await fetch(simulation, chat(prompt="x")))[0] for _ in range(500)]
        assert 100 < statuses.count(503) < 200

    run(story, faults=(Scheduled(fault="503", share=0.3),))


def test_early_faults_cost_the_key_nothing() -> None:
    async def story(simulation: Simulation) -> None:
        for _ in range(5):
            assert (await fetch(simulation, chat(fault="503")))[0] == 503
        assert (await fetch(simulation, chat()))[0] == 200

    run(story, limits=Limits(rpm=1))
