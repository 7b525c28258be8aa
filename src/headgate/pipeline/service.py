"""The one abstraction: a Service opens a Reply for a Call; a Layer wraps a Service in a Service."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
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


class Passage:
    """One call's passage through a layer that neither changes the call nor looks at the stream.

    `begin` comes before the inner service is asked, and may refuse by raising; `opened` with the first byte;
    `ended` exactly once for every `begin` that did not raise, whatever happened, with the error if there was
    one. A context by hand: `@asynccontextmanager` costs four times as much, on every layer of every request.
    """

    __slots__ = ("_inner", "_opened", "call")

    def __init__(self, inner: Service, call: Call) -> None:
        self._inner = inner
        self.call = call

    def begin(self) -> None:
        """Nothing, unless the layer says otherwise."""

    def opened(self, reply: Reply) -> None:
        """Nothing, unless the layer says otherwise."""

    def ended(self, error: BaseException | None) -> None:
        """Nothing, unless the layer says otherwise."""

    async def __aenter__(self) -> Reply:
        self.begin()
        try:
            self._opened = self._inner(self.call)
            reply = await self._opened.__aenter__()
        except BaseException as error:
            self.ended(error)
            raise
        self.opened(reply)
        return reply

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        try:
            swallowed = await self._opened.__aexit__(kind, error, trace)
        except BaseException as changed:
            self.ended(changed)
            raise
        self.ended(None if swallowed else error)
        return swallowed


def stack(*layers: Layer, leaf: Service) -> Service:
    """The first layer outermost."""
    for layer in reversed(layers):
        leaf = layer(leaf)
    return leaf
