"""Fallback: pools in order, under one attempt budget, until one opens."""

from __future__ import annotations

import pytest

from falling import DOWN, THROTTLED, House, named
from headgate.core.errors import (
    AllUpstreamsFailed,
    KeyRejected,
    Overloaded,
    Scope,
    UpstreamInterrupted,
    UpstreamRejected,
    UpstreamUnavailable,
)
from headgate.core.retry import RetryBudget
from scripted import (
    answers,
    fails,
)
from virtual import clock, run

# ── the order ────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_pool_serves_where_it_can() -> None:
    async def story() -> None:
        house = House(named("a"), named("b"))
        reply = await house.reply()
        assert (reply.source.model_id, reply.attempts, reply.fallback_from) == ("a", 1, None)
        assert house.calls == [1, 0]
        assert house.notes.fallbacks == []

    run(story())


def test_the_next_serves_where_it_cannot_and_that_is_told() -> None:
    async def story() -> None:
        house = House(named("a", DOWN), named("b", THROTTLED), named("c"), named("d"))
        reply = await house.reply()
        assert (reply.source.model_id, reply.attempts, reply.fallback_from) == ("c", 3, "a")
        assert (house.calls, clock().now()) == ([1, 1, 1, 0], 0.0)
        [(from_model, to_model, error)] = house.notes.fallbacks
        assert (from_model, to_model, error.message) == ("a", "c", "down")

    run(story())


def test_a_pool_that_is_not_ready_is_passed_over_without_an_attempt() -> None:
    async def story() -> None:
        house = House(named("a"), named("b"))
        house.ups["a"].is_ready = False
        reply = await house.reply()
        assert (reply.source.model_id, reply.attempts, reply.fallback_from) == ("b", 1, "a")
        assert house.calls == [0, 1]
        assert isinstance(house.notes.fallbacks[0][2], Overloaded)

    run(story())


def test_a_retry_at_the_same_model_is_no_fallback() -> None:
    async def story() -> None:
        house = House(named("a", DOWN, answers()))
        reply = await house.reply()
        assert (reply.attempts, reply.fallback_from) == (2, None)
        assert house.notes.fallbacks == []

    run(story())


# ── what ends it ─────────────────────────────────────────────────────────────────────────────────────


def test_after_the_first_byte_nobody_else_is_asked() -> None:
    async def story() -> None:
        house = House(named("a", answers(b"x", UpstreamInterrupted("cut"))), named("b"))
        assert isinstance(await house.ask(), UpstreamInterrupted)
        assert house.calls == [1, 0]

    run(story())


def test_even_an_unavailability_raised_midway_asks_nobody_else() -> None:
    async def story() -> None:
        house = House(named("a", answers(b"x", UpstreamUnavailable("late"))), named("b"))
        assert isinstance(await house.ask(), UpstreamUnavailable)
        assert house.calls == [1, 0]

    run(story())


@pytest.mark.parametrize("before", [0, 1, 2])
def test_fault_found_with_the_request_itself_is_final_and_counts_the_attempts(before: int) -> None:
    async def story() -> None:
        down = [named(str(number), DOWN) for number in range(before)]
        rejects = named("r", fails(UpstreamRejected("too long", status=400)))
        house = House(*down, rejects, named("z"))
        error = await house.ask()
        assert isinstance(error, UpstreamRejected)
        assert error.attempts == before + 1
        assert house.calls == [1] * (before + 1) + [0]

    run(story())


def test_a_bug_is_not_retried() -> None:
    async def story() -> None:
        house = House(named("a", fails(KeyError("a bug"))), named("b"))
        assert isinstance(await house.ask(), KeyError)
        assert house.calls == [1, 0]

    run(story())


# ── how often ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("attempts", [1, 2, 3, 5])
def test_one_pool_is_asked_as_often_as_the_budget_says(attempts: int) -> None:
    async def story() -> None:
        house = House(named("a", DOWN), attempts=attempts)
        error = await house.ask()
        assert isinstance(error, AllUpstreamsFailed)
        assert error.attempts == attempts
        assert house.calls == [attempts]
        assert clock().now() == pytest.approx(sum(0.2 * 2**round_ for round_ in range(attempts - 1)))

    run(story())


def test_every_pool_of_a_chain_is_owed_an_attempt() -> None:
    async def story() -> None:
        house = House(*(named(name, DOWN) for name in "abcde"), attempts=2)
        error = await house.ask()
        assert isinstance(error, AllUpstreamsFailed)
        assert (house.calls, error.attempts) == ([1, 1, 1, 1, 1], 5)

    run(story())


def test_what_is_left_goes_to_another_round_in_the_same_order() -> None:
    async def story() -> None:
        house = House(named("a", DOWN), named("b", DOWN), attempts=3)
        await house.ask()
        assert house.calls == [2, 1]
        assert clock().now() == pytest.approx(0.2)

    run(story())


@pytest.mark.parametrize(
    ("scope", "calls"),
    [(Scope.KEY, [2, 1]), (Scope.MODEL, [1, 1]), (Scope.PROVIDER, [1, 1])],
)
def test_what_speaks_of_a_key_asks_the_same_pool_again_what_is_wider_moves_on(
    scope: Scope, calls: list[int]
) -> None:
    async def story() -> None:
        dead = fails(KeyRejected("dead", status=401, scope=scope))
        house = House(named("a", dead), named("b"), attempts=3)
        reply = await house.reply()
        assert (house.calls, clock().now()) == (calls, 0.0)
        assert reply.attempts == sum(calls)

    run(story())


def test_another_key_of_the_pool_serves_the_same_request() -> None:
    async def story() -> None:
        dead = fails(KeyRejected("dead", status=401, scope=Scope.KEY))
        house = House(named("a", dead, answers()), named("b"))
        reply = await house.reply()
        assert (reply.source.model_id, reply.attempts, reply.fallback_from) == ("a", 2, None)

    run(story())


def test_keys_leave_every_other_pool_its_attempt() -> None:
    async def story() -> None:
        dead = fails(KeyRejected("dead", status=401, scope=Scope.KEY))
        house = House(named("a", dead), named("b", DOWN), named("c"), attempts=4)
        assert (await house.reply()).source.model_id == "c"
        assert house.calls == [2, 1, 1]

    run(story())


def test_without_retry_budget_there_is_no_second_round() -> None:
    async def story() -> None:
        house = House(named("a", DOWN), named("b", DOWN), attempts=9, budget=RetryBudget(ratio=0.0))
        assert isinstance(await house.ask(), AllUpstreamsFailed)
        assert (house.calls, clock().now()) == ([1, 1], 0.0)

    run(story())


def test_a_budget_that_is_spent_leaves_first_attempts_alone() -> None:
    async def story() -> None:
        house = House(named("a", DOWN), attempts=2, budget=RetryBudget(ratio=0.1, reserve=5.0))
        for _ in range(100):
            await house.ask()
        assert 100 + 5 <= house.calls[0] <= 100 + 5 + 10

    run(story())


def test_waiting_for_room_spends_no_retries() -> None:
    """Where nobody was asked nothing is tried again, and the budget is there when something fails."""

    async def story() -> None:
        budget = RetryBudget(ratio=0.001, reserve=2.0)
        house = House(named("a"), budget=budget)
        house.ups["a"].is_ready = False
        for _ in range(20):
            assert isinstance(await house.ask(), Overloaded)
        assert budget.withdraw()
        assert budget.withdraw()
        assert not budget.withdraw()

    run(story())


def test_waiting_for_room_has_an_end() -> None:
    async def story() -> None:
        house = House(named("a"), attempts=3)
        house.ups["a"].is_ready = False
        error = await house.ask(deadline_s=1e6)
        assert isinstance(error, Overloaded)
        assert error.retry_after_s is not None
        assert error.retry_after_s >= 1.0
        assert clock().now() == pytest.approx(30.0)
        assert house.calls == [0]

    run(story())
