"""The layers that answer from here instead of asking."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from hashlib import blake2b

from headgate.adapters.memory.cache import MemoryCache
from headgate.assemble.kept import Kept, Machine
from headgate.config.tree import Settings
from headgate.pipeline.cache import Keep, Lookup
from headgate.pipeline.coalesce import Coalesce
from headgate.pipeline.deadline import Deadline
from headgate.pipeline.identify import Identify
from headgate.pipeline.meter import Meter
from headgate.pipeline.service import Layer, Service, stack
from headgate.ports.clock import Clock
from headgate.ports.recorder import Recorder


def _form(settings: Settings, marked: bool) -> str:
    """What of the configuration shows in an answer and not in its request: where the metadata stands, and the
    words that models have around their prompts."""
    prompts = sorted((name, repr(model.prompt)) for name, model in settings.models.items() if model.prompt)
    words = blake2b(repr(prompts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{'marked' if marked else 'plain'}/{words}"


def reuse(settings: Settings, machine: Machine, kept: Kept, recorder: Recorder) -> Iterator[Layer]:
    """Outermost first. What is switched off is not there."""
    exact, coalesce, clock = settings.cache.exact, settings.coalesce, machine.clock
    if not exact.ttl_s and not coalesce.window_s:
        return
    marked = settings.server.metadata in ("both", "body")
    yield partial(  # what makes two requests the same; below route, which says who may answer
        Identify, shared=settings.cache.scope == "shared", form=_form(settings, marked)
    )
    cache = kept("exact cache", None, lambda: machine.answers or MemoryCache(max_bytes=exact.max_bytes))
    if exact.ttl_s:
        cache.resize(exact.max_bytes)
        renewing = (
            partial(_renewing, recorder=recorder, clock=clock) if exact.stale_while_revalidate_s else None
        )
        yield partial(  # a hit needs no leader
            Lookup, cache=cache, clock=clock, pace=exact.pace, renewing=renewing
        )
    if coalesce.window_s:
        window_s = 0.0 if exact.ttl_s else coalesce.window_s  # what has ended, the cache has
        yield partial(  # followers wait outside the upstreams' limits
            Coalesce, clock=clock, window_s=window_s, max_bytes=coalesce.max_bytes, marked=marked
        )
    if exact.ttl_s:
        yield partial(  # in the task that asks: it may outlive who asked first
            Keep,
            cache=cache,
            clock=clock,
            ttl_s=exact.ttl_s,
            max_bytes=exact.max_answer_bytes,
            marked=marked,
            revalidate_s=exact.stale_while_revalidate_s,
            if_error_s=exact.stale_if_error_s,
        )


def _renewing(inner: Service, *, recorder: Recorder, clock: Clock) -> Service:
    """Around a call that nobody waits for: recorded and bounded as any other."""
    return stack(partial(Meter, recorder=recorder, clock=clock), partial(Deadline, clock=clock), leaf=inner)
