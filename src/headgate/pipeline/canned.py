"""Canned: questions for which the operator has written an answer get that, and nobody is asked.

Stands below route, which says who may ask for what, and above everything that would look further. A caller
who wants no kept answer (`no-cache`) gets none of these either. Holds the patterns.

Known weakness: of several patterns that fit, the first answers, not the one that fits best.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from headgate.core.call import Call, Reply
from headgate.core.canned import Cans
from headgate.pipeline.replay import written
from headgate.pipeline.service import Hit, Service
from headgate.ports.clock import Clock


class CannedAnswers:
    def __init__(self, inner: Service, *, cans: Cans, clock: Clock, ttl_s: float) -> None:
        """`ttl_s`: for how long an answer is good, as its caller is told."""
        self._inner = inner
        self._cans = cans
        self._clock = clock
        self._ttl_s = ttl_s

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        found = None if call.wants.no_cache else self._cans.told(call.payload.asked())
        return Hit(written(call, *found, self._clock, self._ttl_s)) if found else self._inner(call)
