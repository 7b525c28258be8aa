"""Errors: what a provider's refusal means, and what callers are told."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.errors import (
    AllUpstreamsFailed,
    BudgetSpent,
    DeadlineExceeded,
    Forbidden,
    GatewayError,
    InternalError,
    InvalidRequest,
    KeyRejected,
    ModelMissing,
    Overloaded,
    RateLimited,
    RequestTooLarge,
    Scope,
    Unauthenticated,
    UnknownModel,
    Unsupported,
    UpstreamError,
    UpstreamInterrupted,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from openai_wire import CODEC, SURFACE

WALL = 1_757_000_000.0
KEY = "sk-proj-0123456789abcdefXYZ"


def refusal(status: int, body: object = b"", **headers: str) -> UpstreamError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return CODEC.refusal(status, named.get, raw, WALL)


def said(message: str, **members: object) -> dict[str, object]:
    return {"error": {"message": message, "type": None, "param": None, "code": None, **members}}


# ── refusals read ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [400, 405, 413, 415, 422])
def test_a_fault_of_the_request_keeps_the_providers_words(status: int) -> None:
    error = refusal(
        status,
        said(
            "This model's maximum context length is 8192 tokens.",
            type="invalid_request_error",
            param="messages",
            code="context_length_exceeded",
        ),
    )
    assert type(error) is UpstreamRejected
    assert error.message == "This model's maximum context length is 8192 tokens."
    assert (error.status, error.kind, error.param, error.code, error.scope) == (
        status,
        "invalid_request_error",
        "messages",
        "context_length_exceeded",
        Scope.REQUEST,
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (said("plain"), "plain"),
        ({"error": "a string", "code": "x"}, "a string"),
        ({"object": "error", "message": "flat", "type": "BadRequestError", "code": 400}, "flat"),
        ({"detail": "Not like this"}, "Not like this"),
        (
            {"detail": [{"loc": ["body"], "msg": "field required"}]},
            '[{"loc":["body"],"msg":"field required"}]',
        ),
        ({"object": "error", "message": {"detail": [1]}}, '{"detail":[1]}'),
        ([{"error": {"message": "in a list", "code": 400}}], "in a list"),
        (b"<html>no</html>", "The provider rejected the request with status 400."),
        (b"", "The provider rejected the request with status 400."),
        (b"[]", "The provider rejected the request with status 400."),
        (b"[" * 100_000, "The provider rejected the request with status 400."),
        ({"error": None}, "The provider rejected the request with status 400."),
        ({"error": {}}, "The provider rejected the request with status 400."),
    ],
)
def test_a_message_is_found_in_every_wrapping(body: object, message: str) -> None:
    assert refusal(400, body).message == message


def test_the_word_none_is_no_word() -> None:
    error = refusal(400, said("x", type="None", param="None", code=400))
    assert (error.kind, error.param, error.code) == (None, None, None)


@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_refused_key_is_never_echoed(status: int) -> None:
    error = refusal(status, said(f"Incorrect API key provided: {KEY}.", code="invalid_api_key"))
    assert type(error) is KeyRejected
    assert error.scope is Scope.KEY
    assert "0123" not in error.message
    assert "API key provided" not in error.message


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, said("You exceeded your current quota", type="insufficient_quota", code="insufficient_quota")),
        (429, said("x", type="insufficient_quota")),
        (429, said("x", code="billing_not_active")),
        (
            400,
            {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: xa***zz."},
        ),
        (400, [{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key."}}]),
    ],
)
def test_a_dead_key_is_known_whatever_the_status(status: int, body: object) -> None:
    error = refusal(status, body)
    assert type(error) is KeyRejected
    assert error.retry_after_s is None


def test_a_prompt_that_moderation_flagged_is_not_the_keys_fault() -> None:
    metadata = {"reasons": ["violence"], "flagged_input": "…"}
    error = refusal(403, said("Your input was flagged", code=403, metadata=metadata))
    assert type(error) is UpstreamRejected
    assert error.status == 403


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, said("The model `gpt-9` does not exist", code="model_not_found")),
        (404, {"detail": "Not Found"}),
        (404, b"nginx"),
        (400, said("no such model", code="model_not_found")),
    ],
)
def test_a_missing_model_is_the_models_fault(status: int, body: object) -> None:
    error = refusal(status, body)
    assert type(error) is ModelMissing
    assert error.scope is Scope.MODEL


@pytest.mark.parametrize("status", [408, 409, 425, 500, 502, 503, 504, 520, 529])
def test_a_provider_in_trouble_is_unavailable(status: int) -> None:
    error = refusal(status, b"<html>bad gateway</html>", retry_after="3")
    assert type(error) is UpstreamUnavailable
    assert (error.status, error.retry_after_s, error.scope) == (status, 3.0, Scope.PROVIDER)


def test_a_stack_trace_of_the_provider_is_not_shown() -> None:
    trace = 'oom\nTraceback (most recent call last):\n  File "/srv/x.py", line 3, in f\n'
    assert refusal(500, said(trace)).message == "oom"


@pytest.mark.parametrize(
    ("body", "headers", "wait_s"),
    [
        (b"", {}, None),
        (b"", {"retry-after": "7"}, 7.0),
        (b"", {"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        (b"", {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, 360.0),
        (said("Rate limit reached. Please try again in 1.898s. Visit"), {}, 1.898),
        (said("Please try again in 6m0s."), {}, 360.0),
        (said("Please try again in 120ms."), {}, 0.12),
        (said("Please try again in a while."), {}, None),
        (said("try again in 9s"), {"retry-after": "2"}, 2.0),
        (
            said(
                "x",
                metadata={"headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1757000060000"}},
            ),
            {},
            60.0,
        ),
        (said("x", details=[{"@type": "RetryInfo", "retryDelay": "38s"}]), {}, 38.0),
        (said("x", details=[7, {"retryDelay": 3}]), {}, None),
    ],
)
def test_a_throttled_upstream_says_when_from_header_or_body(
    body: object, headers: dict[str, str], wait_s: float | None
) -> None:
    error = refusal(429, body, **headers)
    assert type(error) is UpstreamThrottled
    assert error.retry_after_s == wait_s
    assert error.scope is Scope.KEY


@given(st.integers(400, 599), st.binary(max_size=200))
def test_any_refusal_is_an_upstreams_error_with_a_message(status: int, body: bytes) -> None:
    error = refusal(status, body)
    assert error.status == status
    assert error.message


# ── errors told ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (InvalidRequest("m"), 400, "invalid_request_error", None),
        (
            Unsupported("m", code="unsupported_parameter"),
            400,
            "invalid_request_error",
            "unsupported_parameter",
        ),
        (Unauthenticated("m"), 401, "authentication_error", "invalid_api_key"),
        (BudgetSpent("m"), 402, "insufficient_quota", "insufficient_quota"),
        (Forbidden("m"), 403, "permission_error", None),
        (UnknownModel("m"), 404, "invalid_request_error", "model_not_found"),
        (RequestTooLarge("m"), 413, "request_too_large", None),
        (RateLimited("m"), 429, "rate_limit_error", "rate_limit_exceeded"),
        (InternalError("m"), 500, "server_error", None),
        (AllUpstreamsFailed("m"), 502, "upstream_error", None),
        (AllUpstreamsFailed("m"), 429, "rate_limit_error", "rate_limit_exceeded"),
        (Overloaded("m"), 503, "overloaded_error", None),
        (DeadlineExceeded("m"), 504, "timeout_error", None),
        (UpstreamInterrupted("m"), 502, "upstream_interrupted", None),
        (
            UpstreamRejected("m", kind="tokens", code="context_length_exceeded"),
            400,
            "tokens",
            "context_length_exceeded",
        ),
        (UpstreamRejected("m"), 422, "invalid_request_error", None),
    ],
)
def test_an_error_is_told_as_openai_tells_it(
    error: GatewayError, status: int, kind: str, code: str | None
) -> None:
    document = {"error": {"message": "m", "type": kind, "param": None, "code": code}}
    assert json.loads(SURFACE.error(error, status, "r")) == document
    event = SURFACE.error_event(error, status, "r")
    assert event.startswith(b"data: ")
    assert event.endswith(b"}\n\n")
    assert json.loads(event[6:]) == document


def test_an_error_names_its_parameter() -> None:
    told = json.loads(SURFACE.error(InvalidRequest("m", param="messages[0].role"), 400, "r"))
    assert told["error"]["param"] == "messages[0].role"
