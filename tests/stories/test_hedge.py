"""A provider with a slow tail: the neighbour serves, the tail goes, and what that costs is in the books."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from headgate.core.call import Outcome
from headgate.core.entry import Flag, entry
from headgate.core.hedging import Bet
from headgate.providers.simulated import Scheduled
from jobbing import house as jobbing
from staged import Stage, play, play_cancelled_everywhere, simulated, two_neighbours
from virtual import clock, run

PRICE = {"input": 1.0, "output": 2.0}
FIXED = {"after_s": 0.5, "max_share": 1.0}


def house(on_route: dict[str, Any] | None, *, keys: int = 0, **more: Any) -> dict[str, Any]:
    models = {name: {"provider": where, "price": PRICE} for name, where in (("a", "north"), ("b", "south"))}
    north = {"keys": [f"key-{number}" for number in range(keys)]} if keys else {}
    return two_neighbours(
        **{
            "providers": {"north": simulated(**north), "south": simulated()},
            "models": models,
            "routes": {"auto": {"use": ["a", "b"], **({} if on_route is None else {"hedge": on_route})}},
            **more,
        }
    )


def hangs(stage: Stage, share: float, key: str | None = None) -> None:
    stage.provider("north").schedule([Scheduled(fault="hang", share=share, key=key)])


async def one_slow(stage: Stage) -> None:
    hangs(stage, 1.0)
    await stage.ask()
    await stage.ask(stream=False)
    stage.seen["visits"] = (stage.visits("north"), stage.visits("south"))
    stage.seen["at"] = clock().now()


@pytest.mark.parametrize("section", ["route", "all"])
def test_where_the_first_is_silent_the_neighbour_serves(section: str) -> None:
    settings = house(FIXED) if section == "route" else house(None, hedge=FIXED)
    stage = play(settings, one_slow)
    assert [(told.model, told.attempts, told.whole) for told in stage.told] == [("b", 2, True)] * 2
    assert stage.seen["visits"] == (2, 2)
    assert stage.outcomes == [Outcome.FINISHED] * 2
    [streamed, whole] = stage.told
    assert streamed.took_s == pytest.approx(1.1)
    assert whole.took_s == pytest.approx(1.1)
    breaker = stage.breaker("a")
    assert (breaker.breaker.failures, breaker.condition()["availability"]) == (0, 1.0)  # it proved nothing
    counters = dict(stage.gateway.tally.snapshot().counters)
    assert counters["hedges_total", "a", "b", "won"] == 2


def test_what_it_costs_is_the_same_in_the_reply_the_row_and_the_metrics() -> None:
    stage = play(house(FIXED), one_slow)
    for record in stage.records:
        assert record.reply is not None
        own, [aside] = record.reply.own_nano(), record.reply.discarded
        row = entry(record, 1e9)
        [other] = row.others
        assert own
        assert (other.model, other.error, other.flags) == ("a", "", Flag.HEDGE | Flag.ESTIMATED)
        assert other.cost_nano == aside.cost_nano == (other.input + 2 * other.output) * 1000
        assert record.cost_nano == own + other.cost_nano == row.cost_nano + other.cost_nano
        assert (row.attempts, other.input > 0) == (2, True)
    streamed, whole = (record.reply.discarded[0].usage for record in stage.records if record.reply)
    assert streamed.output < whole.output  # a stream had hardly begun when the other was let go of
    counters = dict(stage.gateway.tally.snapshot().counters)
    nano = sum(record.reply.discarded[0].cost_nano or 0 for record in stage.records if record.reply)
    assert counters["cost_usd_total", "a"] == pytest.approx(nano / 1e9)


def test_another_key_of_the_same_model_comes_first() -> None:
    async def traffic(stage: Stage) -> None:
        hangs(stage, 1.0, key="1")
        for _ in range(8):
            await stage.ask("a")

    stage = play(house(None, keys=2, hedge=FIXED), traffic)
    assert {told.model for told in stage.told} == {"a"}
    assert {record.reply.source.key for record in stage.records if record.reply} == {"2"}
    assert stage.notes.hedges
    assert all(told.took_s < 1.2 for told in stage.told)


def test_what_has_no_route_that_hedges_is_as_ever() -> None:
    async def traffic(stage: Stage) -> None:
        hangs(stage, 1.0)
        await stage.ask("a", deadline_s=3.0)

    stage = play(house(FIXED), traffic)
    assert (stage.outcomes, stage.notes.hedges) == ([Outcome.DEADLINE], [])


def test_a_key_keeps_what_the_slower_call_may_have_taken_and_the_permit_comes_back() -> None:
    async def traffic(stage: Stage) -> None:
        hangs(stage, 1.0)
        await stage.ask()
        [upstream] = stage.upstreams("a")
        stage.seen["flying"] = upstream.condition()["in_flight"]
        stage.seen["used"] = upstream.condition()["limits"]

    north = simulated(keys=[{"key": "k", "rpm": 100, "tpm": 100_000}])
    stage = play(house(FIXED, providers={"north": north, "south": simulated()}), traffic)
    assert stage.seen["flying"] == 0
    assert stage.seen["used"]["requests"]["used"] >= 1


def test_where_it_would_use_up_what_the_key_allows_none_is_made() -> None:
    async def traffic(stage: Stage) -> None:
        hangs(stage, 0.0)
        for _ in range(3):
            await stage.ask("b")
        hangs(stage, 1.0)
        await stage.ask()

    south = simulated(keys=[{"key": "k", "rpm": 4}])
    stage = play(house(FIXED, providers={"north": simulated(), "south": south}), traffic)
    assert stage.notes.hedges == []
    assert stage.told[-1].took_s > 5.0


def test_who_share_a_call_have_one_hedge_together() -> None:
    async def traffic(stage: Stage) -> None:
        hangs(stage, 1.0)
        await asyncio.gather(*(stage.ask() for _ in range(5)))
        stage.seen["visits"] = (stage.visits("north"), stage.visits("south"))

    stage = play(house(FIXED, coalesce={"window_s": 5}), traffic)
    assert stage.seen["visits"] == (1, 1)
    assert [bet for *_, bet in stage.notes.hedges] == [Bet.WON]
    paid = [record for record in stage.records if record.reply and record.reply.own_nano()]
    assert sum(len(record.discarded) for record in stage.records) == len(paid[0].discarded) == 1


def test_while_others_wait_for_the_neighbour_none_is_made() -> None:
    async def traffic(stage: Stage) -> None:
        hangs(stage, 1.0)
        waiting = asyncio.gather(*(stage.ask("b") for _ in range(6)))
        await stage.ask(deadline_s=4.0)
        await waiting

    south = simulated(concurrency=1, simulated={"latency_s": 1.5})
    stage = play(house(FIXED, providers={"north": simulated(), "south": south}), traffic)
    assert stage.notes.hedges == []


def test_an_answer_from_another_model_of_a_cascade_is_paid_for_with_all_that_was_asked() -> None:
    """The weak model's answer is doubtful; before that it was silent under one of its keys."""

    async def traffic(stage: Stage) -> None:
        hangs(stage, 1.0, key="1")
        for _ in range(4):
            await stage.ask()

    settings = house({**FIXED, "at": "key"}, keys=2, retry={"attempts": 4})
    settings["routes"]["auto"]["cascade"] = {"weak": "a", "strong": "b"}
    stage = play(settings, traffic)
    both = [record for record in stage.records if len(record.discarded) == 2]
    assert both
    for record in both:
        assert record.reply is not None
        slow, weak = record.discarded
        assert (slow.hedge, weak.hedge, record.reply.source.model_id) == (True, False, "b")
        assert record.cost_nano == sum(one.cost_nano or 0 for one in record.discarded) + (
            record.reply.own_nano() or 0
        )


def test_nobody_waits_for_a_job_and_so_it_has_no_hedge() -> None:
    async def story() -> None:
        routes = {"auto": {"use": ["a", "b"]}}
        async with jobbing(routes=routes, hedge={"after_s": 0.05, "max_share": 1.0}) as here:
            assert (await here.ask()).status == 200
            assert len(here.notes.hedges) == 1
            heard = await here.ask(headers=[("prefer", "respond-async, wait=0")])
            assert heard.status == 202
            assert (await here.until_over(heard.document["id"]))["status"] == "succeeded"
            assert len(here.notes.hedges) == 1

    run(story())


# ── the tail ──


def tail(stage: Stage) -> dict[str, float]:
    """Percentiles of the time to the first byte, in seconds."""
    times = sorted(record.first_byte_s or 1e9 for record in stage.records)
    return {
        "p50": times[len(times) // 2],
        "p95": times[len(times) * 95 // 100],
        "p99": times[len(times) * 99 // 100],
    }


async def slow_now_and_then(stage: Stage) -> None:
    """Three of a hundred requests to `a` never begin."""
    for number in range(2000):
        if number % 200 == 0:
            hangs(stage, 0.03)
        await stage.ask(stream=True)


def test_a_slow_tail_goes_and_the_share_is_kept() -> None:
    slow = simulated(simulated={"latency_s": 0.4, "jitter": 0.5})
    providers = {"north": slow, "south": slow}
    before = tail(play(house(None, providers=providers), slow_now_and_then))
    stage = play(house({}, providers=providers), slow_now_and_then)
    after, hedges = tail(stage), len(stage.notes.hedges)
    won = sum(bet is Bet.WON for *_, bet in stage.notes.hedges)
    print(f"without {before}, with {after}; {hedges} hedges, of which {won} won")
    assert before["p99"] > 5.0  # patience with the first, and then the second
    assert after["p99"] < 1.4
    assert after["p50"] == pytest.approx(before["p50"], rel=0.05)
    assert hedges <= 0.05 * 2000
    assert set(stage.outcomes) == {Outcome.FINISHED}


def test_cancelled_anywhere_it_leaves_nothing_behind() -> None:
    async def all_ways(stage: Stage) -> None:
        await one_slow(stage)
        stage.provider("south").schedule([Scheduled(fault="status:503")])
        await stage.ask(deadline_s=3.0)
        stage.befalls("north", None)
        await stage.ask()

    play_cancelled_everywhere(house(FIXED), all_ways)
