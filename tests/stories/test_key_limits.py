"""Keys used to their limits, and not over them, at a provider that counts strictly."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType
from typing import Any

import pytest

from headgate.config.tree import Settings
from headgate.providers.simulated import Limits
from staged import (
    Stage,
    Told,
    Traffic,
    play,
    play_cancelled_everywhere,
    simulated,
    two_neighbours,
)
from virtual import clock

ALONE = "anonymous"
"""The provider's name for our key, where there is only one."""

EMPTY: Mapping[float, Callable[[Stage], None]] = MappingProxyType({})


def pool(*keys: dict[str, int], **more: Any) -> dict[str, Any]:
    """One model, one provider, as many keys as given; the provider is as strict as the keys say."""
    settings = two_neighbours()
    strict = {"latency_s": 0.5, "jitter": 0.5, "tokens_per_s": 50.0, **keys[0], **more.pop("simulated", {})}
    named = [{"key": f"key-{number}", **key} for number, key in enumerate(keys)]
    settings["providers"]["north"] = simulated(keys=named, concurrency=500, simulated=strict, **more)
    settings["routes"]["auto"] = {"use": ["a"]}
    settings["queue"] = {"max_wait_s": 5.0}
    return settings


def pressed(per_s: float, seconds: float, *, at: Mapping[float, Callable[[Stage], None]] = EMPTY) -> Traffic:
    """So many requests a second, evenly, for so long; at given moments something happens."""

    async def traffic(stage: Stage) -> None:
        begin, due = clock().now(), dict(at)
        stage.seen["begin"] = begin
        tasks: list[asyncio.Task[Told]] = []
        while (elapsed := clock().now() - begin) < seconds:
            for moment in [moment for moment in due if moment <= elapsed]:
                due.pop(moment)(stage)
            tasks.append(asyncio.ensure_future(stage.ask()))
            await stage.until(begin + len(tasks) / per_s)
        stage.seen["granted"] = [granted(stage, begin + 60.0 * minute) for minute in range(int(seconds / 60))]
        await asyncio.wait(tasks)

    return traffic


def granted(stage: Stage, since: float) -> Counter[str]:
    """What the provider granted each key in a minute."""
    visits = stage.provider("north").report().closed + stage.provider("north").report().open
    return Counter(
        visit.key
        for visit in visits
        if visit.ended != "throttled" and since <= visit.opened_at < since + 60.0
    )


def refusals(stage: Stage) -> dict[str, int]:
    return {key: report.throttled for key, report in stage.provider("north").report().keys.items()}


@pytest.mark.parametrize("pick", ["headroom", "round_robin", "least_used"])
def test_three_times_the_limit_for_three_minutes_uses_all_of_it_and_draws_no_refusal(pick: str) -> None:
    stage = play(
        pool({"rpm": 20, "burst": 5}, {"rpm": 20, "burst": 5}, {"rpm": 20}, pick=pick), pressed(3.0, 180)
    )
    assert set(refusals(stage).values()) == {0}
    for minute in stage.seen["granted"]:
        assert all(count >= 0.97 * 20 for count in minute.values()), minute


def cut(limits: Limits) -> Callable[[Stage], None]:
    """The provider changes its mind, and tells nobody but in the headers of its answers."""
    return lambda stage: stage.provider("north").limit(limits)


@pytest.mark.parametrize("latency_s", [0.05, 3.0])
def test_a_limit_cut_by_half_costs_one_refusal_a_key_and_is_used_to_the_full_a_minute_later(
    latency_s: float,
) -> None:
    settings = pool({"rpm": 30}, {"rpm": 30}, simulated={"latency_s": latency_s})
    changes = {90.0: cut(Limits(rpm=15)), 240.0: cut(Limits(rpm=30))}
    stage = play(settings, pressed(3.0, 360, at=changes))
    assert all(count <= 1 for count in refusals(stage).values()), refusals(stage)
    since = stage.seen["begin"]
    for begin, limit in ((150.0, 15), (180.0, 15), (300.0, 30)):
        for key, count in granted(stage, since + begin).items():
            assert count >= 0.95 * limit, (key, begin)


def test_a_limit_cut_while_nobody_asks_costs_one_refusal_however_many_then_come() -> None:
    async def traffic(stage: Stage) -> None:
        await asyncio.gather(*(stage.ask() for _ in range(20)))
        stage.provider("north").limit(Limits(rpm=10))
        await stage.until(61.5)
        await asyncio.gather(*(stage.ask() for _ in range(20)))

    stage = play(pool({"rpm": 20}), traffic)
    assert refusals(stage)[ALONE] <= 1


def test_limits_that_nobody_configured_are_learnt_from_the_provider() -> None:
    stage = play(pool({}, simulated={"rpm": 20}), pressed(1.0, 180))
    assert refusals(stage) == {ALONE: 0}
    assert all(minute[ALONE] >= 19 for minute in stage.seen["granted"])


def test_who_else_uses_a_key_is_noticed_and_given_way_to() -> None:
    def takes_half(stage: Stage) -> None:
        simulation = stage.provider("north")
        for _ in range(10):
            visit = simulation.arrive("", "x")
            simulation.admit(visit, "", 10)
            simulation.close(visit, "served")

    stage = play(pool({"rpm": 20}), pressed(1.0, 180, at={5.0: takes_half, 100.0: takes_half}))
    assert refusals(stage)[ALONE] <= 2


WORDS = ("bridges", "the history of tunnels in the Alps", "why rivers freeze, step by step, in Python code")


async def ask_about(stage: Stage, turn: int) -> None:
    """Questions of many lengths, whose answers have many lengths."""
    text = WORDS[turn % 3] + " and trains" * (turn * 7919 % 40)
    await stage.ask(messages=[{"role": "user", "content": text}])


@pytest.mark.parametrize("output_tokens", [None, 300])
def test_tokens_are_used_to_the_limit_and_not_over_it(output_tokens: int | None) -> None:
    tpm, minutes, per_s = 6_000, 5, 1.5

    async def traffic(stage: Stage) -> None:
        begin = clock().now()
        tasks = []
        for turn in range(int(minutes * 60 * per_s)):
            tasks.append(asyncio.ensure_future(ask_about(stage, turn)))
            await stage.until(begin + turn / per_s)
        stage.seen["granted"] = stage.provider("north").report().keys[ALONE].granted_tokens
        await asyncio.wait(tasks)

    quick = {"tpm": tpm, "output_tokens": output_tokens, "tokens_per_s": 200.0}
    stage = play(pool({"tpm": tpm}, simulated=quick), traffic)
    assert refusals(stage) == {ALONE: 0}
    assert stage.seen["granted"] >= 0.97 * minutes * tpm


def test_below_the_limit_hardly_anything_falls_back_for_want_of_pace() -> None:
    """Requests at random, for four fifths of a limit, with a neighbour that serves what has to wait."""
    settings = pool({"rpm": 120}, {"rpm": 120})
    settings["routes"]["auto"] = {"use": ["a", "b"]}

    async def traffic(stage: Stage) -> None:
        chance, tasks = Random(1), []
        while clock().now() < 240.0:
            tasks.append(asyncio.ensure_future(stage.ask()))
            await clock().sleep(chance.expovariate(0.8 * 4.0))
        await asyncio.wait(tasks)

    stage = play(settings, traffic)
    fell = sum(told.instead_of is not None for told in stage.told)
    assert fell <= 0.03 * len(stage.told)


def test_what_was_used_is_remembered_over_a_reload() -> None:
    async def traffic(stage: Stage) -> None:
        await asyncio.gather(*(stage.ask() for _ in range(20)))
        changed = pool({"rpm": 20, "tpm": 1_000_000}, simulated={"rpm": 20}, pick="round_robin")
        stage.seen["generation"] = stage.gateway.reload(Settings.model_validate(changed))
        await asyncio.gather(*(stage.ask(deadline_s=3.0) for _ in range(20)))
        stage.seen["refused"] = sum(told.error is not None for told in stage.told)

    stage = play(pool({"rpm": 20}, shape="burst"), traffic)
    assert stage.seen == {"generation": 2, "refused": 20}
    assert refusals(stage) == {ALONE: 0}


def test_cancelled_at_every_turn_nothing_stays_reserved() -> None:
    async def traffic(stage: Stage) -> None:
        await asyncio.gather(*(stage.ask() for _ in range(3)))

    settings = pool({"rpm": 2, "tpm": 100_000}, simulated={"tpm": 100_000})
    assert play_cancelled_everywhere(settings, traffic, at_most=20) > 5
