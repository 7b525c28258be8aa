"""Template: puts a model's own words around every prompt that goes to it.

Stands around the pool of a model that has a template, below fallback: another model of the chain gets the
prompt as it came. Holds nothing.

Known weakness: a prompt is decoded and encoded once more for every attempt at such a model.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec

from headgate.core.call import Call, Reply, Source
from headgate.core.listeners import Wake
from headgate.core.shape import Shape
from headgate.pipeline.service import Chosen, Pool


class Template:
    """A pool whose prompts are shaped."""

    def __init__(self, inner: Pool, *, shape: Shape) -> None:
        self._inner = inner
        self._shape = shape

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        if call.payload.asked() is None:
            return self._inner(call)
        return self._inner(msgspec.structs.replace(call, payload=call.payload.shaped(self._shape)))

    def choose(self, call: Call) -> Chosen:
        if call.payload.asked() is None:
            return self._inner.choose(call)
        return self._inner.choose(msgspec.structs.replace(call, payload=call.payload.shaped(self._shape)))

    def without(self, source: Source) -> Template | None:
        others = self._inner.without(source)
        return None if others is None else Template(others, shape=self._shape)

    def ready(self, call: Call | None = None) -> bool:
        return self._inner.ready(call)

    def ready_at(self, call: Call | None = None) -> float:
        return self._inner.ready_at(call)

    def recovers_at(self) -> float:
        return self._inner.recovers_at()

    def refill(self, calls: int) -> float:
        return self._inner.refill(calls)

    def room(self, until: float) -> float:
        return self._inner.room(until)

    def watch(self, wake: Wake) -> Wake:
        return self._inner.watch(wake)

    def load(self) -> float:
        return self._inner.load()

    def headroom(self) -> float:
        return self._inner.headroom()

    def condition(self) -> dict[str, Any]:
        return self._inner.condition()
