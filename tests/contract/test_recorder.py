"""`ports.recorder.Recorder`: one suite over every recorder. Told of anything, none waits, raises or tells."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.adapters.logs import LogRecorder
from headgate.adapters.prometheus import Page, PrometheusRecorder
from headgate.adapters.record import Recorders
from headgate.core import errors as e
from headgate.core.breaker import State
from headgate.core.call import Call, Caller, Operation, Outcome, Reply, Seen, Source
from headgate.core.price import Price
from headgate.core.record import Record
from headgate.core.tally import Tally
from headgate.core.usage import Usage
from headgate.ports.recorder import Recorder
from scripted import FakePayload, Notes, Playing

CALLER = Caller(key="alice", tenant="acme")
CALL = Call(payload=FakePayload(), caller=CALLER, request_id="req-1", started_at=1.0, deadline_at=9.0)
SOURCE = Source(
    provider="p", model_id="m", model_name="m-up", key="2", price=Price(input=1_000_000, output=2_000_000)
)
PROMPT = "the words of the caller"

MAKERS: dict[str, Callable[[], Recorder]] = {
    "prometheus": lambda: PrometheusRecorder(Tally()),
    "log": lambda: LogRecorder(requests=True),
    "log-off": lambda: LogRecorder(requests=False),
    "all": lambda: Recorders(PrometheusRecorder(Tally()), LogRecorder(requests=True), Notes()),
}


@pytest.fixture(params=MAKERS)
def recorder(request: pytest.FixtureRequest) -> Recorder:
    return MAKERS[request.param]()


def reply(usage: Usage | None = None, *, stream: bool = True, finish: str | None = None) -> Reply:
    seen = Seen(prompt_chars=40)
    seen.usage, seen.finish, seen.model = usage, finish, "m-served"
    return Reply(
        source=SOURCE,
        seen=seen,
        body=Playing(()),
        tail=lambda metadata: metadata or b"",
        stream=stream,
        asked_at=1.25,
        opened_at=1.5,
    )


def record(**members: Any) -> Record:
    usual: dict[str, Any] = {
        "request_id": "req-1",
        "outcome": Outcome.FINISHED,
        "operation": Operation.CHAT,
        "stream": True,
        "requested": "auto",
        "caller": CALLER,
        "started_at": 1.0,
        "ended_at": 2.0,
    }
    return Record(**{**usual, **members})


ERRORS = [kind for kind in vars(e).values() if isinstance(kind, type) and issubclass(kind, e.GatewayError)]
CAUSES: list[BaseException] = [
    *(kind("what went wrong") for kind in ERRORS),
    asyncio.CancelledError(),
    GeneratorExit(),
    ValueError(PROMPT),
]
TOKENS = st.integers(0, 10**9)
USAGES = st.none() | st.builds(
    Usage, input=TOKENS, cache_read=TOKENS, cache_write=TOKENS, output=TOKENS, reasoning=TOKENS
)


# ── never raises ─────────────────────────────────────────────────────────────────────────────────


@given(
    outcome=st.sampled_from(Outcome),
    cause=st.none() | st.sampled_from(CAUSES),
    usage=USAGES,
    opened=st.booleans(),
    stream=st.booleans(),
    requested=st.text(max_size=300),
    finish=st.none() | st.text(max_size=30),
    caller=st.sampled_from([None, CALLER]),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_ending_is_written_down(
    recorder: Recorder,
    outcome: Outcome,
    cause: BaseException | None,
    usage: Usage | None,
    opened: bool,
    stream: bool,
    requested: str,
    finish: str | None,
    caller: Caller | None,
) -> None:
    answer = reply(usage, stream=stream, finish=finish) if opened else None
    recorder.settled(
        record(outcome=outcome, cause=cause, reply=answer, stream=stream, requested=requested, caller=caller)
    )


@pytest.mark.parametrize("error", [cause for cause in CAUSES if isinstance(cause, e.GatewayError)], ids=repr)
def test_any_failure_is_written_down(recorder: Recorder, error: e.GatewayError) -> None:
    recorder.attempt_failed(CALL, SOURCE, error)
    recorder.fell_back(CALL, "m", "n", error)


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("after", State)
def test_any_move_is_written_down(recorder: Recorder, before: State, after: State) -> None:
    recorder.breaker_moved(SOURCE, before, after, 12.5)


# ── what is written ──────────────────────────────────────────────────────────────────────────────


def counted(*records: Record) -> Callable[..., float]:
    """The page after these, as a look-up by name and labels."""
    tally = Tally()
    recorder = PrometheusRecorder(tally)
    for one in records:
        recorder.settled(one)
    page = Page(tally, namespace="x", before=lambda: None, others=lambda: ())
    samples = [sample for family in page.collect() for sample in family.samples]

    def look_up(name: str, **labels: str) -> float:
        return sum(one.value for one in samples if one.name == name and labels.items() <= one.labels.items())

    return look_up


def test_prometheus_counts_every_ending_under_its_model() -> None:
    usage = Usage(input=10, cache_read=5, cache_write=3, output=7, reasoning=2)
    found = counted(
        record(reply=reply(usage)),
        record(reply=reply(usage, stream=False), stream=False),
        record(outcome=Outcome.UPSTREAM_CUT, cause=e.UpstreamInterrupted("cut"), reply=reply()),
        record(outcome=Outcome.REFUSED, cause=e.UnknownModel("no"), requested="nobody"),
    )
    assert found("x_requests_total", model="m", status="finished") == 2
    assert found("x_requests_total", model="m", status="upstream_cut") == 1
    assert found("x_requests_total", model="unknown", status="refused") == 1
    assert found("x_requests_total") == 4
    assert found("x_model_requests_total", model="m") == 3
    assert found("x_tokens_total", **{"class": "cache_read"}) == 10
    assert found("x_tokens_total", **{"class": "reasoning"}) == 4
    assert found("x_latency_seconds_count", model="m") == 3
    assert found("x_latency_seconds_sum", model="m") == 3.0
    assert found("x_time_to_first_token_seconds_count", model="m") == 2
    assert found("x_time_to_first_token_seconds_sum", model="m") == 1.0
    assert found("x_overhead_seconds_sum") == 0.75


def lines_of(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [
        {"event": one.getMessage(), "level": one.levelname, **getattr(one, "fields", {})}
        for one in caplog.records
        if one.name.startswith("headgate")
    ]


def test_the_log_tells_what_happened(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    recorder = LogRecorder(requests=True)
    recorder.settled(record(reply=reply(Usage(input=10, output=7), finish="stop"), tags=("a", "b")))
    (line,) = lines_of(caplog)
    assert (line["event"], line["level"]) == ("request", "INFO")
    told = {
        "request_id": "req-1",
        "outcome": "finished",
        "key": "alice",
        "tenant": "acme",
        "requested": "auto",
    }
    told |= {"model_id": "m", "provider": "p", "upstream_model": "m-up", "served_model": "m-served"}
    assert told.items() <= line.items()
    assert (line["total_s"], line["first_byte_s"], line["upstream_s"]) == (1.0, 0.5, 0.25)
    assert line["tokens"]["output"] == 7
    assert line["cost_usd"] == pytest.approx(24e-9)
    assert line["tags"] == ("a", "b")


@pytest.mark.parametrize(
    ("outcome", "cause", "level"),
    [
        (Outcome.REFUSED, e.UnknownModel("no"), None),
        (Outcome.REJECTED, e.UpstreamRejected("too long"), None),
        (Outcome.CLIENT_GONE, asyncio.CancelledError(), None),
        (Outcome.FAILED, e.AllUpstreamsFailed("down"), "WARNING"),
        (Outcome.UPSTREAM_CUT, e.UpstreamInterrupted("cut"), "WARNING"),
        (Outcome.DEADLINE, e.DeadlineExceeded("late"), "WARNING"),
        (Outcome.FINISHED, None, None),
    ],
)
def test_a_log_that_is_off_still_tells_of_trouble(
    caplog: pytest.LogCaptureFixture, outcome: Outcome, cause: BaseException | None, level: str | None
) -> None:
    caplog.set_level(logging.DEBUG)
    LogRecorder(requests=False).settled(record(outcome=outcome, cause=cause))
    assert [line["level"] for line in lines_of(caplog)] == ([level] if level else [])


def test_what_callers_and_providers_say_is_cut_short(caplog: pytest.LogCaptureFixture) -> None:
    """A name of megabytes, or one that would begin a line of its own, is no reason for such a line."""
    caplog.set_level(logging.DEBUG)
    LogRecorder(requests=True).settled(record(requested="x\n" * 10**6, reply=reply(finish="\x1b[31m" * 999)))
    (line,) = lines_of(caplog)
    assert len(json.dumps(line, default=str)) < 2_000
    assert line["requested"].isprintable()
    assert line["finish"].isprintable()


def test_a_providers_word_about_the_request_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    recorder = LogRecorder(requests=True)
    error = e.UpstreamRejected(f"cannot answer: {PROMPT}", status=400)
    recorder.attempt_failed(CALL, SOURCE, error)
    recorder.settled(record(outcome=Outcome.REJECTED, cause=error))
    recorder.settled(record(outcome=Outcome.FAILED, cause=ValueError(PROMPT)))
    assert PROMPT not in str(lines_of(caplog))


def test_several_recorders_are_told_in_order() -> None:
    one, other = Notes(), Notes()
    both = Recorders(one)
    both.add(other)
    both.settled(record())
    both.attempt_failed(CALL, SOURCE, e.UpstreamUnavailable("down"))
    both.fell_back(CALL, "m", "n", e.UpstreamUnavailable("down"))
    both.breaker_moved(SOURCE, State.CLOSED, State.OPEN, 1.0)
    for notes in (one, other):
        assert (len(notes.records), len(notes.failures), len(notes.fallbacks), len(notes.moves)) == (
            1,
            1,
            1,
            1,
        )
