"""Errors, both ways: what an upstream's refusal means, and the error documents callers get.

Source: https://platform.openai.com/docs/guides/error-codes/api-errors. Compatible servers wrap the same
words differently: `{"error": {…}}` (OpenAI), `{"error": "…"}` (xAI), `{"object": "error", "message": …}`
(older vLLM, Mistral), `{"detail": …}` (FastAPI).
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from headgate.core.chat import Failed
from headgate.core.errors import (
    GatewayError,
    KeyRejected,
    ModelMissing,
    Scope,
    UpstreamError,
    UpstreamInterrupted,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from headgate.ports.codec import Header
from headgate.providers.retry_after import duration_s, retry_after_s
from headgate.providers.scrub import MAX_CHARS, scrub

_SPENT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
"""Codes that no waiting cures: the account behind the key has no money."""

_NO_MODEL = frozenset({"model_not_found", "model_not_supported"})

_KEY_AT_FAULT = re.compile(
    r"\b(?:incorrect|invalid|bad) api[ _-]?key|\bapi[ _-]?key (?:not valid|is invalid)", re.IGNORECASE
)
"""xAI and Google's compatible server answer 400 to a bad key."""

_AGAIN = re.compile(r"(?:try again|retry) (?:in|after) ([0-9][0-9.a-zµ]{0,30}[a-z])")
"""OpenAI and Groq say it in the message too: `Please try again in 6m0s.`"""

_STATUS_OF = (
    ("rate_limit", 429),
    ("too_many_requests", 429),
    ("overloaded", 503),
    ("insufficient_quota", 402),
    ("invalid_request", 400),
    ("context_length", 400),
    ("content_filter", 400),
    ("server_error", 500),
)
"""The status an error inside a 200 would have had, by what its code or type contains."""


class Said(msgspec.Struct, frozen=True):
    """An upstream's error in its own words, scrubbed."""

    message: str | None = None
    kind: str | None = None
    param: str | None = None
    code: str | None = None
    status: int | None = None
    headers: dict[str, str] = {}
    wait_s: float | None = None
    flagged: bool = False

    @property
    def words(self) -> frozenset[str]:
        return frozenset(word for word in (self.kind, self.code) if word)


def read(document: bytes) -> Said | None:
    """The error in a document; `None` where it holds none."""
    try:
        value = msgspec.json.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(value, list) and value:
        value = value[0]  # Google's compatible server wraps the document in a list
    if not isinstance(value, dict):
        return None
    error = value.get("error")
    if isinstance(error, dict):
        return _said(error)
    if isinstance(error, str) and error:
        return _said({**value, "message": error})
    if isinstance(value.get("message"), str) or value.get("object") == "error":
        return _said(value)
    detail = value.get("detail")
    return _said({"message": detail if isinstance(detail, str) else _compact(detail)}) if detail else None


def _said(error: dict[str, Any]) -> Said:
    metadata = error.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    headers = metadata.get("headers")
    message = error.get("message")
    message = message if isinstance(message, str) or message is None else _compact(message)
    code = error.get("code")
    status = code if type(code) is int else error.get("status")
    return Said(
        message=scrub(message) if message else None,
        kind=_word(error.get("type")),
        param=_word(error.get("param")),
        code=_word(code),
        status=status if type(status) is int and 400 <= status <= 599 else None,
        headers=_lower(headers) if isinstance(headers, dict) else {},
        wait_s=_wait(error.get("details"), message or ""),
        flagged="flagged_input" in metadata or "reasons" in metadata,
    )


def _wait(details: object, message: str) -> float | None:
    """Seconds to wait, from Google's `RetryInfo` among the details, or from the message."""
    for detail in details if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str):
            return duration_s(delay)
    found = _AGAIN.search(message[:MAX_CHARS])
    return duration_s(found[1]) if found else None


def _word(value: object) -> str | None:
    """A word of the error; never the string `None`, which some servers write for null."""
    return scrub(value) if isinstance(value, str) and value and value != "None" else None


def _compact(value: object) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except RecursionError:
        return ""


def _lower(headers: dict[str, Any]) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in headers.items()}


# ── what a refusal means ─────────────────────────────────────────────────────────────────────────


def refusal(status: int, header: Header, body: bytes, wall: float) -> UpstreamError:
    """The verdict on an answer of 400 or more; see `ports.codec.Codec.refusal`."""
    said = read(body) or Said()
    if _blames_key(status, said):
        return KeyRejected(
            f"The provider does not accept the gateway's key (status {status}).",
            status=status,
            kind=said.kind,
            code=said.code,
            scope=Scope.KEY,
        )
    if status == 404 or said.words & _NO_MODEL:
        return ModelMissing(
            said.message or "The provider does not have the model.",
            status=status,
            kind=said.kind,
            code=said.code,
            scope=Scope.MODEL,
        )
    if status in (408, 409, 425, 429) or status >= 500:
        return _unavailable(status, header, said, wall)
    return UpstreamRejected(
        said.message or f"The provider rejected the request with status {status}.",
        status=status,
        kind=said.kind,
        scope=Scope.REQUEST,
        param=said.param,
        code=said.code,
    )


def _blames_key(status: int, said: Said) -> bool:
    """OpenRouter answers 403 to a prompt its moderation flagged: that is the request's fault."""
    if status in (401, 402, 403):
        return not said.flagged
    if said.words & _SPENT or said.code == "invalid_api_key":
        return True
    return status == 400 and bool(_KEY_AT_FAULT.search(said.message or ""))


def _unavailable(status: int, header: Header, said: Said, wall: float) -> UpstreamUnavailable:
    wait_s = retry_after_s(header, wall)
    if wait_s is None:
        wait_s = retry_after_s(said.headers.get, wall)
    if wait_s is None:
        wait_s = said.wait_s
    throttled = status == 429
    kind = UpstreamThrottled if throttled else UpstreamUnavailable
    return kind(
        said.message or f"The provider answered with status {status}.",
        status=status,
        kind=said.kind,
        code=said.code,
        scope=Scope.KEY if throttled else Scope.PROVIDER,
        retry_after_s=wait_s,
    )


def failure(said: Said) -> Failed:
    """An error inside an answer of status 200, a chunk of its stream included."""
    return Failed(
        message=said.message or "The provider reported an error inside its answer.",
        kind=said.kind or said.code,
        status=said.status or _status_of(said),
        retry_after_s=said.wait_s,
    )


def _status_of(said: Said) -> int | None:
    words = " ".join(said.words).lower()
    return next((status for part, status in _STATUS_OF if part in words), None)


# ── what callers are told ────────────────────────────────────────────────────────────────────────

_TYPES = {
    401: ("authentication_error", "invalid_api_key"),
    402: ("insufficient_quota", "insufficient_quota"),
    403: ("permission_error", None),
    404: ("invalid_request_error", "model_not_found"),
    413: ("request_too_large", None),
    429: ("rate_limit_error", "rate_limit_exceeded"),
    502: ("upstream_error", None),
    503: ("overloaded_error", None),
    504: ("timeout_error", None),
}
"""Type and code by status, where the error itself has none. Other 4xx are the request's fault."""


class _Error(msgspec.Struct):
    message: str
    type: str
    param: str | None
    code: str | None


class _Document(msgspec.Struct):
    error: _Error


_encode = msgspec.json.Encoder().encode


def document(error: GatewayError, status: int) -> bytes:
    """`{"error": {message, type, param, code}}`. Where a provider rejected, its type and code are kept."""
    kind, code = _TYPES.get(status, ("invalid_request_error" if status < 500 else "server_error", None))
    if isinstance(error, UpstreamRejected):
        kind, code = error.kind or "invalid_request_error", error.code
    elif isinstance(error, UpstreamInterrupted):
        kind = "upstream_interrupted"
    return _encode(_Document(_Error(error.message, kind, error.param, error.code or code)))
