"""The one abstraction: a Service opens a Reply for a Call; a Layer wraps a Service in a Service."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from headgate.core.call import Call, Reply


class Service(Protocol):
    """Entering means the first byte has arrived; the body of the `with` is the stream; leaving means
    settled, on success, failure and cancellation alike. What breaks mid-stream is thrown into every layer
    at its `yield`."""

    def __call__(self, call: Call, /) -> AbstractAsyncContextManager[Reply]: ...


class Upstream(Service, Protocol):
    """A Service that can say, without waiting, whether it would take a call now, and how loaded it is."""

    def ready(self) -> bool: ...

    def ready_at(self) -> float:
        """The earliest time, in the clock's seconds, at which it may be ready. Not later than now if it is,
        or if that cannot be known."""
        ...

    def load(self) -> float:
        """Comparable among upstreams of one pool; less is better."""
        ...

    def condition(self) -> dict[str, Any]:
        """For people: what each layer knows of this upstream, by name."""
        ...


Layer = Callable[[Service], Service]


def stack(*layers: Layer, leaf: Service) -> Service:
    """The first layer outermost."""
    for layer in reversed(layers):
        leaf = layer(leaf)
    return leaf
