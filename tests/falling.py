"""A fallback over scripted pools, with waits that can be told."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from headgate.core.call import Reply
from headgate.core.errors import (
    Unsupported,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from headgate.core.retry import Backoff, RetryBudget
from headgate.core.waiting import Bounds
from headgate.pipeline.balance import Balance
from headgate.pipeline.fallback import Fallback, Retry
from headgate.pipeline.queue import Hall, Queue
from headgate.pipeline.service import Upstream
from headgate.ports.clock import Clock
from scripted import (
    Act,
    Notes,
    Scripted,
    asked,
    fails,
    fate,
)
from virtual import clock

DOWN = fails(UpstreamUnavailable("down", status=503))
THROTTLED = fails(UpstreamThrottled("slow down", status=429))
MUTE = fails(Unsupported("no words for it", param="seed"))


def queueing(
    pools: Mapping[str, Upstream],
    *,
    bounds: Bounds | None = None,
    recorder: Notes | None = None,
    time: Clock | None = None,
    hall: Hall | None = None,
) -> Queue:
    """A queue in front of `pools`, each of which draws on something of its own."""
    return Queue(
        pools,
        hall=hall or Hall(clock=time or clock()),
        scarce={name: name for name in pools},
        bounds=bounds or Bounds(),
        unwell_s=5.0,
        clock=time or clock(),
        recorder=recorder or Notes(),
    )


class Longest(Random):
    """Chance that always draws the longest wait, so that times can be told."""

    def uniform(self, a: float, b: float) -> float:
        return b


class House:
    """Pools of scripted upstreams by model id, and the fallback over them."""

    def __init__(
        self,
        *pools: Scripted,
        attempts: int = 3,
        budget: RetryBudget | None = None,
        time: Clock | None = None,
    ) -> None:
        self.notes = Notes()
        self.ups = {up.source.model_id: up for up in pools}
        balanced = {name: Balance([up], chance=Random(7)) for name, up in self.ups.items()}
        self.fallback = Fallback(
            balanced,
            retry=Retry(attempts=attempts, backoff=Backoff(base_s=0.2, cap_s=5.0)),
            budget=budget or RetryBudget(reserve=1000.0),
            queue=queueing(balanced, recorder=self.notes, time=time),
            clock=time or clock(),
            chance=Longest(),
            recorder=self.notes,
        )

    async def ask(self, *, deadline_s: float = 1e6) -> list[bytes] | BaseException:
        return await fate(self.fallback, asked("auto", chain=tuple(self.ups), deadline_s=deadline_s))

    async def reply(self) -> Reply:
        async with self.fallback(asked("auto", chain=tuple(self.ups))) as reply:
            return reply

    @property
    def calls(self) -> list[int]:
        return [up.calls for up in self.ups.values()]


def named(name: str, *acts: Act) -> Scripted:
    return Scripted(*acts, name=name)
