"""Fallback: how long it waits for whom, and what it says in the end."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from falling import DOWN, MUTE, THROTTLED, House, named
from headgate.core.call import Call
from headgate.core.errors import (
    AllUpstreamsFailed,
    KeyRejected,
    OverLimit,
    Scope,
    Unsupported,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from scripted import (
    Scripted,
    TurningLoop,
    answers,
    asked,
    cancelled_at_every_turn,
    drain,
    fails,
)
from virtual import VirtualClock, VirtualLoop, clock, run

# ── how long ─────────────────────────────────────────────────────────────────────────────────────────


def test_it_waits_for_who_will_soon_be_ready_and_then_asks() -> None:
    async def story() -> None:
        house = House(named("a"))
        up = house.ups["a"]
        up.is_ready, up.is_ready_at = False, 3.0
        clock().at(3.0, lambda: setattr(up, "is_ready", True))
        assert await house.ask() == [b"ok"]
        assert clock().now() == pytest.approx(3.0, abs=0.01)

    run(story())


@given(st.floats(0.0, 1e5), st.floats(0.01, 5.0))
@settings(max_examples=50, deadline=None)
def test_it_never_wakes_a_hair_too_early(start_s: float, wait_s: float) -> None:
    """A timer of uvloop's is rounded to the millisecond, and rings up to half of one early."""

    class Hasty(VirtualClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(max(0.0, seconds - 0.0005))

    class Punctual(Scripted):
        def ready(self, call: Call | None = None) -> bool:
            return clock().now() >= self.is_ready_at

    async def story() -> None:
        await clock().sleep(start_s)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        house = House(Punctual(name="a"), attempts=2, time=Hasty(loop))
        house.ups["a"].is_ready_at = clock().now() + wait_s
        assert await house.ask() == [b"ok"]

    run(story())


def test_it_does_not_wait_for_who_will_be_long() -> None:
    async def story() -> None:
        house = House(named("a"), named("b"))
        for up, at in zip(house.ups.values(), (60.0, 42.5), strict=True):
            up.is_ready, up.is_ready_at = False, at
        error = await house.ask()
        assert isinstance(error, OverLimit)
        assert error.retry_after_s == 42.5
        assert (error.code, clock().now()) == ("no_upstream_ready", 0.0)

    run(story())


@given(st.floats(0.01, 3.0), st.floats(0.0, 1.0))
@settings(max_examples=40, deadline=None)
def test_it_never_waits_past_the_deadline(deadline_s: float, takes_s: float) -> None:
    async def story() -> None:
        house = House(named("a", fails(UpstreamUnavailable("down"), after_s=takes_s)), attempts=50)
        error = await house.ask(deadline_s=deadline_s)
        assert isinstance(error, AllUpstreamsFailed)
        assert clock().now() < deadline_s + takes_s
        assert error.attempts == house.calls[0]

    run(story())


def test_where_the_wait_would_outlast_the_deadline_the_answer_is_given_at_once() -> None:
    async def story() -> None:
        house = House(named("a", DOWN))
        assert isinstance(await house.ask(deadline_s=0.15), AllUpstreamsFailed)
        assert (house.calls, clock().now()) == ([1], 0.0)

    run(story())


def test_cancelled_at_any_turn_of_its_rounds_nothing_is_left_open() -> None:
    async def scene(loop: TurningLoop) -> None:
        late = fails(UpstreamUnavailable("down"), after_s=0.3)
        house = House(named("a", late), named("b", late, late, answers(b"x", 1.0, after_s=1.0)), attempts=6)
        call = asked("auto", chain=("a", "b"))
        await loop.on_the_block(drain(house.fallback, call))
        assert [up.open for up in house.ups.values()] == [0, 0]

    cancelled_at_every_turn(scene)


# ── what it says in the end ──────────────────────────────────────────────────────────────────────────


def test_when_all_have_failed_the_error_groups_the_causes_in_order() -> None:
    async def story() -> None:
        house = House(named("a", DOWN), named("b", THROTTLED), attempts=2)
        error = await house.ask()
        assert isinstance(error, AllUpstreamsFailed)
        assert "'auto'" in error.message
        assert "slow down" in error.message
        assert error.attempts == 2
        assert isinstance(error.__cause__, ExceptionGroup)
        assert [str(cause) for cause in error.__cause__.exceptions] == ["down", "slow down"]

    run(story())


def test_when_all_are_throttled_it_is_a_throttle_with_the_soonest_return() -> None:
    async def story() -> None:
        house = House(named("a", THROTTLED), named("b", THROTTLED), attempts=2)
        house.ups["a"].is_ready_at, house.ups["b"].is_ready_at = 30.0, 12.0
        error = await house.ask()
        assert isinstance(error, UpstreamThrottled)
        assert (error.status, error.retry_after_s, error.attempts) == (429, 12.0, 2)

    run(story())


def test_a_pool_without_words_for_the_request_is_somebody_elses_turn() -> None:
    async def story() -> None:
        house = House(named("a", MUTE), named("b"))
        reply = await house.reply()
        assert (reply.source.model_id, reply.attempts, reply.fallback_from) == ("b", 1, "a")
        assert isinstance(house.notes.fallbacks[0][2], Unsupported)

    run(story())


def test_where_nobody_has_words_for_it_the_first_refusal_is_the_answer() -> None:
    async def story() -> None:
        other = fails(Unsupported("nor for this", param="logprobs"))
        house = House(named("a", MUTE), named("b", other), attempts=5)
        error = await house.ask()
        assert isinstance(error, Unsupported)
        assert (error.param, house.calls, clock().now()) == ("seed", [1, 1], 0.0)

    run(story())


def test_where_one_has_no_words_and_the_other_no_room_it_is_no_room() -> None:
    """The request is not at fault: the same may be served in a minute."""

    async def story() -> None:
        house = House(named("a", MUTE), named("b"))
        house.ups["b"].is_ready, house.ups["b"].is_ready_at = False, 60.0
        error = await house.ask()
        assert isinstance(error, OverLimit)
        assert (error.retry_after_s, house.calls, clock().now()) == (60.0, [1, 0], 0.0)

    run(story())


def test_who_has_no_words_is_not_asked_in_the_next_round() -> None:
    async def story() -> None:
        house = House(named("a", MUTE), named("b", DOWN), attempts=3)
        error = await house.ask()
        assert isinstance(error, AllUpstreamsFailed)
        assert house.calls == [1, 3]

    run(story())


@given(
    st.lists(st.sampled_from("dktrum"), min_size=1, max_size=5),
    st.integers(1, 6),
)
@settings(max_examples=80, deadline=None)
def test_any_chain_ends_within_its_attempts_in_one_answer_or_one_error(
    kinds: list[str], attempts: int
) -> None:
    acts = {
        "d": DOWN,
        "k": fails(KeyRejected("dead", scope=Scope.KEY)),
        "t": THROTTLED,
        "r": fails(UpstreamRejected("no")),
        "u": answers(),
        "m": MUTE,
    }

    async def story() -> None:
        pools = [named(f"{kind}{place}", acts[kind]) for place, kind in enumerate(kinds)]
        house = House(*pools, attempts=attempts)
        got = await house.ask()
        asked_of = sum(up.calls for up in pools if not up.source.model_id.startswith("m"))
        assert asked_of <= max(attempts, len(kinds))
        assert isinstance(got, list) is _first_that_settles(kinds).startswith("u")
        if isinstance(got, UpstreamRejected | AllUpstreamsFailed | UpstreamThrottled):
            assert got.attempts == asked_of
        assert all(up.open == 0 for up in pools)

    def _first_that_settles(kinds: list[str]) -> str:
        return next((kind for kind in kinds if kind in "ur"), "")

    run(story())
