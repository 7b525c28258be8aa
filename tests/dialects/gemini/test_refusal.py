"""What the API's refusals mean, and how long they last."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headgate.core.errors import (
    KeyRejected,
    ModelMissing,
    Scope,
    UpstreamError,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from headgate.providers.gemini import GeminiCodec
from headgate.providers.spec import STANDARD

NOON = 1_751_371_200.0
"""1 July 2025, 12:00 UTC."""

RPC = "type.googleapis.com/google.rpc."
QUOTA = "You exceeded your current quota, please check your plan and billing details."


def refusal(status: int, body: bytes, **headers: str) -> UpstreamError:
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    return GeminiCodec(STANDARD).refusal(status, lines.get, body, NOON)


def document(code: int, status: str, message: str, *details: dict[str, Any]) -> bytes:
    error = {"code": code, "message": message, "status": status, "details": details}
    return msgspec.json.encode({"error": error})


def throttled(*quotas: str, delay: str | None = None, **headers: str) -> UpstreamError:
    violations = [{"quotaMetric": "generativelanguage.googleapis.com/x", "quotaId": q} for q in quotas]
    details: list[dict[str, Any]] = [{"@type": RPC + "QuotaFailure", "violations": violations}]
    details.append({"@type": RPC + "Help", "links": [{"description": "x", "url": "https://ai.google.dev"}]})
    if delay is not None:
        details.append({"@type": RPC + "RetryInfo", "retryDelay": delay})
    return refusal(429, document(429, "RESOURCE_EXHAUSTED", QUOTA, *details), **headers)


@pytest.mark.parametrize(
    ("status", "word", "message", "reason", "kind", "scope"),
    [
        (400, "INVALID_ARGUMENT", "Invalid value.", None, UpstreamRejected, Scope.REQUEST),
        (400, "INVALID_ARGUMENT", "API key not valid.", "API_KEY_INVALID", KeyRejected, Scope.KEY),
        (400, "FAILED_PRECONDITION", "User location is not supported.", None, KeyRejected, Scope.KEY),
        (401, "UNAUTHENTICATED", "No credentials.", None, KeyRejected, Scope.KEY),
        (403, "PERMISSION_DENIED", "Denied.", None, KeyRejected, Scope.KEY),
        (404, "NOT_FOUND", "models/x is not found.", None, ModelMissing, Scope.MODEL),
        (413, "INVALID_ARGUMENT", "Too large.", None, UpstreamRejected, Scope.REQUEST),
        (499, "CANCELLED", "Cancelled.", None, UpstreamUnavailable, Scope.PROVIDER),
        (500, "INTERNAL", "Internal.", None, UpstreamUnavailable, Scope.PROVIDER),
        (503, "UNAVAILABLE", "The model is overloaded.", None, UpstreamUnavailable, Scope.MODEL),
        (504, "DEADLINE_EXCEEDED", "Too slow.", None, UpstreamUnavailable, Scope.PROVIDER),
    ],
)
def test_a_status_and_its_word(
    status: int, word: str, message: str, reason: str | None, kind: type[UpstreamError], scope: Scope
) -> None:
    details = [{"@type": RPC + "ErrorInfo", "reason": reason}] if reason else []
    error = refusal(status, document(status, word, message, *details))
    assert type(error) is kind
    assert (error.message, error.status, error.kind, error.scope) == (message, status, word, scope)


def test_the_field_at_fault_and_a_context_too_long_are_named() -> None:
    wrong = {
        "@type": RPC + "BadRequest",
        "fieldViolations": [{"field": "contents[0].parts", "description": "x"}],
    }
    assert refusal(400, document(400, "INVALID_ARGUMENT", "No.", wrong)).param == "contents[0].parts"
    message = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048575)."
    assert refusal(400, document(400, "INVALID_ARGUMENT", message)).code == "context_length_exceeded"


@pytest.mark.parametrize(
    ("delay", "seconds"), [("17s", 17.0), ("34.074824224s", 34.074824224), ("soon", None)]
)
def test_the_delay_is_in_the_body(delay: str, seconds: float | None) -> None:
    error = throttled("GenerateRequestsPerMinutePerProjectPerModel", delay=delay)
    assert type(error) is UpstreamThrottled
    assert (error.retry_after_s, error.scope) == (seconds, Scope.MODEL)


def test_the_header_counts_where_there_is_one() -> None:
    assert throttled("GenerateRequestsPerMinutePerProject", delay="17s", retry_after="5").retry_after_s == 5.0
    assert throttled("GenerateRequestsPerMinutePerProject", retry_after="5").retry_after_s == 5.0


def test_a_spent_day_lasts_until_the_next_whatever_the_delay_says() -> None:
    error = throttled(
        "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
        "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
        delay="17s",
    )
    assert error.retry_after_s == 20 * 3600
    assert error.scope is Scope.MODEL


def test_a_limit_of_the_whole_project_is_the_keys() -> None:
    assert throttled("GenerateRequestsPerMinutePerProject").scope is Scope.KEY
    bare = refusal(
        429, document(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).")
    )
    assert (type(bare), bare.scope, bare.retry_after_s) == (UpstreamThrottled, Scope.KEY, None)


def test_a_stream_that_never_began_wraps_its_error_in_an_array() -> None:
    body = b"[" + document(400, "INVALID_ARGUMENT", "Invalid value.") + b"]"
    assert refusal(400, body).message == "Invalid value."


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"<html>nginx at /usr/share/x</html>", b'{"error": 5}', b"[" * 100_000, b"\xff"]
)
def test_a_body_that_is_not_the_apis_is_not_shown(body: bytes) -> None:
    error = refusal(502, body)
    assert type(error) is UpstreamUnavailable
    assert error.message == "The upstream answered with status 502."


def test_no_key_is_repeated() -> None:
    key = "AIza" + "SyD3adB33fD3adB33fD3adB33fD3adB33f0"
    error = refusal(400, document(400, "INVALID_ARGUMENT", f"API key {key} not valid."))
    assert key not in error.message
