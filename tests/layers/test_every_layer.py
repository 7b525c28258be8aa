"""What must hold of every layer, and of all of them on top of each other."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

import pytest

from falling import queueing
from headgate.core.breaker import Breaker, State
from headgate.core.call import Outcome
from headgate.core.errors import UpstreamInterrupted, UpstreamUnavailable
from headgate.core.permits import Permits
from headgate.core.retry import RetryBudget
from headgate.core.rules import Canary, Rules
from headgate.core.shape import Shape
from headgate.core.strain import Strain
from headgate.pipeline.admit import Admit
from headgate.pipeline.balance import Balance
from headgate.pipeline.breaker import CircuitBreaker
from headgate.pipeline.deadline import Deadline
from headgate.pipeline.fallback import Fallback, Retry
from headgate.pipeline.limit import Limit
from headgate.pipeline.meter import Meter
from headgate.pipeline.mirror import Mirror
from headgate.pipeline.route import Route
from headgate.pipeline.service import Service, stack
from headgate.pipeline.template import Template
from headgate.pipeline.timeout import Patience, Timeout
from headgate.pipeline.trace import Trace
from hedging import hedged
from routed import model, router
from scripted import (
    Notes,
    Scripted,
    TurningLoop,
    answers,
    asked,
    cancel_after,
    cancelled_at_every_turn,
    drain,
    fails,
    fate,
    leave_midway,
)
from virtual import clock, run

NAMED = router([model("m")])
DECIDED = router(
    [model("m")],
    Rules(name="m", use=("m",), by="intent", strategy="balanced", canary=Canary(model="m", share=0.5)),
)
PATIENCE = Patience(first_byte_s=30.0, idle_s=30.0, total_s=100.0)


def fallback(up: Scripted | Balance) -> Fallback:
    return Fallback(
        {"m": up},
        retry=Retry(attempts=3),
        budget=RetryBudget(reserve=1000.0),
        queue=queueing({"m": up}),
        clock=clock(),
        chance=Random(7),
        recorder=Notes(),
    )


def breaker(up: Scripted | Limit) -> CircuitBreaker:
    """One that has been left alone long enough: the next call is the probe."""
    past = Breaker(threshold=1, recovery_s=60.0, state=State.OPEN, since=-60.0)
    source = up.source if isinstance(up, Scripted) else Scripted().source
    return CircuitBreaker(up, breaker=past, source=source, clock=clock(), recorder=Notes())


def limit(up: Service) -> Limit:
    return Limit(up, permits=Permits(1), clock=clock())


def everything(up: Scripted) -> Service:
    guarded = breaker(limit(Timeout(up, patience=PATIENCE, clock=clock())))
    pool = Balance([guarded], chance=Random(7))
    return stack(
        partial(Trace, span_id=lambda: "0" * 16),
        partial(Meter, recorder=Notes(), clock=clock()),
        partial(Deadline, clock=clock()),
        partial(Admit, permits=Permits(1), strain=Strain(1), recorder=Notes()),
        partial(Route, router=DECIDED, clock=clock(), recorder=Notes()),
        leaf=fallback(pool),
    )


LAYERS: dict[str, Callable[[Scripted], Service]] = {
    "trace": partial(Trace, span_id=lambda: "0" * 16),
    "meter": lambda up: Meter(up, recorder=Notes(), clock=clock()),
    "deadline": lambda up: Deadline(up, clock=clock()),
    "admit": partial(Admit, permits=Permits(1), strain=Strain(1), recorder=Notes()),
    "route by name": lambda up: Route(up, router=NAMED, clock=clock(), recorder=Notes()),
    "route": lambda up: Route(up, router=DECIDED, clock=clock(), recorder=Notes()),
    "mirror": lambda up: Mirror(up, shadow=Scripted(), most={}, answered=lambda *_: None),
    "template": lambda up: Template(up, shape=Shape(prefix="Once: ")),
    "fallback": fallback,
    "hedge": lambda up: hedged({"m": up}, clock=clock(), recorder=Notes())["m"],
    "balance": lambda up: Balance([up], chance=Random(7)),
    "breaker": breaker,
    "limit": limit,
    "timeout": lambda up: Timeout(up, patience=PATIENCE, clock=clock()),
    "everything": everything,
}

each_layer = pytest.mark.parametrize("build", LAYERS.values(), ids=LAYERS.keys())
streamed_or_not = pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])


@each_layer
def test_an_answer_passes_as_it_is(build: Callable[[Scripted], Service]) -> None:
    async def story() -> None:
        up = Scripted(answers(b"a", 2.0, b"b", after_s=1.0))
        assert await drain(build(up), asked(chain=("m",))) == [b"a", b"b"]
        assert (up.calls, up.open, clock().now()) == (1, 0, 3.0)

    run(story())


@each_layer
def test_it_is_settled_when_the_stream_is_and_not_before(build: Callable[[Scripted], Service]) -> None:
    async def story() -> None:
        up = Scripted(answers(b"a", b"b"))
        async with build(up)(asked(chain=("m",))) as reply:
            async for _ in reply.body:
                assert up.open == 1
            assert up.open == 1
        assert up.open == 0

    run(story())


@each_layer
@streamed_or_not
def test_cancelled_at_any_turn_it_leaks_nothing_and_serves_on(
    build: Callable[[Scripted], Service], stream: bool
) -> None:
    async def scene(loop: TurningLoop) -> None:
        up = Scripted(answers(b"a", 2.0, b"b", 2.0, b"c", after_s=1.0))
        service = build(up)
        task = await loop.on_the_block(drain(service, asked(stream=stream, chain=("m",)), pause_s=0.5))
        assert task.cancelled() or not loop.struck
        assert up.open == 0
        assert await drain(service, asked(chain=("m",))) == [b"a", b"b", b"c"]

    cancelled_at_every_turn(scene)


@each_layer
def test_cancelled_while_it_waits_to_try_again_it_leaks_nothing(
    build: Callable[[Scripted], Service],
) -> None:
    async def scene(loop: TurningLoop) -> None:
        up = Scripted(fails(UpstreamUnavailable("down"), after_s=1.0), answers(b"a", 2.0, b"b"))
        service = build(up)
        await loop.on_the_block(drain(service, asked(chain=("m",))))
        assert up.open == 0
        up.acts = [answers(b"a", b"b")]
        await clock().sleep(60.0)
        assert await drain(service, asked(chain=("m",))) == [b"a", b"b"]

    cancelled_at_every_turn(scene)


@each_layer
def test_a_generator_that_is_closed_midway_leaks_nothing(build: Callable[[Scripted], Service]) -> None:
    async def story() -> None:
        up = Scripted(answers(b"a", b"b", 9.0, b"c"))
        service = build(up)
        await leave_midway(service, asked(chain=("m",)), pieces=2)
        assert (up.open, clock().now()) == (0, 0.0)
        assert await drain(service, asked(chain=("m",))) == [b"a", b"b", b"c"]

    run(story())


@each_layer
def test_the_readers_own_error_passes_unchanged_and_settles(build: Callable[[Scripted], Service]) -> None:
    async def story() -> None:
        up, mine = Scripted(answers(b"a", b"b")), ValueError("mine")
        service = build(up)
        with pytest.raises(ValueError, match="mine") as caught:
            async with service(asked(chain=("m",))):
                raise mine
        assert caught.value is mine
        assert up.open == 0
        assert await drain(service, asked(chain=("m",))) == [b"a", b"b"]

    run(story())


@each_layer
def test_a_cut_passes_unchanged(build: Callable[[Scripted], Service]) -> None:
    async def story() -> None:
        up = Scripted(answers(b"a", UpstreamInterrupted("cut", status=502, kind="eof")))
        error = await fate(build(up), asked(chain=("m",)))
        assert isinstance(error, UpstreamInterrupted)
        assert (error.message, error.status, error.kind) == ("cut", 502, "eof")
        assert (up.open, up.calls) == (0, 1)

    run(story())


@each_layer
def test_a_hang_up_is_told_from_other_cancellations(build: Callable[[Scripted], Service]) -> None:

    async def story(after_s: float) -> None:
        notes = Notes()
        up = Scripted(answers(b"a", 2.0, b"b", after_s=1.0))
        metered = Meter(build(up), recorder=notes, clock=clock())
        for gone, outcome in ((True, Outcome.CLIENT_GONE), (False, Outcome.CANCELLED)):
            call = asked(chain=("m",))
            call.line.gone = gone
            assert await cancel_after(drain(metered, call), after_s)
            assert notes.records.pop().outcome is outcome

    for after_s in (0.5, 1.5):
        run(story(after_s))
