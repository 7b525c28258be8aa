"""Scope: a bound on a task that knows its own cancellation from another's."""

from __future__ import annotations

import asyncio

import pytest

from headgate.pipeline.scope import Leash, Scope
from scripted import cancel_after
from virtual import clock, run


async def bounded(seconds: float, work_s: float) -> bool:
    """Whether the bound ended the work. Raises whatever else did."""
    scope = Scope(clock(), clock().now() + seconds)
    try:
        await clock().sleep(work_s)
    except BaseException as error:
        if scope.left(error):
            return True
        raise
    return scope.left(None)


def test_it_ends_what_takes_too_long_and_takes_its_cancellation_back() -> None:
    async def story() -> None:
        assert await bounded(3.0, 10.0)
        task = asyncio.current_task()
        assert task is not None
        assert (task.cancelling(), clock().now()) == (0, 3.0)
        await clock().sleep(100.0)

    run(story())


def test_what_is_in_time_is_left_alone() -> None:
    async def story() -> None:
        assert not await bounded(3.0, 2.0)
        await clock().sleep(100.0)

    run(story())


@pytest.mark.parametrize("after_s", [0.0, 1.0, 2.999])
def test_somebody_elses_cancellation_is_not_its_own(after_s: float) -> None:
    async def story() -> None:
        assert await cancel_after(bounded(3.0, 10.0), after_s)

    run(story())


def test_of_two_bounds_each_knows_its_own() -> None:
    async def nested(outer_s: float, inner_s: float) -> str:
        outer = Scope(clock(), clock().now() + outer_s)
        try:
            inner = Scope(clock(), clock().now() + inner_s)
            try:
                await clock().sleep(100.0)
            except asyncio.CancelledError as error:
                if inner.left(error):
                    outer.left(None)
                    return "inner"
                raise
        except asyncio.CancelledError as error:
            if outer.left(error):
                return "outer"
            raise
        return "neither"

    async def story() -> None:
        assert await nested(5.0, 3.0) == "inner"
        assert await nested(3.0, 5.0) == "outer"
        assert await nested(3.0, 3.0) in ("inner", "outer")
        await clock().sleep(100.0)

    run(story())


def test_disarmed_it_rings_when_its_holder_says_so_and_not_before() -> None:
    async def story() -> None:
        scope = Scope(clock(), 3.0)
        scope.disarm()
        clock().at(7.0, scope.fire)
        with pytest.raises(asyncio.CancelledError) as caught:
            await clock().sleep(100.0)
        assert scope.left(caught.value)
        assert clock().now() == 7.0

    run(story())


def test_lifted_or_left_it_never_rings_not_even_late() -> None:
    async def story() -> None:
        for end in (Scope.lift, lambda scope: scope.left(None)):
            scope = Scope(clock(), clock().now() + 3.0)
            end(scope)
            scope.fire()
            await clock().sleep(10.0)

    run(story())


def test_it_needs_a_task_to_bound() -> None:
    async def story() -> None:
        failed: list[BaseException] = []

        def outside() -> None:
            try:
                Scope(clock(), 3.0)
            except RuntimeError as error:
                failed.append(error)

        asyncio.get_running_loop().call_soon(outside)
        await clock().sleep(1.0)
        assert len(failed) == 1

    run(story())


def test_a_leash_asks_first_and_ends_only_when_it_is_pulled() -> None:
    async def story(pull_at: float) -> list[float]:
        asked: list[float] = []
        leash = Leash(clock(), 3.0, lambda: asked.append(clock().now()))
        alarm = clock().at(pull_at, leash.pull)
        ending: BaseException | None = None
        try:
            await clock().sleep(10.0)
        except asyncio.CancelledError as error:
            ending = error
        assert leash.left(ending) is (pull_at < 10.0)
        assert clock().now() == min(pull_at, 10.0)
        alarm.cancel()
        leash.pull()  # too late: nobody is there
        await clock().sleep(100.0)
        return asked

    assert run(story(5.0)) == [3.0]
    assert run(story(2.0)) == []
    assert run(story(20.0)) == [3.0]


@pytest.mark.parametrize("fired_between", [True, False])
def test_a_bound_that_moves_holds_in_the_task_that_took_it_over(fired_between: bool) -> None:
    async def story() -> None:
        async def bound() -> Scope:
            return Scope(clock(), 3.0)

        scope = await asyncio.ensure_future(bound())
        await clock().sleep(4.0 if fired_between else 1.0)
        scope.move()
        with pytest.raises(asyncio.CancelledError) as caught:
            await clock().sleep(10.0)
        assert scope.left(caught.value)
        assert clock().now() == (4.0 if fired_between else 3.0)
        await clock().sleep(100.0)

    run(story())
