"""What the semantic cache is made of: the embedder, the index of questions, and promises that gates hold."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from headgate.adapters.embed import local
from headgate.adapters.near import index_of
from headgate.adapters.odds import likely
from headgate.assemble.kept import Kept
from headgate.assemble.remembered import Remembered
from headgate.config.reuse import Semantic
from headgate.config.tree import Settings
from headgate.core.semantic.judge import Odds
from headgate.core.semantic.packing import MADE_BY
from headgate.core.semantic.promise import Promise
from headgate.pipeline.deadline import Deadline
from headgate.pipeline.meter import Meter
from headgate.pipeline.semantic import Terms
from headgate.pipeline.service import Layer, Service, stack
from headgate.ports.clock import Clock
from headgate.ports.embedder import Embedder
from headgate.ports.neighbours import Neighbours, Register
from headgate.ports.recorder import Recorder

Likeness = tuple[Embedder, Neighbours]

STRICT = 0.6
"""How clear a neighbour must stand while a gate knows nothing."""

log = logging.getLogger("headgate")


def likeness(section: Semantic, kept: Kept, remembered: Remembered | None) -> Likeness | None:
    """`None`, with a warning, where what it takes is not installed: then nothing is answered by likeness.
    `remembered`: the questions of this process, where there is more than its memory for them."""
    if remembered is not None:
        remembered.resize(section.max_entries)
        return remembered.embedder, remembered
    embedder = kept("embedder of questions", section.embedder, partial(_embedder, section.embedder))
    if embedder is None:
        return None
    index = kept("questions", embedder.id, lambda: index_of(embedder.dimension, section.max_entries))
    index.resize(section.max_entries)
    return embedder, index


def odds(section: Semantic, embedder: Embedder, kept: Kept) -> Odds | None:
    """How likely questions are the same; `None` where nobody asks, or nothing was learned with this
    embedder."""
    if section.min_probability >= 1.0:
        return None
    return kept("odds of questions", embedder.id, lambda: likely(embedder))


def _embedder(name: str, *, tells: bool = True) -> Embedder | None:
    try:
        return local(name)
    except (ImportError, ValueError) as missing:
        if tells:
            log.warning("cache.semantic is off: %s", missing)
        return None


def remembered(settings: Settings, clock: Clock) -> Remembered | None:
    """What survives this process, as it is configured. Raises `ImportError` where a client is not there."""
    section, found = settings.cache.semantic, register(settings, tells=False)  # the first generation does
    if section is None or found is None:
        return None
    embedder, behind = found
    return Remembered(index_of(embedder.dimension, section.max_entries), behind, clock, embedder)


def register(settings: Settings, *, tells: bool = True) -> tuple[Embedder, Register] | None:
    """Where questions are written down, if anywhere, and what makes their vectors. `tells`: whether it says
    so where nothing does. Raises `ImportError` likewise."""
    section = settings.cache.semantic
    if section is None or section.store == "memory" or not section.ttl_s:
        return None
    embedder = _embedder(section.embedder, tells=tells)
    return None if embedder is None else (embedder, _register(settings, section, embedder))


def _register(settings: Settings, section: Semantic, embedder: Embedder) -> Register:
    if section.store == "postgres" and settings.store.url is not None:
        from headgate.adapters.postgres.questions import PostgresRegister

        url, schema = settings.store.url.reveal(), settings.store.namespace
        return PostgresRegister(url, schema=schema, dimension=embedder.dimension, most=section.max_entries)
    from headgate.adapters.sqlite import SqliteRegister

    return SqliteRegister(Path(section.file), made_by=made_by(embedder), most=section.max_entries)


def made_by(embedder: Embedder) -> str:
    """What makes vectors and readings: those of another say nothing here."""
    return f"{embedder.id} {MADE_BY}"


def promises(settings: Settings, section: Semantic, kept: Kept) -> dict[str, Promise]:
    """By the name asked for; `""`: for all others."""
    scope = settings.cache.scope
    promised = {name: route.max_false_hit_rate for name, route in settings.routes.items()}
    promised[""] = section.max_false_hit_rate
    return {
        name: kept(("promise", name), (share, scope), partial(Promise, share, STRICT))
        for name, share in promised.items()
        if share is not None
    }


def checking(recorder: Recorder, clock: Clock) -> Layer:
    """Around a call that checks a hit: recorded as a copy, bounded as any other."""

    def around(inner: Service) -> Service:
        meter = partial(Meter, recorder=recorder, clock=clock, shadow=True)
        return stack(meter, partial(Deadline, clock=clock), leaf=inner)

    return around


def terms(
    section: Semantic, shared: bool, form: str, serving: Mapping[str, str], embedder: Embedder
) -> Terms:
    return Terms(
        shared=shared,
        serving=serving,
        form=f"{form}/{made_by(embedder)}",
        ttl_s=section.ttl_s,
        floor=section.threshold,
        bar=section.min_probability,
        max_turns=section.max_turns,
        max_temperature=section.max_temperature,
        tools=section.tools,
        images=section.images,
    )
