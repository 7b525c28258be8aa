"""Metrics for Prometheus: a `ports.Recorder` that counts.

Labels are bounded by the configuration: never a caller, a prompt or a request id, and a model the
configuration does not know is counted as `unknown`. A label set's children are looked up once and kept, since
`labels()` costs more than the count itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from headgate.core.breaker import State
from headgate.core.call import Call, Source
from headgate.core.errors import GatewayError
from headgate.core.price import usd
from headgate.core.record import Record

UNKNOWN = "unknown"
TOKEN_CLASSES = ("input", "cache_read", "cache_write", "output", "reasoning")
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_OVERHEAD = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0)
_STATES = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}


class _Children:
    """The counters of one model, found once. `firsts` and `lost` count the requests it was the first choice
    for, and those of them that another model served."""

    __slots__ = ("by_status", "cost", "firsts", "latency", "lost", "requests", "tokens", "ttft")

    def __init__(self, metrics: Metrics, model: str) -> None:
        self.requests = metrics.model_requests.labels(model)
        self.latency = metrics.latency.labels(model, UNKNOWN)
        self.ttft = metrics.first_token.labels(model)
        self.cost = metrics.cost.labels(model)
        self.tokens = {kind: metrics.tokens.labels(model, kind) for kind in TOKEN_CLASSES}
        self.by_status = cache(lambda status: metrics.requests.labels(model, UNKNOWN, status))
        self.firsts = 0
        self.lost = 0


class Metrics:
    """One registry's worth of metrics, named as the contract names them under `namespace`."""

    def __init__(self, namespace: str) -> None:
        self.registry = registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, namespace=namespace, registry=registry)

        def seconds(name: str, text: str, *labels: str, buckets: tuple[float, ...] = _SECONDS) -> Histogram:
            return Histogram(name, text, labels, namespace=namespace, registry=registry, buckets=buckets)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, namespace=namespace, registry=registry)

        self.requests = counter(
            "requests_total", "Requests settled, by outcome.", "model", "intent", "status"
        )
        self.model_requests = counter("model_requests_total", "Requests a model served.", "model")
        self.fallbacks = counter(
            "fallback_requests_total",
            "Requests another model served than the first choice.",
            "from_model",
            "to_model",
        )
        self.errors = counter("errors_total", "Upstream calls that failed.", "model", "error_type")
        self.latency = seconds("latency_seconds", "From arrival to the end of the answer.", "model", "intent")
        self.first_token = seconds(
            "time_to_first_token_seconds", "From arrival to a stream's first byte.", "model"
        )
        self.overhead = seconds(
            "overhead_seconds", "Time to the first byte that is not the upstream's.", buckets=_OVERHEAD
        )
        self.tokens = counter("tokens_total", "Tokens, in classes that do not overlap.", "model", "class")
        self.cost = counter("cost_usd_total", "Cost of answers whose price is known.", "model")
        self.breaker_state = gauge("breaker_state", "0 closed, 1 half-open, 2 open.", "upstream")
        self.breaker_moves = counter(
            "breaker_transitions_total", "Changes of a breaker's state.", "upstream", "to"
        )
        self.breaker_time = counter(
            "breaker_state_seconds_total", "Time spent in states that have ended.", "upstream", "state"
        )
        self.in_flight = gauge("in_flight", "Requests in the house.")
        self.fallback_rate = gauge(
            "fallback_rate", "Share of a model's first choices that another model served.", "model"
        )
        self.model_health = gauge("model_health", "1 where an upstream of the model is ready.", "model")

        self.before_page: list[Callable[[], None]] = []

    def page(self) -> tuple[bytes, str]:
        """The exposition and its content type. What is only known by asking is asked now."""
        for ask in self.before_page:
            ask()
        return generate_latest(self.registry), CONTENT_TYPE_LATEST


class PrometheusRecorder:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._models: dict[str, _Children] = {}
        metrics.before_page.append(self._show_fallback_rates)

    def settled(self, record: Record) -> None:
        children = self._of(record.model_id or UNKNOWN)
        children.by_status(record.outcome).inc()
        if record.first_byte_s is not None:
            self._answered(children, record, record.first_byte_s)

    def _answered(self, children: _Children, record: Record, first_byte_s: float) -> None:
        children.requests.inc()
        children.latency.observe(record.total_s)
        self._metrics.overhead.observe(first_byte_s - (record.upstream_s or 0.0))
        if record.stream:
            children.ttft.observe(first_byte_s)
        if record.cost_nano:
            children.cost.inc(usd(record.cost_nano))
        if record.usage:
            for kind, counter in children.tokens.items():
                if count := getattr(record.usage, kind):
                    counter.inc(count)
        first = self._of(record.fallback_from) if record.fallback_from else children
        first.firsts += 1
        first.lost += first is not children

    def _of(self, model: str) -> _Children:
        children = self._models.get(model)
        if children is None:
            children = self._models[model] = _Children(self._metrics, model)
        return children

    def _show_fallback_rates(self) -> None:
        for model, children in self._models.items():
            if children.firsts:
                self._metrics.fallback_rate.labels(model).set(children.lost / children.firsts)

    def attempt_failed(self, call: Call, source: Source, error: GatewayError) -> None:
        self._metrics.errors.labels(source.model_id, type(error).__name__).inc()

    def fell_back(self, call: Call, from_model: str, to_model: str, error: GatewayError) -> None:
        self._metrics.fallbacks.labels(from_model, to_model).inc()

    def breaker_moved(self, source: Source, before: State, after: State, seconds: float) -> None:
        metrics, label = self._metrics, source.label
        metrics.breaker_state.labels(label).set(_STATES[after])
        metrics.breaker_moves.labels(label, after).inc()
        metrics.breaker_time.labels(label, before).inc(seconds)
