"""Upstreams: what stands between a pool and a provider, one per model and key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import msgspec

from headgate.adapters.http import http_transport
from headgate.assemble.kept import Kept, Machine, Prices
from headgate.config.tree import Breaker as BreakerSettings
from headgate.config.tree import Model, Provider, ProviderKey, Settings
from headgate.core.allowance import FREE, NOTHING, Rates
from headgate.core.breaker import Breaker
from headgate.core.call import Source
from headgate.core.keylimits import KeyLimits
from headgate.core.permits import Permits
from headgate.core.price import Price
from headgate.core.secret import Secret, fingerprint
from headgate.core.spare import Spare
from headgate.core.tokens import Estimator
from headgate.core.window import Windows
from headgate.pipeline.breaker import CircuitBreaker
from headgate.pipeline.dispatch import Dispatch
from headgate.pipeline.limit import Limit
from headgate.pipeline.timeout import Patience, Timeout
from headgate.ports.codec import Codec
from headgate.ports.recorder import Recorder
from headgate.ports.transport import Transport
from headgate.providers import catalog, simulated
from headgate.providers.anthropic import AnthropicCodec
from headgate.providers.anthropic.relay import relay as anthropic_relay
from headgate.providers.exchange import Link
from headgate.providers.gemini import GeminiCodec
from headgate.providers.ollama import OllamaCodec
from headgate.providers.openai import OpenAICodec
from headgate.providers.openai.relay import relay as openai_relay
from headgate.providers.spec import Rules


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


class Upstreams:
    """Makes the upstreams of one generation; what has not changed since the last one it takes over."""

    def __init__(
        self, settings: Settings, prices: Prices, machine: Machine, recorder: Recorder, kept: Kept
    ) -> None:
        self._settings = settings
        self._prices = prices
        self._machine = machine
        self._recorder = recorder
        self._kept = kept
        self.limits: dict[tuple[str, str], KeyLimits] = {}
        """By provider and the number of the key there."""
        self.estimators: dict[str, Estimator] = {}
        """By model."""
        self._closed: set[Secret] = set()
        self.by_key: dict[tuple[str, str], list[CircuitBreaker]] = {}

    def of(self, model_id: str) -> Iterator[CircuitBreaker]:
        """One per key; one where the provider needs none."""
        model = self._settings.models[model_id]
        provider = self._settings.providers[model.provider]
        keys = self._keys(provider)
        self.estimators[model_id] = self._kept(("estimator", model_id), model, Estimator)
        price = model.price.per_class() if model.price else self._prices.get(model_id)
        for number, key in keys:
            source = Source(
                provider=model.provider,
                model_id=model_id,
                model_name=model.name or model_id,
                key=_label(key, number, len(keys)),
                price=price,
                region=provider.region,
            )
            secret = key.key if key else None
            plan = Plan(model_id, model, provider, secret, self._settings.breaker, price, source)
            permits = self._kept(
                ("permits", model.provider), provider, partial(Permits, provider.concurrency)
            )
            limits = self._limits(model.provider, key, source)
            make = partial(self._upstream, plan, permits, limits, self._transport(plan))
            upstream = self._kept(source.label, plan, make)
            self.by_key.setdefault((model.provider, source.key or "1"), []).append(upstream)
            yield upstream

    def _keys(self, provider: Provider) -> list[tuple[int, ProviderKey | None]]:
        """Those of the configuration, by number, and those they were rotated to. What may not be used any
        more is allowed nothing: calls under way may end, and no new one begins."""
        ring = self._machine.ring
        if ring is None or not provider.keys:
            return list(enumerate(provider.keys or (None,), start=1))
        found: list[tuple[int, ProviderKey | None]] = []
        for key, one in ring.of(provider.keys):
            found.append((one.of + 1, key))
            if not one.usable():
                self._closed.add(key.key)
        return found

    def _limits(self, provider: str, key: ProviderKey | None, source: Source) -> KeyLimits:
        """Shared by the models that one key serves; what has been used of it is not forgotten when its limits
        change, nor when the keys change places."""
        rates = Rates(rpm=key.rpm, tpm=key.tpm, burst=key.burst) if key else FREE
        if key and key.key in self._closed:
            rates = NOTHING
        name = "limits", provider, key.key if key else None
        limits = self._kept(name, None, partial(self._key_limits, provider, key))
        if limits.configured != rates:
            limits.configure(rates)
        limits.spare = self._kept(("spare", provider), None, Spare)
        limits.spare.keys = max(len(self._settings.providers[provider].keys), 1)
        limits.smooth = self._settings.providers[provider].shape == "smooth"
        self.limits[provider, source.key or "1"] = limits
        return limits

    def _key_limits(self, provider: str, key: ProviderKey | None) -> KeyLimits:
        """Of this process alone, or shared with others."""
        sharing = self._machine.sharing
        if sharing is None:
            return KeyLimits(Windows(FREE))
        limits = KeyLimits(sharing.allowance(f"{provider}/{fingerprint(key.key) if key else ''}"))
        sharing.refilled.add(limits.refilled)
        return limits

    def _upstream(
        self, plan: Plan, permits: Permits, limits: KeyLimits, transport: Transport
    ) -> CircuitBreaker:
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
            Limit(
                timeout,
                permits=permits,
                clock=clock,
                key=limits,
                estimator=self.estimators[plan.model_id],
            ),
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
            simulation = self._kept(("simulation", name), provider, partial(self._simulation, provider))
            make = partial(simulated.SimulatedTransport, simulation, key=plan.source.key)
            return self._kept(("transport", name, plan.source.key), provider, make)
        row = catalog.row_of(name, provider.dialect, provider.base_url)
        fixed = {header: value.reveal() for header, value in provider.headers.items()}
        headers = {**fixed, **catalog.auth_headers(row.auth, plan.key)}
        return self._kept(
            ("transport", name, plan.source.key),
            (provider, plan.key),
            lambda: http_transport(
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
            brief=wanted.brief,
            limits=simulated.Limits(rpm=wanted.rpm, tpm=wanted.tpm, burst=wanted.burst),
            faults=tuple(simulated.Scheduled(fault=fault) for fault in wanted.faults),
        )
        machine = self._machine
        return simulated.Simulation(settings, machine.clock, machine.chance)


def _label(key: ProviderKey | None, number: int, count: int) -> str:
    """What a key is called in metrics and logs: nothing, where there is one that has no name."""
    return key.name if key and key.name else str(number) if count > 1 else ""


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
