"""Balance: the less loaded of two ready upstreams."""

from __future__ import annotations

import asyncio
from collections import Counter
from math import inf
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.core.decision import Decision
from headgate.core.errors import Overloaded, UpstreamUnavailable
from headgate.core.permits import Permits
from headgate.pipeline.balance import GRAIN_S, Balance, Pick
from headgate.pipeline.limit import Limit
from scripted import Scripted, answers, asked, drain, fails, fate, hangs
from virtual import clock, run


def pool(*ups: Scripted | Limit, seed: int = 7, pick: Pick = "headroom") -> Balance:
    return Balance(ups, chance=Random(seed), pick=pick)


def test_unready_ones_are_left_alone() -> None:
    async def story() -> None:
        good, bad = Scripted(), Scripted()
        bad.is_ready = False
        balance = pool(bad, good, bad)
        for _ in range(30):
            await drain(balance, asked())
        assert (good.calls, bad.calls) == (30, 0)

    run(story())


def test_where_nobody_is_ready_it_says_so_and_asks_nobody() -> None:
    async def story() -> None:
        ups = [Scripted(), Scripted()]
        for up in ups:
            up.is_ready = False
        with pytest.raises(Overloaded) as caught:
            await drain(pool(*ups), asked())
        assert caught.value.code == "no_upstream_ready"
        assert [up.calls for up in ups] == [0, 0]

    run(story())


def test_of_two_the_less_loaded_is_asked() -> None:
    async def story() -> None:
        busy, idle = Scripted(), Scripted()
        busy.is_loaded, idle.is_loaded = 3.0, 1.0
        for _ in range(30):
            await drain(pool(busy, idle), asked())
        assert (busy.calls, idle.calls) == (0, 30)

    run(story())


def test_equals_share_the_calls() -> None:
    async def story() -> None:
        ups = [Scripted() for _ in range(4)]
        balance = pool(*ups)
        for _ in range(400):
            await drain(balance, asked())
        assert all(70 < up.calls < 130 for up in ups), [up.calls for up in ups]

    run(story())


def test_the_most_loaded_of_many_is_never_asked() -> None:
    async def story() -> None:
        ups = [Scripted() for _ in range(5)]
        for load, up in enumerate(ups):
            up.is_loaded = float(load)
        for seed in range(100):
            await drain(pool(*ups, seed=seed), asked())
        assert ups[4].calls == 0
        assert ups[0].calls > ups[1].calls > ups[2].calls > ups[3].calls

    run(story())


def test_whose_key_has_most_left_is_asked_though_it_is_busier() -> None:
    async def story() -> None:
        fresh, used, slow = Scripted(), Scripted(), Scripted()
        fresh.has_left, fresh.is_loaded = 0.6, 5.0
        used.has_left, used.is_loaded = 0.5, 1.0
        slow.has_left, slow.is_loaded = 1.0, 11.0
        for _ in range(30):
            await drain(pool(fresh, used, slow), asked())
        assert (fresh.calls, used.calls, slow.calls) == (30, 0, 0)
        assert pool(fresh, used, slow).headroom() == 1.0

    run(story())


def test_each_in_turn() -> None:
    async def story() -> None:
        ups = [Scripted() for _ in range(3)]
        balance = pool(*ups, pick="round_robin")
        order = []
        for turn in range(9):
            ups[1].is_ready = turn not in (4, 5)
            before = [up.calls for up in ups]
            await drain(balance, asked())
            order += [place for place, up in enumerate(ups) if up.calls > before[place]]
        assert order == [0, 1, 2, 0, 2, 0, 1, 2, 0]

    run(story())


def test_who_was_given_least_is_next_and_does_not_pay_for_a_long_absence() -> None:
    async def story() -> None:
        ups = [Scripted() for _ in range(3)]
        balance = pool(*ups, pick="least_used")
        for _ in range(30):
            await drain(balance, asked())
        assert [up.calls for up in ups] == [10, 10, 10]
        ups[0].is_ready = False
        for _ in range(1000):
            await drain(balance, asked())
        ups[0].is_ready = True
        for _ in range(300):
            await drain(balance, asked())
        assert 120 <= ups[0].calls <= 160

    run(story())


def test_it_asks_one_and_only_once() -> None:
    async def story() -> None:
        ups = [Scripted(fails(UpstreamUnavailable("down"))) for _ in range(3)]
        assert isinstance(await fate(pool(*ups), asked()), UpstreamUnavailable)
        assert sum(up.calls for up in ups) == 1

    run(story())


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 100), st.floats(0, 100)), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_pool_is_as_ready_and_as_loaded_as_its_best(members: list[tuple[bool, float, float]]) -> None:
    ups = []
    for ready, ready_at, load in members:
        up = Scripted()
        up.is_ready, up.is_ready_at, up.is_loaded = ready, ready_at, load
        ups.append(up)
    balance = pool(*ups)
    assert balance.ready() is any(ready for ready, _, _ in members)
    assert balance.ready_at() == min(at for _, at, _ in members)
    assert balance.load() == min(load for _, _, load in members)
    assert len(balance.condition()["upstreams"]) == len(members)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from([0.0, 0.5, 3.0])), min_size=1, max_size=4),
    st.integers(1, 200),
)
@settings(max_examples=60, deadline=None)
def test_a_pool_has_room_for_so_many_when_its_members_together_have(
    members: list[tuple[int, float]], calls: int
) -> None:
    async def story() -> None:
        limits = []
        for free, held_s in members:
            permits = Permits(10)
            permits.free, permits.held_s = free, held_s
            limits.append(Limit(Scripted(), permits=permits, clock=clock()))
        balance = pool(*limits)
        at = balance.refill(calls)
        if at < inf:
            assert balance.room(at + 1e-9) >= calls - 1e-6
            assert not at or balance.room(at - 2 * GRAIN_S) < calls + len(members)
        else:
            assert any(not held_s for _, held_s in members)

    run(story())


def test_room_in_any_member_is_told() -> None:
    one, other = Scripted(), Scripted()
    told: list[int] = []
    end = pool(one, other).watch(lambda: told.append(1))
    one.listeners()
    other.listeners()
    end()
    one.listeners()
    assert len(told) == 2


def test_an_upstream_that_hangs_draws_no_more_than_its_share() -> None:
    """Silence must not look like speed, however long it lasts."""

    async def story() -> None:
        sick, well = Scripted(answers(after_s=1.0)), Scripted(answers(after_s=1.0))
        limits = [Limit(up, permits=Permits(1000), clock=clock()) for up in (sick, well)]
        for limit in limits:
            await drain(limit, asked())
        balance, sick.acts = pool(*limits), [hangs()]
        tasks = []
        for _ in range(300):
            tasks.append(asyncio.ensure_future(drain(balance, asked())))
            await clock().sleep(0.1)
        lost = sick.calls - 1
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert lost < 40, f"{lost} of 300 went to the upstream that hangs"

    run(story())


def test_load_spreads_over_equals_as_calls_stay_in_hand() -> None:
    async def story() -> None:
        ups = [Scripted(answers(b"a", 100.0, after_s=0.5)) for _ in range(4)]
        balance = pool(*(Limit(up, permits=Permits(1000), clock=clock()) for up in ups))
        tasks = []
        for _ in range(80):
            tasks.append(asyncio.ensure_future(drain(balance, asked())))
            await clock().sleep(0.1)
        counts = Counter({str(number): up.open for number, up in enumerate(ups)})
        await asyncio.gather(*tasks)
        assert min(counts.values()) >= 15, counts

    run(story())


def test_a_conversation_goes_to_the_key_whose_provider_knows_it_while_that_is_ready() -> None:
    async def story() -> None:
        one, two = Scripted(name="m"), Scripted(name="m")
        balance = Balance([one, two], chance=Random(7), model="m", keys=["1", "2"])
        known = Decision(requested="m", chain=("m", "n"), warm_key="2")
        elsewhere = Decision(requested="m", chain=("n", "m"), warm_key="2")
        for _ in range(20):
            await drain(balance, msgspec.structs.replace(asked(), decision=known))
        assert (one.calls, two.calls) == (0, 20)
        two.is_ready = False
        await drain(balance, msgspec.structs.replace(asked(), decision=known))
        assert one.calls == 1
        two.is_ready = True
        for _ in range(20):
            await drain(balance, msgspec.structs.replace(asked(), decision=elsewhere))
        assert one.calls > 5

    run(story())


@pytest.mark.parametrize("pick", ["headroom", "round_robin", "least_used"])
def test_one_may_be_left_out_of_the_choice(pick: Pick) -> None:
    async def story() -> None:
        ups = [Scripted(name=str(number)) for number in range(4)]
        sources = [up.source for up in ups]
        balance = Balance(ups, chance=Random(7), pick=pick, sources=sources)
        for _ in range(40):
            chosen = balance.choose(asked())
            async with chosen.opened as reply:
                assert reply.source is chosen.source
            others = balance.without(chosen.source)
            assert others is not None
            assert others.choose(asked()).source is not chosen.source
            last = others
            for source in sources[:]:
                if source is not chosen.source and last.without(source) is not None:
                    last = last.without(source) or last
            assert last.without(last.choose(asked()).source) is None

    run(story())


def test_the_warm_key_is_chosen_by_whoever_wants_to_know_too() -> None:
    async def story() -> None:
        ups = [Scripted(name=str(number)) for number in range(3)]
        sources = [up.source for up in ups]
        balance = Balance(ups, chance=Random(7), model="m", keys=["1", "2", "3"], sources=sources)
        decision = Decision(requested="m", chain=("m",), route="m", warm_key="2")
        call = msgspec.structs.replace(asked(), decision=decision)
        assert balance.choose(call).source is sources[1]
        others = balance.without(sources[0])
        assert others is not None
        assert others.choose(call).source is sources[1]

    run(story())
