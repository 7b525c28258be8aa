"""The one abstraction: a Service opens a Reply for a Call; a Layer wraps a Service in a Service."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, ClassVar, Protocol

import msgspec

from headgate.core.call import Call, Reply, Source
from headgate.core.listeners import Wake


class Service(Protocol):
    """Entering means the first byte has arrived; the body of the `with` is the stream; leaving means
    settled, on success, failure and cancellation alike. What breaks mid-stream is thrown into every layer
    at its `yield`."""

    def __call__(self, call: Call, /) -> AbstractAsyncContextManager[Reply]: ...


class Upstream(Service, Protocol):
    """A Service that can say, without waiting, whether it would take a call now, when it may, and how loaded
    it is. Times are in the clock's seconds. Where `call` is not given, a call of the usual size is meant."""

    def ready(self, call: Call | None = None) -> bool: ...

    def ready_at(self, call: Call | None = None) -> float:
        """The earliest time at which it may be ready. Not later than now if it is, or if that cannot be
        known: then `watch` tells."""
        ...

    def recovers_at(self) -> float:
        """Until when it is left alone because it is not well. Not later than now if it is, or may be."""
        ...

    def refill(self, calls: int) -> float:
        """When so many further calls, of the usual size, could have been let through if nobody else took any:
        now where there is room for them, infinity where that cannot be known. Exact for limits in time; for
        a limit of concurrency an estimate, from how long calls have lasted."""
        ...

    def room(self, until: float) -> float:
        """The inverse: how many calls could have been let through by `until`; 0 where nobody can know."""
        ...

    def watch(self, wake: Wake) -> Wake:
        """`wake` is called whenever room may have come before `ready_at`: a permit given back, tokens settled
        for less than was reserved, a breaker closed, a limit raised. More often than needed, never too
        seldom, and also for calls that were not one's own. The passing of `ready_at` is not told. Returns
        what ends it."""
        ...

    def load(self) -> float:
        """Comparable among upstreams of one pool; less is better."""
        ...

    def headroom(self) -> float:
        """The share of its tightest limit that is left, from 0 to 1; 1 where it has none."""
        ...

    def condition(self) -> dict[str, Any]:
        """For people: what each layer knows of this upstream, by name."""
        ...


class Chosen(msgspec.Struct, frozen=True):
    """A call's way to one upstream, not entered yet, and where it leads."""

    source: Source
    opened: AbstractAsyncContextManager[Reply]


class Pool(Upstream, Protocol):
    """Several upstreams as one."""

    def choose(self, call: Call, /) -> Chosen:
        """As by calling it, but says where that leads."""
        ...

    def without(self, source: Source, /) -> Pool | None:
        """The same but for one of its upstreams; `None` where it has no other."""
        ...


Layer = Callable[[Service], Service]
_WALKED: dict[type, tuple[bool, bool]] = {}
"""The kinds of passages there are: whether one begins, and whether it listens for the first byte. One look-up
a passage: to ask Python whether something is one, and then for what its class says, takes five times that."""


class Passage(msgspec.Struct, eq=False):
    """One call's passage through a layer that does not wait for anything itself, unless to save it.

    `begin` comes before the inner service is asked, and may refuse by raising; whoever returns true is told,
    with `waiting`, before anything is waited for, unless nothing ever is, and perhaps more than once;
    `opened` comes with the first byte;
    `ended` exactly once for every `begin` that did not raise, whatever happened, with the error if there was
    one, and the reply if there was one. It returns the error to go on with: the same, or what the layer makes
    of it.

    Where the inner service does not open, and with an error that `saves` names, `save` may find another that
    does: the context of what it has entered, and its reply. What it raises comes in the error's place.

    A context by hand: `@asynccontextmanager` costs four times as much. Passages that follow one another are
    walked by the coroutine of the outermost: nine layers cost one `await` each way, not nine. A Struct,
    because Python 3.11 takes four times as long to make an object with an `__init__` of its own. A layer that
    does nothing when it begins, or when it has opened, is not asked then.
    """

    saves: ClassVar[tuple[type[BaseException], ...]] = ()

    inner: Service
    call: Call
    rest: AbstractAsyncContextManager[Reply] | None = None
    run: list[Passage] | None = None
    answer: Reply | None = None

    def __init_subclass__(cls, **how: Any) -> None:
        super().__init_subclass__(**how)
        _WALKED[cls] = cls.begin is not Passage.begin, cls.opened is not Passage.opened

    def begin(self) -> bool | None:
        """Nothing, unless the layer says otherwise."""
        return None

    def waiting(self) -> None:
        """Nothing, unless the layer says otherwise."""

    def opened(self, reply: Reply) -> None:
        """Nothing, unless the layer says otherwise."""

    def ended(self, error: BaseException | None, reply: Reply | None) -> BaseException | None:
        """Nothing, unless the layer says otherwise."""
        return error

    def moved(self) -> None:
        """The running task goes on with the call, which another has opened. Nothing, unless the layer says
        otherwise."""

    async def save(self, error: BaseException) -> tuple[AbstractAsyncContextManager[Reply], Reply]:
        """Nothing can be done, unless the layer says otherwise."""
        raise error

    async def __aenter__(self) -> Reply:
        run: list[Passage] = []
        wary: list[Passage] = []
        listening: list[Passage] = []
        reply: Reply | None = None
        failure: BaseException | None = None
        try:
            context: Any = self  # a passage, as long as `_WALKED` knows it
            while (moments := _WALKED.get(type(context))) is not None:
                begins, listens = moments
                if begins and context.begin():
                    wary.append(context)
                if listens:
                    listening.append(context)
                run.append(context)
                context = context.inner(context.call)
            self.rest = context
            if type(context) is Hit:
                return self._hit(run, listening, wary, context.reply)
            _warned(wary)
            reply = await context.__aenter__()
        except BaseException as error:  # noqa: BLE001  # raised below, once nobody can save the call
            failure = _unwound(run, error)
            listening.clear()  # who has ended may know the error, and that knows this frame
        if reply is None:
            try:
                reply = await self._saved(run, failure)  # type: ignore[arg-type]  # without a reply there is one
            finally:
                failure = None  # its traceback knows this frame: the two would wait for the collector
            listening = [passage for passage in run if _WALKED[type(passage)][1]]
        for passage in reversed(listening):
            passage.opened(reply)
        self.run, self.answer = run, reply
        return reply

    def _hit(self, run: list[Passage], listening: list[Passage], wary: list[Passage], reply: Reply) -> Reply:
        """The answer is here. Nothing is waited for any more, unless it is a stream, whose reader may be
        slow, or has to be sealed before it ends."""
        for passage in reversed(listening):
            passage.opened(reply)
        if reply.stream or reply.seal is not None:
            _warned(wary)
        self.run, self.answer = run, reply
        return reply

    async def _saved(self, run: list[Passage], failure: BaseException) -> Reply:
        """The reply that the innermost of the run has found all the same, or the next that knows help. Raises
        what became of the failure where nobody does."""
        try:
            _warned(run)  # it may have failed before anybody had to wait
            while run:
                failure.__traceback__ = None  # that knows the frames that know the failure
                try:
                    self.rest, reply = await run[-1].save(failure)
                except BaseException as error:  # noqa: BLE001  # raised below, as above
                    failure = _unwound(run, _told(run.pop(), error))
                else:
                    return reply
            raise failure
        finally:
            del failure

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        rest, answer, self.answer = self.rest, self.answer, None
        try:
            swallowed = None if type(rest) is Hit else await rest.__aexit__(kind, error, trace)  # type: ignore[union-attr]  # entered
        except BaseException as changed:
            _go_on(_ended(self.run or [], changed, answer), changed)
            raise
        made = _ended(self.run or [], None if swallowed else error, answer)
        if made is not None and made is not error:
            raise made from None
        return swallowed


def taken_over(opened: AbstractAsyncContextManager[Reply]) -> None:
    """Tells every passage of a context that another task has entered."""
    if isinstance(opened, Passage):
        for passage in opened.run or ():
            passage.moved()


class Hit(msgspec.Struct, eq=False):
    """The context of an answer that is here already."""

    reply: Reply

    async def __aenter__(self) -> Reply:
        return self.reply

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


def _warned(wary: list[Passage]) -> None:
    """Tells those who want to know that from now on something is waited for."""
    for passage in wary:
        passage.waiting()


def _ended(run: list[Passage], error: BaseException | None, reply: Reply | None) -> BaseException | None:
    """Tells every passage of a run, the innermost first, and returns what they made of the error.

    Empties the run: a passage that holds a list that holds the passage would wait for the garbage collector,
    and the request's body with it.
    """
    for passage in reversed(run):
        error = passage.ended(error, reply)
    run.clear()
    return error


def _unwound(run: list[Passage], error: BaseException) -> BaseException:
    """The same, until there is one that may save the call: that is then the last of the run. None is, where
    the run is empty."""
    while run and not isinstance(error, run[-1].saves):
        error = _told(run.pop(), error)
    return error


def _told(passage: Passage, error: BaseException) -> BaseException:
    """What the passage makes of an error; never nothing."""
    made = passage.ended(error, None) or error
    if made is not error:
        made.__cause__ = None  # as `raise … from None` says it
    return made


def _go_on(made: BaseException | None, of: BaseException | None) -> None:
    """Raises what was made of an error, where that is another one."""
    if made is not None and made is not of:
        try:
            raise made from None
        finally:
            del made, of


def stack(*layers: Layer, leaf: Service) -> Service:
    """The first layer outermost. Each is handed the method that opens, and not the object it is called on:
    Python looks that up anew every time, and walks through C to get there."""
    for layer in reversed(layers):
        leaf = layer(leaf.__call__)
    return leaf
