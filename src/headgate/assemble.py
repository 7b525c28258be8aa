"""The composition root: the only module that knows both the settings and the classes.

`Gateway` is one process's worth of Headgate. It builds a numbered generation from settings, whole, and swaps
it in at once; requests under way keep the generation they began with. What a new generation has in common
with the old (an upstream with the same settings) it takes over as it stands: breaker, load, connections.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, TypeVar

import msgspec

from headgate.adapters.http import HttpTransport
from headgate.adapters.logs import LogRecorder
from headgate.adapters.prometheus import LEVEL, Page, PrometheusRecorder
from headgate.adapters.record import Recorders
from headgate.adapters.shared import Folder
from headgate.adapters.system import Ids
from headgate.config.describe import described
from headgate.config.tree import Breaker as BreakerSettings
from headgate.config.tree import Model, Provider, Settings
from headgate.core.breaker import Breaker
from headgate.core.call import Caller, Operation, Source
from headgate.core.permits import Permits
from headgate.core.price import Price
from headgate.core.retry import Backoff, RetryBudget
from headgate.core.routes import Routes
from headgate.core.secret import Secret
from headgate.core.tally import Tally
from headgate.pipeline.admit import Admit
from headgate.pipeline.balance import Balance
from headgate.pipeline.breaker import CircuitBreaker
from headgate.pipeline.deadline import Deadline
from headgate.pipeline.dispatch import Dispatch
from headgate.pipeline.fallback import Fallback, Retry
from headgate.pipeline.limit import Limit
from headgate.pipeline.meter import Meter
from headgate.pipeline.route import Route
from headgate.pipeline.service import Service, stack
from headgate.pipeline.timeout import Patience, Timeout
from headgate.pipeline.trace import Trace
from headgate.ports.clock import Clock
from headgate.ports.codec import Codec
from headgate.ports.recorder import Recorder
from headgate.ports.transport import Transport
from headgate.providers import catalog, simulated
from headgate.providers.anthropic import AnthropicCodec, AnthropicSurface
from headgate.providers.anthropic.relay import relay as anthropic_relay
from headgate.providers.exchange import Link
from headgate.providers.gemini import GeminiCodec
from headgate.providers.ollama import OllamaCodec
from headgate.providers.openai import OpenAICodec, OpenAISurface
from headgate.providers.openai.relay import relay as openai_relay
from headgate.providers.spec import Rules
from headgate.server.app import AsgiApp
from headgate.server.auth import Doorkeeper, OpenDoor
from headgate.server.front import Door, Front, House, ModelCard
from headgate.server.hot import Endpoint

BODY_PATIENCE_S = 60.0
"""How long a body may take to arrive, once its head has."""

ANONYMOUS = Caller(key="anonymous", tenant="anonymous")

Prices = Mapping[str, Price]
"""Model id → price, for models whose settings name none."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a process has one of, whatever its configuration. `pepper`: 16 to 64 random bytes."""

    clock: Clock
    chance: Random
    pepper: bytes


class Kept:
    """Things that outlive a generation, by name, for as long as what they are made from stays the same."""

    def __init__(self, before: Kept | None = None) -> None:
        self._before: Mapping[object, tuple[object, Any]] = before._now if before else {}
        self._now: dict[object, tuple[object, Any]] = {}

    def __call__(self, name: object, made_from: object, make: Callable[[], T]) -> T:
        known = self._now.get(name) or self._before.get(name)
        thing: T = known[1] if known and known[0] == made_from else make()
        self._now[name] = (made_from, thing)
        return thing


@dataclass(frozen=True, slots=True)
class Plan:
    """All that makes one upstream what it is: equal plans are the same upstream."""

    model_id: str
    model: Model
    provider: Provider
    key: Secret | None
    breaker: BreakerSettings
    price: Price | None
    source: Source = field(compare=False)


class Gateway:
    """One process's gateway. Build it inside the loop it serves."""

    def __init__(
        self,
        settings: Settings,
        machine: Machine,
        *,
        prices: Prices | None = None,
        folder: Folder | None = None,
    ) -> None:
        """`folder`: where the workers of this host share their counts, if there are several."""
        self.tally = Tally()
        self.clock = machine.clock
        self.surface = OpenAISurface(machine.clock.wall, Ids(""))
        self._machine = machine
        self._log = LogRecorder(requests=settings.server.log != "off")
        self._recorder = Recorders(PrometheusRecorder(self.tally), self._log)
        self._generation = Generation(1, settings, prices or {}, machine, self._recorder, Kept())
        self.page = Page(
            self.tally,
            namespace=settings.metrics.namespace,
            before=self.show_health,
            others=folder.others if folder else lambda: (),
        )
        self.house = House(self._generation.front, metrics=self.page)

    @property
    def service(self) -> Service:
        """The whole gateway as one Service: what every front door drives."""
        return self._generation.front.service

    def reload(self, settings: Settings, *, prices: Prices | None = None) -> int:
        """Swaps in a generation built from `settings`; its number. If it cannot be built, nothing changes."""
        old = self._generation
        known = old.prices if prices is None else prices
        new = Generation(old.front.number + 1, settings, known, self._machine, self._recorder, Kept(old.kept))
        self._generation, self.house.front = new, new.front
        self._log.requests = settings.server.log != "off"
        return new.front.number

    def endpoints(self) -> dict[str, AsgiApp]:
        """The hot paths."""
        clock, ids = self._machine.clock, Ids("req_")
        openai, anthropic = self.surface, AnthropicSurface(Ids(""))
        endpoint = partial(Endpoint, self.house, clock=clock, new_id=ids)
        return {
            "/v1/chat/completions": endpoint(openai, Operation.CHAT),
            "/v1/completions": endpoint(openai, Operation.COMPLETION),
            "/v1/embeddings": endpoint(openai, Operation.EMBEDDINGS),
            "/v1/messages": endpoint(anthropic, Operation.CHAT),
        }

    def show_health(self) -> None:
        """Says anew how things stand; of models and upstreams that are gone, nothing."""
        gauges: dict[tuple[str, ...], float] = {("in_flight",): float(self._generation.admit.in_flight)}
        for model, upstreams in self._generation.upstreams.items():
            gauges["model_health", model] = float(any(upstream.ready() for upstream in upstreams))
            for upstream in upstreams:
                gauges["breaker_state", upstream.condition()["upstream"]] = LEVEL[upstream.breaker.state]
        self.tally.gauges = gauges  # at once: a scrape may come from another thread


class Generation:
    """Everything that one version of the configuration stands for."""

    def __init__(
        self,
        number: int,
        settings: Settings,
        prices: Prices,
        machine: Machine,
        recorder: Recorder,
        kept: Kept,
    ) -> None:
        self.settings = settings
        self.prices = prices
        self.kept = kept
        self._machine = machine
        self._recorder = recorder
        self.upstreams = {model: tuple(self._upstreams(model)) for model in settings.models}
        self.front = Front(
            number=number,
            service=self._service(),
            door=self._door(),
            recorder=recorder,
            models=tuple(_cards(settings)),
            health=self._health,
            info=partial(described, settings, number),
            max_body_bytes=settings.server.max_body_bytes,
            deadline_s=settings.server.deadline_s,
            deadlines={name: route.deadline_s for name, route in settings.routes.items() if route.deadline_s},
            body_patience_s=BODY_PATIENCE_S,
            metadata_in_headers=settings.server.metadata in ("both", "headers"),
            metadata_in_body=settings.server.metadata in ("both", "body"),
        )

    def _service(self) -> Service:
        """The stack, outermost first."""
        settings, machine, recorder = self.settings, self._machine, self._recorder
        places = self.kept("places", None, partial(Permits, settings.server.max_in_flight))
        places.resize(settings.server.max_in_flight)
        self.admit = Admit(self._below_admit(), permits=places)
        return stack(
            partial(Trace, span_id=Ids("", size=8)),  # everything below is inside the span
            partial(Meter, recorder=recorder, clock=machine.clock),  # sees refusals too; one record a request
            partial(Deadline, clock=machine.clock),  # absolute, so that retries cannot extend it
            leaf=self.admit,  # our own health before anybody's rights: refusing must cost nothing
        )

    def _below_admit(self) -> Service:
        settings, machine = self.settings, self._machine
        pools = {
            model: Balance(upstreams, chance=machine.chance) for model, upstreams in self.upstreams.items()
        }
        retry, budget = settings.retry, RetryBudget(ratio=settings.retry.budget)
        return stack(
            # quota: the caller's tier, limits and budget
            partial(Route, routes=_routes(settings)),  # decide the candidates
            # cache, before coalesce: a hit needs no leader; batch; degrade, below the last fallback
            leaf=Fallback(  # pools in order, under one attempt budget
                pools,
                retry=Retry(
                    attempts=retry.attempts,
                    backoff=Backoff(base_s=retry.backoff_s, cap_s=retry.max_backoff_s),
                ),
                budget=self.kept("retry budget", retry.budget, lambda: budget),
                clock=machine.clock,
                chance=machine.chance,
                recorder=self._recorder,
            ),
        )

    def _upstreams(self, model_id: str) -> Iterator[CircuitBreaker]:
        """One per key; one where the provider needs none."""
        model = self.settings.models[model_id]
        provider = self.settings.providers[model.provider]
        keys: tuple[Secret | None, ...] = tuple(key.key for key in provider.keys) or (None,)
        price = model.price.per_class() if model.price else self.prices.get(model_id)
        for number, key in enumerate(keys, start=1):
            source = Source(
                provider=model.provider,
                model_id=model_id,
                model_name=model.name or model_id,
                key=str(number) if len(keys) > 1 else "",
                price=price,
            )
            plan = Plan(model_id, model, provider, key, self.settings.breaker, price, source)
            permits = self.kept(("permits", model.provider), provider, partial(Permits, provider.concurrency))
            make = partial(self._upstream, plan, permits, self._transport(plan))
            yield self.kept(source.label, plan, make)

    def _upstream(self, plan: Plan, permits: Permits, transport: Transport) -> CircuitBreaker:
        """breaker → limit → timeout → dispatch: is it well, has it room, is it answering, go."""
        clock, patience = self._machine.clock, plan.provider.timeouts
        dispatch = Dispatch(link=_link(plan), transport=transport, source=plan.source, clock=clock)
        timeout = Timeout(
            dispatch,
            clock=clock,
            patience=Patience(
                first_byte_s=patience.first_byte_s, idle_s=patience.idle_s, total_s=patience.total_s
            ),
        )
        return CircuitBreaker(
            Limit(timeout, permits=permits, clock=clock),
            breaker=Breaker(
                threshold=plan.breaker.failures, recovery_s=plan.breaker.recovery_s, since=clock.now()
            ),
            source=plan.source,
            clock=clock,
            recorder=self._recorder,
        )

    def _transport(self, plan: Plan) -> Transport:
        """Shared by the models that one key serves."""
        name, provider = plan.source.provider, plan.provider
        if provider.dialect == "simulated":
            simulation = self.kept(("simulation", name), provider, partial(self._simulation, provider))
            make = partial(simulated.SimulatedTransport, simulation, key=plan.source.key)
            return self.kept(("transport", name, plan.source.key), provider, make)
        row = catalog.row_of(name, provider.dialect, provider.base_url)
        fixed = {header: value.reveal() for header, value in provider.headers.items()}
        headers = {**fixed, **catalog.auth_headers(row.auth, plan.key)}
        return self.kept(
            ("transport", name, plan.source.key),
            (provider, plan.key),
            lambda: HttpTransport(
                provider.base_url,
                headers=headers,
                connect_s=provider.timeouts.connect_s,
                total_s=provider.timeouts.total_s,
            ),
        )

    def _simulation(self, provider: Provider) -> simulated.Simulation:
        wanted = provider.simulated
        settings = simulated.Settings(
            latency_s=wanted.latency_s,
            jitter=wanted.jitter,
            tokens_per_s=wanted.tokens_per_s,
            output_tokens=wanted.output_tokens,
            limits=simulated.Limits(rpm=wanted.rpm, tpm=wanted.tpm, burst=wanted.burst),
            faults=tuple(simulated.Scheduled(fault=fault) for fault in wanted.faults),
        )
        machine = self._machine
        return simulated.Simulation(settings, machine.clock, machine.chance)

    def _door(self) -> Door:
        settings = self.settings
        if settings.server.auth == "off":
            return OpenDoor(ANONYMOUS)
        callers = {
            key.name: Caller(
                key=key.name,
                tenant=key.tenant or key.name,
                models=None if key.models is None else frozenset(key.models),
            )
            for key in settings.keys
        }
        keys = {key.name: key.key for key in settings.keys}
        return Doorkeeper(keys, callers, pepper=self._machine.pepper)

    def _health(self) -> dict[str, Any]:
        """The document of `/health`."""
        models = {
            model: [one.condition() for one in upstreams] for model, upstreams in self.upstreams.items()
        }
        able = [any(upstream.ready() for upstream in upstreams) for upstreams in self.upstreams.values()]
        status = "ok" if all(able) else "degraded" if any(able) else "down"
        return {
            "status": status,
            "generation": self.front.number,
            "in_flight": self.admit.in_flight,
            "models": models,
        }


def _link(plan: Plan) -> Link:
    """How this upstream is spoken to: its codec, and a relay for callers of its own dialect."""
    provider, model = plan.provider, plan.source.model_name
    row = catalog.row_of(plan.source.provider, provider.dialect, provider.base_url)
    rules = msgspec.structs.replace(row.rules, drop=provider.drop)
    codec = _codec(provider.dialect, rules)
    if provider.dialect in ("openai", "simulated"):
        relay = openai_relay(model=model, rules=rules, completions=row.completions)
        return Link(codec, model=model, relays={"openai": relay})
    if provider.dialect == "anthropic":
        own = anthropic_relay(codec, model=model, rules=rules)
        return Link(codec, model=model, relays={"anthropic": own})
    return Link(codec, model=model)


def _codec(dialect: catalog.Dialect, rules: Rules) -> Codec:
    match dialect:
        case "openai" | "simulated":
            return OpenAICodec(rules)
        case "anthropic":
            return AnthropicCodec(rules)
        case "gemini":
            return GeminiCodec(rules)
        case "ollama":
            return OllamaCodec(rules)


def _routes(settings: Settings) -> Routes:
    return Routes(
        routes={name: tuple(route.use) for name, route in settings.routes.items()},
        models={id_: (model.provider, model.name or id_) for id_, model in settings.models.items()},
    )


def _cards(settings: Settings) -> Iterator[ModelCard]:
    for name in settings.routes:
        yield ModelCard(id=name, owned_by="headgate", kind="route")
    for id_, model in settings.models.items():
        yield ModelCard(id=id_, owned_by=model.provider, kind="model", context=model.context)
