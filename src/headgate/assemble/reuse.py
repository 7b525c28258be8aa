"""The layers that answer from here instead of asking."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from headgate.adapters.memory.cache import MemoryCache
from headgate.adapters.system import Ids
from headgate.assemble.batches import batched_routes, takes_prompts, takes_schema
from headgate.assemble.kept import Kept, Machine
from headgate.assemble.likeness import checking, likeness, odds, promises, terms
from headgate.config.reuse import Degrade as DegradeSettings
from headgate.config.tree import Settings
from headgate.core.call import Call
from headgate.core.canned import cans
from headgate.core.semantic.gates import Gate
from headgate.core.semantic.promise import Promise, wrong_share
from headgate.pipeline.batch import Batch
from headgate.pipeline.cache import Keep, Lookup
from headgate.pipeline.canned import CannedAnswers
from headgate.pipeline.coalesce import Coalesce
from headgate.pipeline.deadline import Deadline
from headgate.pipeline.degrade import Degrade, Ladder
from headgate.pipeline.identify import Identify
from headgate.pipeline.meter import Meter
from headgate.pipeline.semantic import Semantic
from headgate.pipeline.service import Layer, Service, stack
from headgate.ports.clock import Clock
from headgate.ports.recorder import Recorder
from headgate.providers.openai import NumberedBatching, OpenAISurface, TextBatching
from headgate.providers.retold import retold


def _serving(settings: Settings) -> dict[str, str]:
    """What stands behind each model's name: who is asked, for what, with which words around it. Whose answers
    are kept is no longer told where that has changed."""
    return {
        name: repr((name, model.provider, model.name, model.prompt))
        for name, model in settings.models.items()
    }


class Reusing:
    """The layers of one generation that answer from here, outermost first. What is switched off is not
    there."""

    def __init__(self, settings: Settings, machine: Machine, kept: Kept, recorder: Recorder) -> None:
        self._settings = settings
        self._clock = machine.clock
        self._recorder = recorder
        self._chance = machine.chance
        self._kept = kept
        self._questions = machine.questions
        self.promises: dict[str, Promise] = {}
        self._marked = settings.server.metadata in ("both", "body")
        exact, templates = settings.cache.exact, settings.cache.template
        memory = partial(MemoryCache, max_bytes=exact.max_bytes)
        self._form = "marked" if self._marked else "plain"
        self._serving = _serving(settings)
        self._retell = partial(retold, marked=self._marked)
        self._cache = kept("exact cache", None, lambda: machine.answers or memory())
        self._cache.resize(exact.max_bytes)
        semantic = settings.cache.semantic  # like a shelf, it knows requests by their keys
        self._lazy = bool(exact.ttl_s) and not self._cache.deep and not (semantic and semantic.ttl_s)
        written = [dict(one) for one in templates.templates] if templates.ttl_s else []
        self._always, self._all = cans(written)

    def layers(self, may_serve: Callable[[Call, str], bool]) -> Iterator[Layer]:
        exact, coalesce, clock = self._settings.cache.exact, self._settings.coalesce, self._clock
        if self._always:
            ttl_s = self._settings.cache.template.ttl_s
            yield partial(CannedAnswers, cans=self._always, clock=clock, ttl_s=ttl_s)  # needs no identity
        if exact.ttl_s or coalesce.window_s:
            yield partial(  # what makes two requests the same; below route, which says who may answer
                Identify,
                shared=self._settings.cache.scope == "shared",
                form=self._form,
                serving=self._serving,
                region=self._settings.cache.region,
                lazy=self._lazy,
            )
        if exact.ttl_s:
            yield self._lookup()  # a hit needs no leader
        yield from self._semantic()  # the same in other words; its answers are the exact cache's
        yield from self._degrade(may_serve)  # … and the ladder no cache that is fresh
        if coalesce.window_s:
            window_s = 0.0 if exact.ttl_s else coalesce.window_s  # what has ended, the cache has
            yield partial(  # followers wait outside the upstreams' limits
                Coalesce, clock=clock, window_s=window_s, max_bytes=coalesce.max_bytes, marked=self._marked
            )
        if exact.ttl_s:
            yield partial(  # in the task that asks: it may outlive who asked first
                Keep,
                cache=self._cache,
                clock=clock,
                ttl_s=exact.ttl_s,
                max_bytes=exact.max_answer_bytes,
                marked=self._marked,
                revalidate_s=exact.stale_while_revalidate_s,
                if_error_s=exact.stale_if_error_s,
            )

    def gauges(self) -> dict[tuple[str, ...], float]:
        """What is believed to be told wrongly, by route and by tenant, where it is promised how much."""
        found: dict[tuple[str, ...], float] = {}
        tenants: dict[str, list[Gate]] = {}
        for route, promise in self.promises.items():
            found["cache_wrong_ratio", route] = wrong_share(gate for _, gate in promise.gates())
            for tenant, gate in promise.gates():
                tenants.setdefault(tenant, []).append(gate)
        if self._settings.cache.scope == "tenant":
            for tenant, gates in tenants.items():
                found["tenant_cache_wrong_ratio", tenant] = wrong_share(gates)
        return found

    def batch(self) -> Iterator[Layer]:
        """Below the cache, which keeps each caller's own part."""
        batch, shared = self._settings.batch, self._settings.cache.scope == "shared"
        surface = OpenAISurface(self._clock.wall, Ids(""))
        for route, several in batched_routes(self._settings):
            yield partial(
                Batch,
                batching=NumberedBatching(
                    surface, route=route, max_chars=several.max_chars, takes=takes_schema(self._settings)
                ),
                clock=self._clock,
                size=several.size,
                wait_s=several.wait_s,
            )
        if batch.size > 1 and batch.wait_s:
            yield partial(
                Batch,
                batching=TextBatching(surface, takes_prompts(self._settings)),
                clock=self._clock,
                size=batch.size,
                wait_s=batch.wait_s,
                shared=shared,
            )

    def _lookup(self) -> Layer:
        exact, renewing = self._settings.cache.exact, None
        if exact.stale_while_revalidate_s or exact.warm:
            renewing = partial(_renewing, recorder=self._recorder, clock=self._clock)
        return partial(
            Lookup,
            cache=self._cache,
            clock=self._clock,
            pace=exact.pace,
            renewing=renewing,
            warm=exact.warm,
            retell=self._retell,
        )

    def _semantic(self) -> Iterator[Layer]:
        section = self._settings.cache.semantic
        if section is None or not section.ttl_s or not self._settings.cache.exact.ttl_s:
            return
        found = likeness(section, self._kept, self._questions)
        if found is None:
            return
        self.promises = promises(self._settings, section, self._kept)
        yield partial(
            Semantic,
            terms=terms(section, self._settings.cache.scope == "shared", self._form, self._serving, found[0]),
            embedder=found[0],
            questions=found[1],
            cache=self._cache,
            clock=self._clock,
            chance=self._chance,
            promises=self.promises,
            checking=checking(self._recorder, self._clock),
            retell=self._retell,
            odds=odds(section, found[0], self._kept),
        )

    def _degrade(self, may_serve: Callable[[Call, str], bool]) -> Iterator[Layer]:
        """Nothing, where no rung of any route could ever bear anybody."""
        settings = self._settings
        stale = bool(settings.cache.exact.ttl_s and settings.cache.exact.stale_if_error_s)
        usual = _ladder(settings.degrade, stale)
        routes = {
            name: _ladder(route.degrade, stale) for name, route in settings.routes.items() if route.degrade
        }
        if any(one.local or one.stale or (one.template and self._all) for one in (usual, *routes.values())):
            yield partial(
                Degrade,
                ladders=routes,
                usual=usual,
                cache=self._cache,
                cans=self._all,
                may_serve=may_serve,
                clock=self._clock,
                ttl_s=settings.cache.template.ttl_s,
                retell=self._retell,
            )


def _ladder(section: DegradeSettings, stale: bool) -> Ladder:
    return Ladder(
        local=tuple(section.local),
        stale=section.stale and stale,
        template=section.template,
        after_s=section.after_s,
    )


def _renewing(inner: Service, *, recorder: Recorder, clock: Clock) -> Service:
    """Around a call that nobody waits for: recorded and bounded as any other."""
    return stack(partial(Meter, recorder=recorder, clock=clock), partial(Deadline, clock=clock), leaf=inner)
