"""What an Ollama server's refusals mean."""

from __future__ import annotations

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
from headgate.providers.ollama import OllamaCodec
from headgate.providers.spec import STANDARD


def refusal(status: int, body: bytes, **headers: str) -> UpstreamError:
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    return OllamaCodec(STANDARD).refusal(status, lines.get, body, 0.0)


@pytest.mark.parametrize(
    ("status", "message", "kind", "scope"),
    [
        (400, "invalid think value", UpstreamRejected, Scope.REQUEST),
        (400, "registry.ollama.ai/x does not support tools", UpstreamRejected, Scope.MODEL),
        (401, "unauthorized", KeyRejected, Scope.KEY),
        (403, "this model requires a subscription", KeyRejected, Scope.KEY),
        (404, "model 'x' not found", ModelMissing, Scope.MODEL),
        (404, 'model "x" not found, try pulling it first', ModelMissing, Scope.MODEL),
        (404, "page not found", UpstreamUnavailable, Scope.PROVIDER),
        (413, "too large", UpstreamRejected, Scope.REQUEST),
        (429, "you have reached your hourly usage limit", UpstreamThrottled, Scope.KEY),
        (499, "request canceled", UpstreamUnavailable, Scope.PROVIDER),
        (500, "model requires more system memory (9.1 GiB)", UpstreamUnavailable, Scope.MODEL),
        (502, "bad gateway", UpstreamUnavailable, Scope.PROVIDER),
        (
            503,
            "server busy, please try again. maximum pending requests exceeded",
            UpstreamUnavailable,
            Scope.PROVIDER,
        ),
    ],
)
def test_a_status_and_its_message(status: int, message: str, kind: type[UpstreamError], scope: Scope) -> None:
    error = refusal(status, msgspec.json.encode({"error": message}))
    assert type(error) is kind
    assert (error.message, error.status, error.scope) == (message, status, scope)


def test_the_wait_is_in_the_header() -> None:
    assert refusal(429, b'{"error":"slow down"}', retry_after="7").retry_after_s == 7.0
    assert refusal(503, b'{"error":"busy"}', retry_after="2").retry_after_s == 2.0
    assert refusal(503, b'{"error":"busy"}').retry_after_s is None


def test_a_context_too_long_is_named() -> None:
    error = refusal(400, b'{"error":"the input length exceeds the context length"}')
    assert error.code == "context_length_exceeded"


@pytest.mark.parametrize(
    "body", [b"", b"404 page not found", b"<html>nginx</html>", b'{"error": 5}', b"[" * 100_000, b"\xff"]
)
def test_a_body_that_is_not_the_apis_is_not_shown(body: bytes) -> None:
    error = refusal(404, body)
    assert type(error) is UpstreamUnavailable
    assert error.message == "The upstream answered with status 404."


def test_paths_of_the_server_are_not_repeated() -> None:
    error = refusal(500, b'{"error":"open /usr/share/ollama/.ollama/models/blobs/sha256-1: denied"}')
    assert "/usr/share" not in error.message
