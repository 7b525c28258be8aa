"""Metrics for Prometheus: a `ports.Recorder` that counts, and the page that shows the counts.

Labels are bounded by the configuration, tenants among them: never a user, a prompt or a request id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from headgate.core.breaker import State
from headgate.core.call import Call, Discarded, Outcome, Reply, Source
from headgate.core.decision import Decision
from headgate.core.errors import GatewayError
from headgate.core.fleet import Fleet
from headgate.core.hedging import Bet
from headgate.core.record import Record
from headgate.core.reuse import BYPASS, MISS, Rung
from headgate.core.tally import UNKNOWN, Histogram, Key, Snapshot, Tally
from headgate.core.waiting import Left

T = TypeVar("T")

FINISHED = Outcome.FINISHED

BUSY_S = 1.0
"""How long a scrape waits for the loop."""

COUNTERS = {
    "tenant_cache_requests_total": (
        "Requests that could have been answered from here, by tenant and what became of them.",
        ("tenant", "result"),
    ),
    "tenant_saved_usd_total": ("What answers would have cost a tenant that no upstream gave.", ("tenant",)),
    "degraded_total": ("Requests that nobody answered who should, by what came instead.", ("rung",)),
    "requests_total": ("Requests settled, by outcome.", ("model", "intent", "status")),
    "model_requests_total": ("Requests a model served.", ("model",)),
    "fallback_requests_total": ("Requests that another model served.", ("from_model", "to_model")),
    "hedges_total": (
        "Second calls while a first one was silent, by how they ended.",
        ("model", "to", "result"),
    ),
    "errors_total": ("Upstream calls that failed.", ("model", "error_type")),
    "cache_requests_total": ("Requests that could have been answered from here.", ("kind", "result")),
    "coalesced_total": ("Requests that shared another's upstream call.", ()),
    "saved_usd_total": ("What answers from here would have cost.", ("kind",)),
    "tokens_total": ("Tokens, in classes that do not overlap.", ("model", "class")),
    "cost_usd_total": ("Cost of answers whose price is known.", ("model",)),
    "cascades_total": ("Cascades, by who answered and what became of the first answer.", ("model", "result")),
    "mirror_requests_total": ("Copies sent to a mirror, by outcome.", ("model", "status")),
    "intent_classification_total": ("Requests classified, by how sure that was.", ("intent", "confidence")),
    "canaries_stopped_total": ("Canaries that were shown to be worse.", ("route", "model", "reason")),
    "key_requests_total": ("Requests served under a provider's key.", ("provider", "key")),
    "key_tokens_total": ("Tokens they took.", ("provider", "key")),
    "key_cost_usd_total": ("What they cost, where the price is known.", ("provider", "key")),
    "refusals_total": ("Requests for which there was no room, by why.", ("queue", "reason")),
    "fleet_transitions_total": ("Fleets opened and closed.", ("fleet", "to")),
    "budget_alerts_total": ("Times that so much percent of a budget were spent.", ("budget", "percent")),
    "breaker_transitions_total": ("Changes of a breaker's state.", ("upstream", "to")),
    "breaker_state_seconds_total": ("Time spent in states that have ended.", ("upstream", "state")),
}
HISTOGRAMS = {
    "latency_seconds": ("From arrival to the end of the answer.", ("model", "intent")),
    "time_to_first_token_seconds": ("From arrival to a stream's first byte.", ("model",)),
    "classification_latency_seconds": ("Time it took to understand a request.", ()),
    "queue_wait_seconds": ("Wait for room of requests that then got it.", ("queue",)),
    "overhead_seconds": ("From arrival until the upstream that served was asked.", ()),
}
GAUGES = {
    "cache_wrong_ratio": (
        "Of all requests, those a likeness is believed to have answered wrongly.",
        ("route",),
    ),
    "tenant_cache_wrong_ratio": ("The same, by tenant, where tenants share no answers.", ("tenant",)),
    "fallback_rate": ("Share of a model's first choices that another model served.", ("model",)),
    "model_health": ("1 where an upstream of the model is ready.", ("model",)),
    "breaker_state": ("0 closed, 1 half-open, 2 open.", ("upstream",)),
    "limit_usage_ratio": (
        "How much of a key's limit of a minute is used; 1 is all of it.",
        ("provider", "key", "kind"),
    ),
    "key_state": ("1 for the state that a provider's key is in.", ("provider", "key", "state")),
    "key_rotation_due_seconds": ("How long ago a key should have been rotated.", ("provider", "key")),
    "ledger_journal_rows": ("Rows that the store of the books does not have yet.", ()),
    "ledger_lost_rows": ("Rows that neither disk nor memory would take.", ()),
    "budget_spent_ratio": ("How much of a budget is spent; 1 is all of it.", ("budget",)),
    "work_failing": ("1 where work beside the requests has failed of late, and was begun again.", ("work",)),
    "jobs": ("Jobs in the store, by what has become of them.", ("status",)),
    "limits_shared": ("1 while limits are shared with other processes, 0 without their store.", ()),
    "token_estimate_error_ratio": (
        "Mean error of estimated tokens, as a share: of prompts, and of what is reserved in total.",
        ("model", "of"),
    ),
    "fleet_open": ("1 where a fleet is open for some chain of models.", ("fleet",)),
    "queue_depth": ("Requests that wait for room.", ("queue",)),
    "in_flight": ("Requests in the house.", ()),
    "in_flight_limit": ("As many as there may be at present.", ()),
}
LEVEL = {State.CLOSED: 0.0, State.HALF_OPEN: 1.0, State.OPEN: 2.0}


class PrometheusRecorder:
    """Counts into `tally`."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._overhead = tally.histogram("overhead_seconds")
        self._classification = tally.histogram("classification_latency_seconds")

    def settled(self, record: Record) -> None:
        reply = record.reply
        model = reply.source.model_id if reply else UNKNOWN
        if record.shadow:
            self._tally.counters["mirror_requests_total", model, record.outcome] += 1
            return
        if reply is not None and reply.degraded is not None:
            self._tally.counters["degraded_total", reply.degraded] += 1
        elif record.outcome is Outcome.DEFERRED:
            self._tally.counters["degraded_total", Rung.JOB] += 1
        decision = record.decision if reply is None else reply.decision
        intent = self._classified(decision) if decision is not None else UNKNOWN
        if reply is None:
            self._tally.counters["requests_total", model, intent, record.outcome] += 1
        elif reply.reuse is BYPASS or reply.reuse is MISS:
            self._answered(record, reply, model, intent)
        else:
            self._told(record, reply, model, intent)
        if record.discarded:
            self._put_aside(intent, record.discarded)

    def _classified(self, decision: Decision) -> str:
        """Counts how a request was understood; its intent."""
        if decision.classified_s is not None:
            self._classification.observe(decision.classified_s)
        if decision.intent is None:
            return UNKNOWN
        self._tally.counters["intent_classification_total", decision.intent, decision.band or UNKNOWN] += 1
        return decision.intent

    def _put_aside(self, intent: str, answers: Iterable[Discarded]) -> None:
        """What was not told was paid for all the same."""
        for one in answers:
            series, usage = self._tally.of(one.source.model_id, intent), one.usage
            series.cost_nano += one.cost_nano or 0
            series.input += usage.input
            series.output += usage.output
            series.cache_read += usage.cache_read
            series.cache_write += usage.cache_write
            series.reasoning += usage.reasoning

    def _told(self, record: Record, reply: Reply, model: str, intent: str) -> None:
        """An answer from here, which is counted apart: no model served it."""
        series = self._tally.here[model, intent, record.tenant, reply.reuse]
        if record.outcome is FINISHED:
            series.finished += 1
        else:
            self._tally.counters["requests_total", model, intent, record.outcome] += 1
        series.told += 1
        series.saved_nano += reply.saved_nano

    def _answered(self, record: Record, reply: Reply, model: str, intent: str) -> None:
        """An upstream's answer."""
        if reply.reuse is MISS:
            caller = record.caller
            self._tally.missed[caller.tenant if caller else ""] += 1
        series = self._tally.of(model, intent)
        if record.outcome is FINISHED:
            series.finished += 1
        else:
            self._tally.counters["requests_total", model, intent, record.outcome] += 1
        if reply.judged is not None:
            self._tally.counters["cascades_total", model, reply.judged] += 1
        started_at, opened_at = record.started_at, reply.opened_at
        series.served += 1
        series.latency.observe(record.ended_at - started_at)
        self._overhead.observe(reply.asked_at - started_at)
        if record.stream:
            series.first_token.observe(opened_at - started_at)
        series.cost_nano += reply.own_nano() or 0
        usage = reply.usage()
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

    def hedged(self, call: Call, model: str, to: str, bet: Bet) -> None:
        self._tally.counters["hedges_total", model, to, bet] += 1

    def queued(self, call: Call, seconds: float, left: Left) -> None:
        queue = call.caller.tier.queue
        if left is Left.SERVED:
            self._tally.histogram("queue_wait_seconds", queue).observe(seconds)
        elif left is not Left.GONE:
            self._tally.counters["refusals_total", queue, left] += 1

    def fleet_moved(self, chain: Sequence[str], fleet: Fleet, *, is_open: bool, load: float) -> None:
        self._tally.counters["fleet_transitions_total", fleet, "open" if is_open else "closed"] += 1

    def breaker_moved(self, source: Source, before: State, after: State, seconds: float) -> None:
        label = source.label
        self._tally.gauges["breaker_state", label] = LEVEL[after]
        self._tally.counters["breaker_transitions_total", label, after] += 1
        self._tally.counters["breaker_state_seconds_total", label, before] += seconds

    def canary_stopped(self, route: str, model: str, reason: str) -> None:
        self._tally.counters["canaries_stopped_total", route, model, reason] += 1


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
        """Serves the page alone, from a thread, for as long as the process lives. Call it from the loop whose
        page it is. Raises `OSError`."""
        registry = CollectorRegistry()
        registry.register(_FromAThread(self, asyncio.get_running_loop()))
        start_http_server(port, host, registry)

    def collect(self) -> Iterator[Metric]:
        self.bring_up_to_date()
        return self.families()

    def bring_up_to_date(self) -> None:
        """Only in the loop's own thread: to look at limits is to forget what has left their windows."""
        self._before()

    def families(self) -> Iterator[Metric]:
        whole = Tally()
        whole.add(self._tally.snapshot(), living=True)
        for other, living in self._others():
            whole.add(other, living=living)
        _rate_fallbacks(whole)
        return _families(whole, self._namespace)


class _FromAThread(Collector):
    """A page, for whoever stands outside the loop: it is brought up to date there, or left as it is where the
    loop is busy for too long."""

    def __init__(self, page: Page, loop: asyncio.AbstractEventLoop) -> None:
        self._page = page
        self._loop = loop

    def collect(self) -> Iterator[Metric]:
        done: Future[None] = Future()

        def bring() -> None:
            try:
                self._page.bring_up_to_date()
            finally:
                done.set_result(None)

        with suppress(RuntimeError, TimeoutError):  # the loop is closed, or busy
            self._loop.call_soon_threadsafe(bring)
            done.result(BUSY_S)
        return self._page.families()


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
