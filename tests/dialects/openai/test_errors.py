"""Errors: what a provider's refusal means, and what callers are told."""

from __future__ import annotations

import json

import pytest

from headgate.core.errors import (
    AllUpstreamsFailed,
    BudgetSpent,
    DeadlineExceeded,
    Forbidden,
    GatewayError,
    InternalError,
    InvalidRequest,
    Overloaded,
    RateLimited,
    RequestTooLarge,
    Unauthenticated,
    UnknownModel,
    Unsupported,
    UpstreamInterrupted,
    UpstreamRejected,
)
from openai_wire import SURFACE

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
