"""Fleets in the whole stack: the secondary takes what is over, the backup serves in an outage of both."""

from __future__ import annotations

import asyncio
from typing import Any

from headgate.core.fleet import Fleet
from staged import NO_REUSE, Stage, Told, play, play_cancelled_everywhere, simulated
from virtual import clock

RPM = 60


def three_fleets(**more: Any) -> dict[str, Any]:
    """Model `a` in the primary, `b` in the secondary, `c` in the backup, with 60 requests a minute each."""
    keys = [{"key": "key", "rpm": RPM}]
    return {
        "server": {"auth": "off", "log": "off"},
        "providers": {
            "north": simulated(keys=keys, concurrency=100, fleet="primary"),
            "south": simulated(keys=keys, concurrency=100, fleet="secondary"),
            "east": simulated(keys=keys, concurrency=100, fleet="backup"),
        },
        "models": {"a": {"provider": "north"}, "b": {"provider": "south"}, "c": {"provider": "east"}},
        "routes": {"auto": {"use": ["a", "b", "c"]}},
        "fleets": {"open_at": 0.8, "close_at": 0.6, "hold_s": 30.0},
        "queue": {"max_wait_s": 5.0},
        **NO_REUSE,
        "breaker": {"failures": 3, "recovery_s": 60.0},
        **more,
    }


async def pressed(stage: Stage, rpm: float, seconds: float) -> list[Told]:
    """So many requests a minute, evenly, for so long; what came of them."""
    begin, tasks = clock().now(), []
    while clock().now() - begin < seconds:
        tasks.append(asyncio.ensure_future(stage.ask()))
        await stage.until(begin + len(tasks) * 60.0 / rpm)
    return list(await asyncio.gather(*tasks))


def served(told: list[Told]) -> dict[str | None, int]:
    return {
        model: sum(one.model == model for one in told) for model in sorted({one.model or "" for one in told})
    }


def test_the_secondary_takes_what_is_over_four_fifths_and_closes_when_it_is_quiet() -> None:
    async def traffic(stage: Stage) -> None:
        stage.seen["quiet"] = served(await pressed(stage, 40, 120))
        stage.seen["busy"] = served(await pressed(stage, 90, 180))
        stage.seen["opened"] = list(stage.notes.fleets)
        stage.gateway.show_health()
        stage.seen["gauges"] = {
            key[1]: value for key, value in stage.gateway.tally.gauges.items() if key[0] == "fleet_open"
        }
        [stage.seen["health"]] = stage.gateway.house.front.health()["fleets"]
        stage.seen["again"] = served(await pressed(stage, 20, 180))

    stage = play(three_fleets(), traffic)
    assert stage.seen["quiet"] == {"a": 80}
    busy = stage.seen["busy"]
    assert set(busy) == {"a", "b"}
    assert sum(busy.values()) == 270
    assert 40 * 3 <= busy["a"] <= 52 * 3  # four fifths of 60 a minute
    assert stage.seen["gauges"] == {"primary": 1.0, "secondary": 1.0, "backup": 0.0}
    assert stage.seen["health"]["open"] == ["primary", "secondary"]
    assert [move[:2] for move in stage.seen["opened"]] == [(Fleet.SECONDARY, True)]
    assert stage.seen["again"]["a"] >= 58
    assert [move[:2] for move in stage.notes.fleets] == [(Fleet.SECONDARY, True), (Fleet.SECONDARY, False)]
    assert not [told for told in stage.told if told.error]


def test_when_both_are_full_requests_wait_for_them_and_the_backup_is_left_alone() -> None:
    async def traffic(stage: Stage) -> None:
        await pressed(stage, 300, 180)
        stage.seen["backup"] = stage.visits("east")
        reports = [stage.provider(name).report().keys["anonymous"] for name in ("north", "south")]
        stage.seen["fullest"] = [report.worst["requests_in_60_s"] for report in reports]

    stage = play(three_fleets(), traffic)
    assert stage.seen["backup"] == 0
    assert stage.seen["fullest"] == [RPM, RPM]


def outage(stage: Stage) -> None:
    stage.befalls("north", "status:503")
    stage.befalls("south", "refuse")


async def dark(stage: Stage) -> None:
    """Both fail for two minutes, then are well again."""
    await stage.ask_all(3, gap_s=2.0)
    outage(stage)
    await stage.ask_all(20, gap_s=6.0)
    stage.seen["moves"] = [move[:2] for move in stage.notes.fleets]
    stage.befalls("north", None)
    stage.befalls("south", None)
    await stage.ask_all(40, gap_s=6.0)


def test_an_outage_of_both_is_the_backups_and_nobody_notices() -> None:
    stage = play(three_fleets(), dark)
    assert not [told for told in stage.told if told.error]
    assert [told.model for told in stage.told][:3] == ["a"] * 3
    assert {told.model for told in stage.told[3:23]} == {"c"}
    assert stage.seen["moves"] == [(Fleet.SECONDARY, True), (Fleet.BACKUP, True)]
    assert {told.model for told in stage.told[-20:]} == {"a"}
    assert [move[:2] for move in stage.notes.fleets[-2:]] == [(Fleet.SECONDARY, False), (Fleet.BACKUP, False)]


def test_cancelled_at_every_turn() -> None:
    async def traffic(stage: Stage) -> None:
        outage(stage)
        await stage.ask_all(2, gap_s=1.0)

    assert play_cancelled_everywhere(three_fleets(), traffic) > 5
