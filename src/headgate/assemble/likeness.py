"""What the semantic cache is made of: the embedder, the index of questions, and gates that hold promises."""

from __future__ import annotations

import logging
from functools import partial

from headgate.adapters.embed import local
from headgate.adapters.near import index_of
from headgate.assemble.kept import Kept
from headgate.config.reuse import Semantic
from headgate.config.tree import Settings
from headgate.core.semantic.gates import Gate
from headgate.pipeline.deadline import Deadline
from headgate.pipeline.meter import Meter
from headgate.pipeline.semantic import Terms
from headgate.pipeline.service import Layer, Service, stack
from headgate.ports.clock import Clock
from headgate.ports.embedder import Embedder
from headgate.ports.neighbours import Neighbours
from headgate.ports.recorder import Recorder

STRICT = 0.6
"""How clear a neighbour must stand while a gate knows nothing."""

log = logging.getLogger("headgate")


def likeness(section: Semantic, kept: Kept) -> tuple[Embedder, Neighbours] | None:
    """`None`, with a warning, where what it takes is not installed: then nothing is answered by likeness."""
    embedder = kept("embedder of questions", section.embedder, partial(_embedder, section.embedder))
    if embedder is None:
        return None
    index = kept("questions", embedder.id, lambda: index_of(embedder.dimension, section.max_entries))
    index.resize(section.max_entries)
    return embedder, index


def _embedder(name: str) -> Embedder | None:
    try:
        return local(name)
    except (ImportError, ValueError) as missing:
        log.warning("cache.semantic is off: %s", missing)
        return None


def gates(settings: Settings, section: Semantic, kept: Kept) -> dict[str, Gate]:
    """By the name asked for; `""`: for all others."""
    promised = {name: route.max_false_hit_rate for name, route in settings.routes.items()}
    promised[""] = section.max_false_hit_rate
    return {
        name: kept(("gate", name), share, partial(Gate, share, STRICT))
        for name, share in promised.items()
        if share is not None
    }


def checking(recorder: Recorder, clock: Clock) -> Layer:
    """Around a call that checks a hit: recorded as a copy, bounded as any other."""

    def around(inner: Service) -> Service:
        meter = partial(Meter, recorder=recorder, clock=clock, shadow=True)
        return stack(meter, partial(Deadline, clock=clock), leaf=inner)

    return around


def terms(section: Semantic, shared: bool, form: str) -> Terms:
    return Terms(
        shared=shared,
        form=form,
        ttl_s=section.ttl_s,
        floor=section.threshold,
        max_turns=section.max_turns,
        max_temperature=section.max_temperature,
        tools=section.tools,
        images=section.images,
    )
