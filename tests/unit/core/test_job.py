"""Jobs: what `Prefer` says, what becomes of a job whose attempt failed, what its caller is told."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.call import Later
from headgate.core.errors import (
    AllUpstreamsFailed,
    BudgetSpent,
    DeadlineExceeded,
    Forbidden,
    GatewayError,
    InternalError,
    InvalidRequest,
    OverLimit,
    Overloaded,
    RateLimited,
    UnknownModel,
    UpstreamInterrupted,
    UpstreamRejected,
    UpstreamThrottled,
)
from headgate.core.job import NOBODY_BEGAN, Plan, Status, document, judged, preferred, seen, whole
from headgate.core.retry import Backoff
from jobbed import NOW_US, S, deposit, job

PLAN = Plan(attempts=3, backoff=Backoff(base_s=5.0, cap_s=60.0))


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("respond-async", Later()),
        ("Respond-Async, wait=10", Later(10.0)),
        ("wait=10, respond-async", Later(10.0)),
        ('respond-async; x=1, wait="7"', Later(7.0)),
        ("respond-async, wait=3, wait=9", Later(3.0)),
        ("respond-async, wait=soon", Later()),
        ("respond-async, wait=", Later()),
        ("handling=lenient , respond-async", Later()),
        ("return=minimal", None),
        ("wait=10", None),
        ("respond-asynchronously", None),
        ("x=respond-async", None),
        ("", None),
    ],
)
def test_a_preference_is_read_as_the_rfc_says(said: str, heard: Later | None) -> None:
    assert preferred(said) == heard


@given(st.text(max_size=200))
def test_no_preference_breaks_the_reader(said: str) -> None:
    found = preferred(said)
    assert found is None or found.wait_s is None or found.wait_s >= 0


@pytest.mark.parametrize(
    "error",
    [
        InvalidRequest(""),
        Forbidden(""),
        UnknownModel(""),
        BudgetSpent(""),
        InternalError(""),
        UpstreamRejected(""),
    ],
)
def test_what_is_wrong_stays_wrong(error: GatewayError) -> None:
    assert judged(error, job(attempts=1), PLAN, Random(1)).wait_s is None


@pytest.mark.parametrize(
    "error",
    [
        AllUpstreamsFailed(""),
        UpstreamThrottled(""),
        UpstreamInterrupted(""),
        DeadlineExceeded(""),
        Overloaded("", code=NOBODY_BEGAN),
    ],
)
def test_so_many_attempts_and_no_more(error: GatewayError) -> None:
    for attempts in (1, 2):
        found = judged(error, job(attempts=attempts), PLAN, Random(1))
        assert found.counts
        assert found.wait_s is not None
        assert 0 <= found.wait_s <= 5.0 * 2 ** (attempts - 1)
    assert judged(error, job(attempts=3), PLAN, Random(1)).wait_s is None


@pytest.mark.parametrize("error", [Overloaded, OverLimit, RateLimited])
def test_what_we_refused_ourselves_is_only_put_off(error: type[GatewayError]) -> None:
    found = judged(error("", retry_after_s=20.0), job(attempts=99), PLAN, Random(1))
    assert (found.wait_s, found.counts) == (20.0, False)
    far = judged(error("", retry_after_s=9999.0), job(attempts=1), PLAN, Random(1))
    assert far.wait_s == 60.0


def test_nobody_is_there_to_hear_a_stream() -> None:
    body = b'{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[]}'
    assert whole(deposit(body)) == b'{"model":"m","messages":[]}'
    assert whole(deposit(b'{"model": "m"}')) == b'{"model": "m"}'


def told(**members: Any) -> Any:
    return json.loads(msgspec.json.encode(document(job(**members), NOW_US + 60 * S)))


def test_its_caller_is_told_the_answer_once_there_is_one() -> None:
    fine = told(status=Status.SUCCEEDED, result=b'{"choices":[]}', finished_us=NOW_US + S, attempts=2)
    assert (fine["status"], fine["response"], fine["error"]) == ("succeeded", {"choices": []}, None)
    assert (fine["object"], fine["attempts"]) == ("job", 2)
    assert fine["finished_at"] == fine["created_at"] + 1
    waits = told(result=b'{"error":{"code":"x"}}')
    assert (waits["status"], waits["response"], waits["error"]) == ("queued", None, {"code": "x"})
    assert waits["finished_at"] is None
    assert waits["next_attempt_at"] == NOW_US // S


def test_whose_time_has_come_has_expired_before_a_store_is_told() -> None:
    late = NOW_US + 3600 * S
    assert seen(job(), late).status is Status.EXPIRED
    assert seen(job(status=Status.RUNNING, due_us=late + S), late).status is Status.RUNNING
    assert seen(job(status=Status.RUNNING, due_us=late), late).status is Status.EXPIRED
    assert seen(job(), late - 1).status is Status.QUEUED
    assert seen(job(status=Status.SUCCEEDED), late).status is Status.SUCCEEDED
