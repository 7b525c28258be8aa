"""Ten times as much as there is room for, for two minutes (ten, with `make soak`); and one tenant who sends a
hundred times more."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from crowded import TIERS, Crowd, Paced, Told
from flood import Flood, anybody, p99, settings
from headgate.cli.playing import play
from headgate.config.load import process_environment
from headgate.config.stage import load as stage
from headgate.core.errors import OverLimit, Overloaded
from virtual import clock, run

RPM, KEYS = 120, 2
MINUTES = 10 if process_environment().get("HEADGATE_SOAK") == "1" else 2
ROOM_PER_S = RPM * KEYS / 60
WEIGHT = sum(tier.weight for tier in TIERS.values())


async def sends(crowd: Crowd, tier: str, tenant: str, per_s: float, until: float) -> None:
    """One tenant's requests, at random."""
    chance = Random(f"{tier} {tenant}")
    while clock().now() < until:
        await clock().sleep(chance.expovariate(per_s))
        clock().at(clock().now(), lambda: crowd.begin(tier, tenant))


@pytest.fixture(scope="module")
def flooded() -> Flood:
    async def story() -> Flood:
        flood = Flood(settings(rpm=RPM, keys=KEYS), clock())
        await flood.pour(10 * ROOM_PER_S, MINUTES * 60.0, anybody)
        return flood

    return run(story())


def test_all_the_room_is_used_and_the_provider_never_says_no(flooded: Flood) -> None:
    served = [one for one in flooded.told if one.error is None]
    in_time = sum(one.ended <= MINUTES * 60.0 for one in served)
    assert in_time >= 0.97 * ROOM_PER_S * MINUTES * 60
    report = flooded.gateway.simulations()["north"].report()
    assert all(not key.throttled for key in report.keys.values())


def test_everybody_is_answered_and_a_refusal_comes_at_once_and_names_a_time(flooded: Flood) -> None:
    refused = [one for one in flooded.told if one.error is not None]
    assert len(flooded.told) == pytest.approx(10 * ROOM_PER_S * MINUTES * 60, rel=0.05)
    for one in refused:
        assert isinstance(one.error, OverLimit | Overloaded)
        assert (one.error.retry_after_s or 0.0) >= 1.0
        assert one.ended - one.came <= 0.05


@pytest.mark.parametrize(("tier", "at_most_s"), [("enterprise", 1.0), ("pro", 2.0), ("basic", 5.0)])
def test_who_is_let_in_waits_no_longer_than_promised(flooded: Flood, tier: str, at_most_s: float) -> None:
    waits = [one.waited for one in flooded.of(tier) if one.error is None]
    assert len(waits) > 100
    assert p99(waits) <= at_most_s


def test_every_tier_gets_its_share_and_the_least_of_them_too(flooded: Flood) -> None:
    served = [one for one in flooded.told if one.error is None and one.came > 60.0]
    for name, tier in TIERS.items():
        share = sum(one.tier == name for one in served) / len(served)
        assert share == pytest.approx(tier.weight / WEIGHT, rel=0.25), name


def test_a_tier_whose_share_is_enough_for_it_gets_what_it_asks_for_whatever_the_others_do() -> None:
    """Enterprise asks for 10 of 20 a second, of which 12.5 are its share beside basic and free."""

    async def story() -> list[Told]:
        crowd = Crowd(Paced(gap_s=0.05))
        asks = {"enterprise": 10.0, "basic": 40.0, "free": 40.0}
        await crowd.all(
            sends(crowd, tier, str(n), per_s / 4, 60.0) for tier, per_s in asks.items() for n in range(4)
        )
        return [told for told in crowd.told if told.tier == "enterprise" and told.came > 10.0]

    told = run(story())
    assert sum(one.error is None for one in told) >= 0.97 * len(told)


def test_who_was_let_in_when_it_was_alone_does_not_keep_the_others_out() -> None:
    """A thousand of the lowest tier were told that they would be served in a minute; then the others come,
    and wait no longer than promised."""

    async def story() -> list[Told]:
        crowd = Crowd(Paced(gap_s=0.05))
        for number in range(1000):
            crowd.begin("free", str(number % 50))
        rush = ("enterprise", "pro", "basic")
        await crowd.all(sends(crowd, tier, tier, 20.0, 70.0) for tier in rush)
        return crowd.told

    told = run(story())
    for tier, share in (("enterprise", 10), ("pro", 10), ("basic", 5)):
        served = [one for one in told if one.tier == tier and one.error is None and one.came > 10.0]
        assert len(served) >= 0.9 * 60 * 20 * share / WEIGHT
        assert max(one.waited for one in served) <= (TIERS[tier].max_wait_s or 0.0)


def test_nothing_is_left_behind(flooded: Flood) -> None:
    generation = flooded.gateway._generation
    assert generation.admit.in_flight == generation.strain.bytes == 0
    hall = generation.hall
    assert (hall.waiting, hall.room.size, hall.room.bytes, sum(hall.depth.values())) == (0, 0, 0, 0)


# ── one who sends a hundred times as much ────────────────────────────────────────────────────────────

OTHERS, EACH_PER_S, GAP_S = 19, 1.2, 0.05


def waits_of_the_others(times: int) -> list[float]:
    """Nineteen tenants send 1.2 requests a second each, and one of their tier so many times that; there is
    room for twenty a second: one for each."""

    async def story() -> list[float]:
        crowd = Crowd(Paced(gap_s=GAP_S))
        rates = {str(number): EACH_PER_S for number in range(OTHERS)} | {"greedy": EACH_PER_S * times}
        await crowd.all(sends(crowd, "basic", tenant, per_s, 40.0) for tenant, per_s in rates.items())
        others = [told for told in crowd.told if told.tenant != "greedy" and told.came > 10.0]
        return [told.waited for told in others if told.error is None]

    return run(story())


def test_where_all_want_too_much_who_wants_a_hundred_times_as_much_hardly_moves_the_others_wait() -> None:
    before, after = waits_of_the_others(1), waits_of_the_others(100)
    assert p99(after) <= 1.1 * p99(before)
    assert len(after) >= 0.95 * len(before)


def with_room_for_the_others(load: float, greed: float) -> tuple[list[Told], float]:
    """What twenty tenants were told that ask for so much of the limit together, beside one that asks for
    `greed` times as much as each; and how much of the limit was used."""

    async def story() -> tuple[list[Told], float]:
        flood = Flood(settings(rpm=150, keys=2), clock())
        quiet_per_s, seconds = load * 5.0, 180.0
        greedy_per_s = quiet_per_s / 20 * greed

        def who(chance: Random) -> tuple[str, str]:
            greedy = chance.random() * (quiet_per_s + greedy_per_s) < greedy_per_s
            return "basic", "greedy" if greedy else str(chance.randrange(20))

        await flood.pour(quiet_per_s + greedy_per_s, seconds, who)
        used = sum(one.error is None and one.came > 90.0 for one in flood.told) / (5.0 * (seconds - 90.0))
        return [one for one in flood.told if one.tenant != "greedy" and one.came > 90.0], used

    return run(story())


@pytest.mark.parametrize("load", [0.2, 0.6])
def test_where_there_is_room_for_the_others_they_do_not_notice_who_wants_too_much(load: float) -> None:
    (before, _), (after, used) = with_room_for_the_others(load, 0.0), with_room_for_the_others(load, 100.0)
    assert all(one.error is None for one in before + after)
    assert p99([one.waited for one in after]) <= 1.1 * p99([one.waited for one in before])
    assert used >= 0.85


QUIET = """\
title: Twenty who ask for {load} of the limit together, beside one who sends a hundred times as much as each
duration_s: {end}
warmup_s: 200
gateway:
  providers:
    cloud: {{dialect: simulated, concurrency: 1000, keys: [{{key: a, rpm: 150}}, {{key: b, rpm: 150}}]}}
  models: {{large: {{provider: cloud}}}}
  tiers: {{basic: {{max_wait_s: 5}}}}
callers:
  quiet: {{tier: basic, tenants: 20, poisson_rpm: {quiet}}}
"""
NOISY = "  noisy: {{tier: basic, poisson_rpm: {noisy}}}\n"
END = 1500 if MINUTES == 10 else 500


def p99_of_the_quiet(folder: Path, load: float, seed: int, *, noisy: bool) -> float:
    """Their wait; who was refused counts as having waited for as long as it would have. The same requests at
    the same moments, whether somebody is noisy or not."""
    file = folder / "noisy.yaml"
    text = QUIET + NOISY * noisy
    file.write_text(text.format(load=load, end=END, quiet=load * 300, noisy=load * 1500))
    quiet = play(stage(file, {}), seed=seed).groups["quiet"]
    assert quiet.answered + quiet.refused == quiet.asked
    return 5.0 if quiet.refused > 0.01 * quiet.asked else quiet.wait_s.p99


@pytest.mark.parametrize("load", [0.8, 0.85, 0.9] if MINUTES == 10 else [0.85])
def test_where_the_others_alone_nearly_fill_the_limit_they_do_not_notice_it_either(
    load: float, tmp_path: Path
) -> None:
    for seed in (1, 2) if MINUTES == 10 else (2,):
        before, after = (p99_of_the_quiet(tmp_path, load, seed, noisy=noisy) for noisy in (False, True))
        print(f"{load:.0%} of the limit: p99 {before:.2f} s alone, {after:.2f} s beside a noisy one")
        assert after <= 1.1 * before
