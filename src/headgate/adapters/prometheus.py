"""Metrics for Prometheus: a `ports.Recorder` that counts, and the page that shows the counts.

Labels are bounded by the configuration: never a caller, a prompt or a request id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from headgate.core.breaker import State
from headgate.core.call import Call, Reply, Source
from headgate.core.errors import GatewayError
from headgate.core.record import Record
from headgate.core.tally import UNKNOWN, Histogram, Key, Series, Snapshot, Tally

T = TypeVar("T")

COUNTERS = {
    "requests_total": ("Requests settled, by outcome.", ("model", "intent", "status")),
    "model_requests_total": ("Requests a model served.", ("model",)),
    "fallback_requests_total": ("Requests that another model served.", ("from_model", "to_model")),
    "errors_total": ("Upstream calls that failed.", ("model", "error_type")),
    "tokens_total": ("Tokens, in classes that do not overlap.", ("model", "class")),
    "cost_usd_total": ("Cost of answers whose price is known.", ("model",)),
    "breaker_transitions_total": ("Changes of a breaker's state.", ("upstream", "to")),
    "breaker_state_seconds_total": ("Time spent in states that have ended.", ("upstream", "state")),
}
HISTOGRAMS = {
    "latency_seconds": ("From arrival to the end of the answer.", ("model", "intent")),
    "time_to_first_token_seconds": ("From arrival to a stream's first byte.", ("model",)),
    "overhead_seconds": ("From arrival until the upstream that served was asked.", ()),
}
GAUGES = {
    "fallback_rate": ("Share of a model's first choices that another model served.", ("model",)),
    "model_health": ("1 where an upstream of the model is ready.", ("model",)),
    "breaker_state": ("0 closed, 1 half-open, 2 open.", ("upstream",)),
    "in_flight": ("Requests in the house.", ()),
}
LEVEL = {State.CLOSED: 0.0, State.HALF_OPEN: 1.0, State.OPEN: 2.0}


class PrometheusRecorder:
    """Counts into `tally`."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._overhead = tally.histogram("overhead_seconds")

    def settled(self, record: Record) -> None:
        reply = record.reply
        model = reply.source.model_id if reply else UNKNOWN
        self._tally.counters["requests_total", model, UNKNOWN, record.outcome] += 1
        if reply is not None:
            self._answered(self._tally.of(model), record, reply)

    def _answered(self, series: Series, record: Record, reply: Reply) -> None:
        started_at, opened_at = record.started_at, reply.opened_at
        series.served += 1
        series.latency.observe(record.ended_at - started_at)
        self._overhead.observe(reply.asked_at - started_at)
        if record.stream:
            series.first_token.observe(opened_at - started_at)
        series.cost_nano += reply.cost_nano() or 0
        usage = reply.seen.usage or reply.usage()
        series.input += usage.input
        series.output += usage.output
        if usage.cache_read or usage.cache_write or usage.reasoning:
            series.cache_read += usage.cache_read
            series.cache_write += usage.cache_write
            series.reasoning += usage.reasoning

    def attempt_failed(self, call: Call, source: Source, error: GatewayError) -> None:
        self._tally.counters["errors_total", source.model_id, type(error).__name__] += 1

    def fell_back(self, call: Call, from_model: str, to_model: str, error: GatewayError) -> None:
        self._tally.counters["fallback_requests_total", from_model, to_model] += 1

    def breaker_moved(self, source: Source, before: State, after: State, seconds: float) -> None:
        label = source.label
        self._tally.gauges["breaker_state", label] = LEVEL[after]
        self._tally.counters["breaker_transitions_total", label, after] += 1
        self._tally.counters["breaker_state_seconds_total", label, before] += seconds


class Page(Collector):
    """The exposition of a tally, and of those of other processes, under `namespace`.

    `before` is called first, to bring gauges up to date; `others` gives the other processes' counts, with
    whether each still lives.
    """

    def __init__(
        self,
        tally: Tally,
        *,
        namespace: str,
        before: Callable[[], None],
        others: Callable[[], Iterable[tuple[Snapshot, bool]]],
    ) -> None:
        self._tally = tally
        self._namespace = namespace
        self._before = before
        self._others = others
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def __call__(self) -> tuple[bytes, str]:
        """The page and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def serve(self, host: str, port: int) -> None:
        """Serves the page alone, from a thread, for as long as the process lives. Raises `OSError`."""
        start_http_server(port, host, self.registry)

    def collect(self) -> Iterator[Metric]:
        self._before()
        whole = Tally()
        whole.add(self._tally.snapshot(), living=True)
        for other, living in self._others():
            whole.add(other, living=living)
        _rate_fallbacks(whole)
        return _families(whole, self._namespace)


def _rate_fallbacks(tally: Tally) -> None:
    """`fallback_rate`: of the requests a model was the first choice for, those another model served."""
    lost: dict[str, float] = {}
    gained: dict[str, float] = {}
    for (name, *labels), count in tally.counters.items():
        if name == "fallback_requests_total":
            lost[labels[0]] = lost.get(labels[0], 0.0) + count
            gained[labels[1]] = gained.get(labels[1], 0.0) + count
    for model, count in lost.items():
        served_first = tally.counters.get(("model_requests_total", model), 0.0) - gained.get(model, 0.0)
        tally.gauges["fallback_rate", model] = count / (served_first + count)


def _families(tally: Tally, namespace: str) -> Iterator[Metric]:
    """A tally in prometheus-client's words."""
    for name, (text, labels) in COUNTERS.items():
        counter = CounterMetricFamily(f"{namespace}_{name}", text, labels=labels)
        for values, count in _of(name, tally.counters.items()):
            counter.add_metric(values, count)
        yield counter
    for name, (text, labels) in GAUGES.items():
        gauge = GaugeMetricFamily(f"{namespace}_{name}", text, labels=labels)
        for values, value in _of(name, tally.gauges.items()):
            gauge.add_metric(values, value)
        yield gauge
    for name, (text, labels) in HISTOGRAMS.items():
        histogram = HistogramMetricFamily(f"{namespace}_{name}", text, labels=labels)
        for values, found in _of(name, tally.histograms.items()):
            histogram.add_metric(values, _cumulated(found), found.total)
        yield histogram


def _of(name: str, items: Iterable[tuple[Key, T]]) -> Iterator[tuple[tuple[str, ...], T]]:
    """What was counted under `name`, by its labels' values."""
    for key, value in items:
        if key[0] == name:
            yield key[1:], value


def _cumulated(histogram: Histogram) -> list[tuple[str, float]]:
    """Buckets as Prometheus has them: each holds all below its bound."""
    so_far, buckets = 0, []
    for bound, count in zip((*histogram.bounds, "+Inf"), histogram.counts, strict=True):
        so_far += count
        buckets.append((str(bound), float(so_far)))
    return buckets
