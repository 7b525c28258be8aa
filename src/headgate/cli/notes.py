"""What is noted of a scenario while it is played.

Requests are counted by when they arrived, rates by when they happened: both leave out the warm-up, and rates
also what is still answered after the end.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from math import ceil

import msgspec

from headgate.core.call import Reply
from headgate.core.errors import (
    DeadlineExceeded,
    GatewayError,
    Refused,
    UpstreamInterrupted,
    UpstreamThrottled,
)
from headgate.core.spread import Sample

BUCKETS = 240
"""Points of the timeline, at most."""

WIDTHS_S = (1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0, 10_800.0, 21_600.0, 86_400.0)


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider's key has been used for: `granted` by its limits, `served` to the end, `throttled` by
    its limits (429), `faulted` as the scenario said."""

    granted: int = 0
    served: int = 0
    tokens: int = 0
    throttled: int = 0
    faulted: int = 0

    def since(self, before: Used) -> Used:
        return Used(**{name: getattr(self, name) - getattr(before, name) for name in self.__struct_fields__})

    def plus(self, other: Used) -> Used:
        return Used(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})


def ending_of(error: BaseException | None) -> str:
    """How a request ended, in one word."""
    match error:
        case None:
            return "answered"
        case asyncio.CancelledError():
            return "hung_up"
        case DeadlineExceeded():
            return "deadline"
        case Refused() | UpstreamThrottled():
            return "refused"
        case UpstreamInterrupted():
            return "cut"
    return "failed"


class Moment(msgspec.Struct):
    """One bucket of the timeline."""

    asked: int = 0
    answered: int = 0
    refused: int = 0


class Group:
    """Notes on one group of callers."""

    def __init__(self, kept: Kept, name: str, tier: str) -> None:
        self._kept = kept
        self.name = name
        self.tier = tier
        self.endings: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.waits, self.latencies, self.openings, self.refusals = Sample(), Sample(), Sample(), Sample()
        self.waits_by_bucket: dict[int, Sample] = {}

    def settled(self, started: float, ended: float, reply: Reply | None, error: BaseException | None) -> None:
        """A request has come to its end."""
        kept, ending = self._kept, ending_of(error)
        kept.moved(started, ended, reply, ending)
        if started < kept.warmup_s:
            return
        self.endings[ending] += 1
        if error is not None:
            code = error.code if isinstance(error, GatewayError) else None
            self.reasons[code or type(error).__name__] += 1
        if ending == "refused":
            self.refusals.add(ended - started)
        elif reply is not None and ending == "answered":
            self._answered(started, ended, reply)

    def _answered(self, started: float, ended: float, reply: Reply) -> None:
        wait_s = max(0.0, reply.asked_at - started)
        self.waits.add(wait_s)
        self.latencies.add(ended - started)
        if reply.stream:
            self.openings.add(reply.opened_at - started)
        bucket = int(started // self._kept.bucket_s)
        sample = self.waits_by_bucket.get(bucket)
        if sample is None:
            sample = self.waits_by_bucket[bucket] = Sample()
        sample.add(wait_s)


class Kept:
    """Notes on all of them."""

    def __init__(self, warmup_s: float, duration_s: float) -> None:
        self.warmup_s = warmup_s
        self.duration_s = duration_s
        least = duration_s / BUCKETS
        self.bucket_s = next((width for width in WIDTHS_S if width >= least), WIDTHS_S[-1])
        self.groups: dict[str, Group] = {}
        self.moments = [Moment() for _ in range(ceil(duration_s / self.bucket_s))]
        self.answered_by: Counter[str] = Counter()
        self.reused: Counter[str] = Counter()
        self.cost_nano: Counter[str] = Counter()

    def group(self, name: str, tier: str) -> Group:
        self.groups[name] = Group(self, name, tier)
        return self.groups[name]

    def moved(self, started: float, ended: float, reply: Reply | None, ending: str) -> None:
        """For the timeline and for what is counted by when it happened."""
        self.moments[int(started // self.bucket_s)].asked += 1
        if ended >= self.duration_s:
            return
        moment = self.moments[int(ended // self.bucket_s)]
        moment.answered += ending == "answered"
        moment.refused += ending == "refused"
        if reply is not None and ended >= self.warmup_s:
            provider = reply.source.provider
            self.answered_by[provider] += ending == "answered"
            self.reused[reply.reuse] += ending == "answered"
            self.cost_nano[provider] += reply.cost_nano() or 0
