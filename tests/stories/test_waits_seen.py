"""Who waits is told so, and so is who watches; nobody looks again and again meanwhile; and what the house
lets in follows how late its loop is."""

from __future__ import annotations

import asyncio
import gc
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest

from asgi import CHAT, HI, Heard, ask, gateway
from crowded import Crowd, Paced
from flood import Flood, settings
from headgate.adapters.virtual import VirtualClock
from headgate.assemble.ring import REMIND_S, KeyRing
from headgate.config.tree import Settings
from headgate.core.call import Call
from headgate.core.keyring import Notice
from headgate.core.strain import EBB, FLOOD, IN_A_ROW, LATE_S, STEPS, TICK_S
from virtual import clock, run

ONE_AT_A_TIME = {
    "providers": {
        "p": {"dialect": "simulated", "concurrency": 1, "simulated": {"latency_s": 2.0, "tokens_per_s": 0}}
    },
    "models": {"m": {"provider": "p"}},
}
ALONE = {"cache": {"exact": {"ttl_s": 0}}, "coalesce": {"window_s": 0}}
"""Nothing is used again."""


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("reuse", [ALONE, {}], ids=["alone", "as it comes"])
def test_place_and_estimate_stand_in_server_timing_and_in_the_metadata(
    stream: bool, reuse: dict[str, Any]
) -> None:
    async def main() -> tuple[Heard, Heard, Mapping[str, Any], dict[tuple[str, ...], float]]:
        house = gateway(**ONE_AT_A_TIME, **reuse)
        app = house.endpoints()[CHAT]
        bodies = [{"model": "m", "messages": HI, "stream": stream, "seed": one} for one in range(3)]
        await ask(app, CHAT, bodies[0])  # how long one takes
        first = asyncio.ensure_future(ask(app, CHAT, bodies[1]))
        await clock().sleep(0.5)
        second = asyncio.ensure_future(ask(app, CHAT, bodies[2]))
        await clock().sleep(0.5)
        house.show_health()
        seen = house.house.front.health(), dict(house.tally.gauges)
        return await first, await second, *seen

    first, second, health, gauges = run(main())
    assert "queue" not in first.headers["server-timing"]
    assert "queue_s" not in first.headers["x-routing-metadata"]
    told = json.loads(second.headers["x-routing-metadata"])
    assert told["queue_place"] == 1
    assert told["queue_s"] == pytest.approx(1.5, abs=0.01)
    assert told["queue_estimate_s"] == pytest.approx(1.5, abs=0.6)
    found = re.search(r'queue;dur=([\d.]+);desc="place 1, (\d+) ms', second.headers["server-timing"])
    assert found
    assert [float(one) / 1e3 for one in found.groups()] == pytest.approx(
        [told["queue_s"], told["queue_estimate_s"]], abs=0.001
    )
    [(queue, count)] = health["waiting"].items()
    assert (count, gauges["queue_depth", queue], gauges["in_flight",]) == (1, 1.0, 2.0)


def test_nobody_looks_whether_there_is_room_until_there_is() -> None:
    class Asked(Paced):
        asked = 0

        def ready(self, call: Call | None = None) -> bool:
            self.asked += 1
            return super().ready(call)

    async def story() -> None:
        up = Asked(gap_s=25.0)
        crowd = Crowd(up)
        await crowd.ask()
        waiting = asyncio.ensure_future(crowd.ask())
        await clock().sleep(0.1)
        before = up.asked
        await clock().sleep(24.0)
        assert not waiting.done()
        assert up.asked <= before + 3, "when its turn should have come, and no more"
        assert (await waiting).waited == pytest.approx(25.0, abs=0.01)

    run(story())


class Tardy(VirtualClock):
    """The clock of a loop that comes `late_s` late to what is due."""

    late_s = 0.0

    def at(self, when: float, action: Callable[[], None]) -> asyncio.TimerHandle:
        return super().at(when + self.late_s, action)


def test_the_gateway_lets_in_less_while_its_loop_is_late_and_all_again_when_it_is_not() -> None:
    async def story() -> list[int]:
        late = Tardy(asyncio.get_running_loop())  # type: ignore[arg-type]  # it is a virtual one
        house = Flood(settings(rpm=60, keys=1), late).gateway
        house.feel()
        await late.sleep(1.0)
        limits = [house._generation.strain.limit]
        late.late_s = 2 * LATE_S
        await late.sleep((IN_A_ROW + 2) * (TICK_S + late.late_s))
        limits.append(house._generation.strain.limit)
        late.late_s = 0.0
        await late.sleep((STEPS + 2) * TICK_S)
        return [*limits, house._generation.strain.limit]

    before, under_strain, after = run(story())
    assert before == after == 100_000
    assert under_strain < 100


def test_when_a_flood_has_gone_the_gateway_looks_through_its_memory_once() -> None:
    whole: list[int] = []

    def collected(phase: str, info: Mapping[str, int]) -> None:
        if phase == "stop" and info["generation"] == 2:
            whole.append(1)

    async def story() -> None:
        flood = Flood(settings(rpm=60, keys=1), clock())
        flood.gateway.feel()
        places = flood.gateway._generation.admit._permits
        gc.disable()  # but for what is asked for
        gc.callbacks.append(collected)
        for in_flight, looks in ((FLOOD, 0), (FLOOD // 2, 0), (FLOOD // EBB, 1), (0, 1)):
            places.free = places.size - in_flight
            await clock().sleep(3 * TICK_S)
            assert len(whole) == looks

    try:
        run(story())
    finally:
        gc.callbacks.remove(collected)
        gc.enable()


class Said:
    """`ports.Notices` in memory, of which nobody else speaks."""

    def __init__(self) -> None:
        self.notices: dict[str, Notice] = {}

    async def all(self) -> Mapping[str, Notice]:
        return dict(self.notices)

    async def post(self, fingerprint: str, notice: Notice) -> None:
        self.notices[fingerprint] = self.notices.get(fingerprint, Notice()).merged(notice)

    async def changes(self) -> AsyncIterator[None]:
        while True:
            yield
            await clock().sleep(3600.0)

    async def close(self) -> None:
        pass


def test_who_should_rotate_a_key_is_reminded_once_a_day(caplog: pytest.LogCaptureFixture) -> None:
    key = {"key": "provider-key", "name": "main", "rotate_every_days": 2.5}
    raw = {"providers": {"p": {"dialect": "openai", "keys": [key, "another-key"]}}, "models": {}}
    caplog.set_level("WARNING", logger="headgate.events")

    async def story() -> None:
        said, wanted = Said(), Settings.model_validate({"server": {"auth": "off"}, **raw})
        ring = KeyRing(clock(), [said])
        following = asyncio.ensure_future(ring.follow(lambda: None, lambda: wanted))
        await clock().sleep(2.9 * REMIND_S)
        assert caplog.messages == []
        await clock().sleep(2.0 * REMIND_S)
        assert caplog.messages == ["key_rotation_due"] * 2
        assert all(vars(one)["fields"] == {"provider": "p", "key": "main"} for one in caplog.records)
        following.cancel()
        await asyncio.wait({following})

    run(story())
