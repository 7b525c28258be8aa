"""A request that is over is forgotten at once: it leaves nothing that only the collector could free.

What a request holds on to may be megabytes, and the collector comes by rarely.
"""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from random import Random

import pytest

from falling import queueing
from headgate.adapters.alarms import Alarms
from headgate.core.breaker import Breaker
from headgate.core.errors import GatewayError, UpstreamInterrupted, UpstreamUnavailable
from headgate.core.permits import Permits
from headgate.core.retry import RetryBudget
from headgate.core.rules import Rules
from headgate.core.strain import Strain
from headgate.pipeline.admit import Admit
from headgate.pipeline.balance import Balance
from headgate.pipeline.breaker import CircuitBreaker
from headgate.pipeline.deadline import Deadline
from headgate.pipeline.fallback import Fallback, Retry
from headgate.pipeline.limit import Limit
from headgate.pipeline.meter import Meter
from headgate.pipeline.route import Route
from headgate.pipeline.service import Service, stack
from headgate.pipeline.timeout import Patience, Timeout
from headgate.pipeline.trace import Trace
from headgate.ports.clock import Alarm
from hedging import hedged
from routed import model, router
from scripted import Act, FakePayload, Notes, Scripted, answers, asked, drain, fails, hangs
from virtual import VirtualClock, VirtualLoop, clock, run


class Clock(VirtualClock):
    """Virtual time with the alarms of production, which keep what they would have done."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        super().__init__(loop)
        self._alarms = Alarms(loop, loop.time)

    def at(self, when: float, action: Callable[[], None]) -> Alarm:  # type: ignore[override]  # an Alarm will do
        return self._alarms.at(when, action)


def everything(*ups: Scripted, hedge: bool) -> Service:
    time, notes = Clock(), Notes()
    pools = {
        up.source.model_id: Balance([upstream(up, time)], chance=Random(7), sources=[up.source]) for up in ups
    }
    decides = router([model(name) for name in pools], Rules(name="m", use=tuple(pools), by="intent"))
    fallback = Fallback(
        hedged(pools, clock=time, recorder=notes) if hedge else pools,
        retry=Retry(),
        budget=RetryBudget(),
        queue=queueing(pools, time=time),
        clock=time,
        chance=Random(7),
        recorder=Forgetful(),
    )
    return stack(
        partial(Trace, span_id=lambda: "0" * 16),
        partial(Meter, recorder=notes, clock=time),
        partial(Deadline, clock=time),
        partial(Admit, permits=Permits(1), strain=Strain(1), recorder=Notes()),
        partial(Route, router=decides, clock=time, recorder=notes),
        leaf=fallback,
    )


def upstream(up: Scripted, time: Clock) -> CircuitBreaker:
    timeout = Timeout(up, patience=Patience(first_byte_s=5.0, idle_s=5.0, total_s=9.0), clock=time)
    limit = Limit(timeout, permits=Permits(1), clock=time)
    return CircuitBreaker(limit, breaker=Breaker(), source=up.source, clock=time, recorder=Forgetful())


class Forgetful(Notes):
    """Keeps no error: an error knows the frames it passed through."""

    def attempt_failed(self, *_: object) -> None:
        pass

    def fell_back(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


DOWN = fails(UpstreamUnavailable("down"))


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("hedge", [True, False], ids=["hedged", "alone"])
@pytest.mark.parametrize(
    "acts",
    [
        [answers(b"a", 1.0, b"b")],
        [answers(b"a", UpstreamInterrupted("cut"))],
        [hangs(), answers()],
        [DOWN, answers()],
        [DOWN, DOWN],
        [fails(KeyError("a bug"))],
        [answers(after_s=2.0), answers(after_s=0.5)],
        [answers(after_s=1.2), hangs()],
        [fails(UpstreamUnavailable("late"), after_s=1.2), answers(after_s=0.5)],
        [fails(UpstreamUnavailable("late"), after_s=1.2), DOWN, answers()],
        [hangs(), DOWN],
    ],
)
def test_it_leaves_nothing_for_the_collector(acts: list[Act], hedge: bool, stream: bool) -> None:
    async def story() -> None:
        ups = [Scripted(act, name=f"u{number}") for number, act in enumerate(acts)]
        service, payload = everything(*ups, hedge=hedge), FakePayload("m", stream)
        reference = weakref.ref(payload)
        task = asyncio.ensure_future(quietly(service, payload))
        del payload
        await task
        for up in ups:
            up.seen.clear()
            up.replies.clear()
        del task
        await clock().sleep(0.0)
        assert reference() is None, gc.get_referrers(reference())

    run(story())


async def quietly(service: Service, payload: FakePayload) -> None:
    try:
        await drain(service, asked(payload=payload))
    except (GatewayError, KeyError) as error:
        error.__traceback__ = None
