"""What a refusal of the API means, and how our own are told."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.errors import (
    GatewayError,
    KeyRejected,
    ModelMissing,
    RateLimited,
    Scope,
    UpstreamError,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from headgate.providers.anthropic import AnthropicCodec, AnthropicSurface
from headgate.providers.spec import STANDARD

WALL = 1_760_000_000.0  # 2025-10-09T08:53:20Z
SURFACE = AnthropicSurface(lambda: "id")


def refusal(
    status: int, kind: str | None = None, message: str = "no", body: bytes | None = None, **headers: str
) -> UpstreamError:
    document = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    lookup = {name.replace("_", "-"): value for name, value in headers.items()}
    raw = msgspec.json.encode(document) if body is None else body
    return AnthropicCodec(STANDARD).refusal(status, lookup.get, raw, WALL)


@pytest.mark.parametrize(
    ("status", "kind", "meaning", "scope"),
    [
        (400, "invalid_request_error", UpstreamRejected, Scope.REQUEST),
        (401, "authentication_error", KeyRejected, Scope.KEY),
        (402, "billing_error", KeyRejected, Scope.KEY),
        (403, "permission_error", KeyRejected, Scope.KEY),
        (404, "not_found_error", ModelMissing, Scope.MODEL),
        (408, "timeout_error", UpstreamUnavailable, Scope.PROVIDER),
        (413, "request_too_large", UpstreamRejected, Scope.REQUEST),
        (422, "invalid_request_error", UpstreamRejected, Scope.REQUEST),
        (429, "rate_limit_error", UpstreamThrottled, Scope.KEY),
        (500, "api_error", UpstreamUnavailable, Scope.PROVIDER),
        (503, None, UpstreamUnavailable, Scope.PROVIDER),
        (529, "overloaded_error", UpstreamUnavailable, Scope.PROVIDER),
        (400, "overloaded_error", UpstreamUnavailable, Scope.PROVIDER),
        (400, "rate_limit_error", UpstreamThrottled, Scope.KEY),
        (400, "billing_error", KeyRejected, Scope.KEY),
    ],
)
def test_each_status_and_type_has_its_meaning(
    status: int, kind: str | None, meaning: type[UpstreamError], scope: Scope
) -> None:
    error = refusal(status, kind)
    assert type(error) is meaning
    assert (error.status, error.kind, error.message, error.scope) == (status, kind, "no", scope)


def test_an_empty_account_is_the_key_s_trouble() -> None:
    message = "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing."
    error = refusal(400, "invalid_request_error", message)
    assert isinstance(error, KeyRejected)
    assert error.scope is Scope.KEY


@pytest.mark.parametrize(
    ("message", "param", "code"),
    [
        ("max_tokens: 200000 > 64000, which is the maximum", "max_tokens", None),
        ("messages.0.content.1.text: Input should be a string", "messages.0.content.1.text", None),
        ("prompt is too long: 210000 tokens > 200000 maximum", None, "context_length_exceeded"),
        ("Output blocked by content filtering policy", None, "content_filter"),
        ("Just no.", None, None),
    ],
)
def test_a_rejection_says_where_and_why(message: str, param: str | None, code: str | None) -> None:
    error = refusal(400, "invalid_request_error", message)
    assert (error.message, error.param, error.code) == (message, param, code)


def test_retry_after_is_kept_wherever_it_is_given() -> None:
    assert refusal(429, "rate_limit_error", retry_after="7").retry_after_s == 7
    assert refusal(529, "overloaded_error", retry_after="3").retry_after_s == 3
    assert refusal(500, "api_error").retry_after_s is None


def test_without_retry_after_the_latest_exhausted_limit_says_when() -> None:
    error = refusal(
        429,
        "rate_limit_error",
        anthropic_ratelimit_requests_remaining="12",
        anthropic_ratelimit_requests_reset="2025-10-09T09:53:20Z",
        anthropic_ratelimit_input_tokens_remaining="0",
        anthropic_ratelimit_input_tokens_reset="2025-10-09T08:53:41Z",
        anthropic_ratelimit_output_tokens_remaining="0",
        anthropic_ratelimit_output_tokens_reset="2025-10-09T08:53:30+00:00",
    )
    assert error.retry_after_s == 21


@pytest.mark.parametrize(
    ("reset", "after_s"),
    [("2020-01-01T00:00:00Z", 0), ("tomorrow", None), ("", None), ("2025-10-09T08:53:41", None)],
)
def test_a_reset_in_the_past_is_now_and_a_broken_one_unknown(reset: str, after_s: float | None) -> None:
    error = refusal(
        429,
        "rate_limit_error",
        anthropic_ratelimit_tokens_remaining="0",
        anthropic_ratelimit_tokens_reset=reset,
    )
    assert error.retry_after_s == after_s


def test_a_proxy_s_page_is_not_shown() -> None:
    error = refusal(502, body=b"<html>nginx at /etc/nginx/nginx.conf</html>")
    assert isinstance(error, UpstreamUnavailable)
    assert error.message == "The upstream answered with status 502."


def test_a_message_never_shows_a_key() -> None:
    error = refusal(401, "authentication_error", "invalid x-api-key sk-ant-api03-abcdef1234567890")
    assert "abcdef" not in error.message


@given(st.integers(400, 599), st.binary(max_size=60))
def test_any_refusal_means_something(status: int, body: bytes) -> None:
    error = refusal(status, body=body)
    assert error.status == status
    assert error.message


# ── our own errors ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (418, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "overloaded_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
        (599, "api_error"),
    ],
)
def test_errors_have_the_api_s_shape_and_type(status: int, kind: str) -> None:
    assert msgspec.json.decode(SURFACE.error(GatewayError("no \n way"), status, "req-7")) == {
        "type": "error",
        "error": {"type": kind, "message": "no \n way"},
        "request_id": "req-7",
    }


def test_an_error_in_a_stream_is_a_named_event_on_one_line() -> None:
    event = SURFACE.error_event(RateLimited("slow\ndown"), 429, "req-7")
    assert event.startswith(b"event: error\ndata: {")
    assert event.endswith(b"}\n\n")
    assert event.count(b"\n") == 3
