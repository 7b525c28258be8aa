"""How each provider words a refusal, and which headers it sends. Data and documents, no decisions.

Sources: OpenAI platform docs "Rate limits" and "Error codes"; Anthropic API docs "Errors" and "Rate limits";
Gemini API docs "Troubleshooting" and google.rpc `RetryInfo`, `QuotaFailure`, `ErrorInfo`; Ollama docs/api.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import ceil

import msgspec

from headgate.providers.simulated.window import Standing

_encode = msgspec.json.encode


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal in nobody's words yet. `kind`: status | limit | quota | bad-key | context.
    `what`, with kind limit, is the limit at fault: requests | tokens | burst."""

    status: int
    kind: str
    message: str
    model: str = ""
    what: str = ""
    retry_after_s: float | None = None


class Manners(msgspec.Struct, frozen=True, kw_only=True):
    """One dialect's ways.

    `document` is the body of a refusal, `back_off` its headers, `standing` the headers that tell a key's
    limits (given the time of day). `answer_id` and `call_id` are what ids begin with; `request_id` is the
    header that names a request; `bad_key_status` answers a key nobody knows.
    """

    answer_id: str
    call_id: str
    request_id: str
    stream_type: str
    bad_key_status: int = 401
    document: Callable[[Problem], bytes]
    back_off: Callable[[Problem], dict[str, str]]
    standing: Callable[[Mapping[str, Standing], float], dict[str, str]]


def whole_seconds(seconds: float) -> str:
    """`retry-after` as RFC 9110 has it, rounded up: whoever waits that long is let in."""
    return str(max(ceil(seconds), 0))


def go_duration(seconds: float) -> str:
    """A span as OpenAI writes it: `120ms`, `1.5s`, `6m0s`."""
    ms = ceil(seconds * 1000)
    if ms < 1000:
        return f"{ms}ms"
    minutes, rest = divmod(ms, 60_000)
    return (f"{minutes}m" if minutes else "") + f"{rest / 1000:g}s"


def rfc3339(wall: float) -> str:
    """A moment as Anthropic writes it, to the next full second."""
    return datetime.fromtimestamp(ceil(wall), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _nothing(*_: object) -> dict[str, str]:
    return {}


# ── OpenAI ───────────────────────────────────────────────────────────────────────────────────────

_OPENAI_KINDS: dict[str, tuple[str, str | None]] = {
    "quota": ("insufficient_quota", "insufficient_quota"),
    "bad-key": ("invalid_request_error", "invalid_api_key"),
    "context": ("invalid_request_error", "context_length_exceeded"),
}
_OPENAI_STATUSES: dict[int, tuple[str, str | None]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


def _openai_words(problem: Problem) -> tuple[str, str | None]:
    if problem.kind == "limit":
        return ("tokens" if problem.what == "tokens" else "requests"), "rate_limit_exceeded"
    found = _OPENAI_KINDS.get(problem.kind) or _OPENAI_STATUSES.get(problem.status)
    return found or (("server_error" if problem.status >= 500 else "invalid_request_error"), None)


def _openai_document(problem: Problem) -> bytes:
    kind, code = _openai_words(problem)
    return _encode({"error": {"message": problem.message, "type": kind, "param": None, "code": code}})


def _openai_back_off(problem: Problem) -> dict[str, str]:
    if problem.retry_after_s is None:
        return {}
    ms = str(ceil(problem.retry_after_s * 1000))
    return {"retry-after": whole_seconds(problem.retry_after_s), "retry-after-ms": ms}


def _openai_standing(standings: Mapping[str, Standing], wall: float) -> dict[str, str]:
    headers = {}
    for what, standing in standings.items():
        headers[f"x-ratelimit-limit-{what}"] = str(standing.limit)
        headers[f"x-ratelimit-remaining-{what}"] = str(standing.remaining)
        headers[f"x-ratelimit-reset-{what}"] = go_duration(standing.empty_in_s)
    return headers


# ── Anthropic ────────────────────────────────────────────────────────────────────────────────────

_ANTHROPIC_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def _anthropic_document(problem: Problem) -> bytes:
    kind = _ANTHROPIC_TYPES.get(problem.status)
    kind = kind or ("api_error" if problem.status >= 500 else "invalid_request_error")
    return _encode({"type": "error", "error": {"type": kind, "message": problem.message}})


def _anthropic_back_off(problem: Problem) -> dict[str, str]:
    if problem.retry_after_s is None:
        return {}
    return {"retry-after": whole_seconds(problem.retry_after_s)}


def _anthropic_standing(standings: Mapping[str, Standing], wall: float) -> dict[str, str]:
    headers = {}
    for what, standing in standings.items():
        headers[f"anthropic-ratelimit-{what}-limit"] = str(standing.limit)
        headers[f"anthropic-ratelimit-{what}-remaining"] = str(standing.remaining)
        headers[f"anthropic-ratelimit-{what}-reset"] = rfc3339(wall + standing.empty_in_s)
    return headers


# ── Gemini ───────────────────────────────────────────────────────────────────────────────────────

_GEMINI_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_RPC = "type.googleapis.com/google.rpc."


def _gemini_details(problem: Problem) -> list[dict[str, object]]:
    details: list[dict[str, object]] = []
    if problem.kind == "bad-key":
        details.append({"@type": f"{_RPC}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"})
    if problem.kind in ("limit", "quota"):
        metric = "input_token_count" if problem.what == "tokens" else "requests"
        violation = {
            "quotaMetric": f"generativelanguage.googleapis.com/generate_content_{metric}",
            "quotaId": "GenerateRequestsPerMinutePerProjectPerModel",
            "quotaDimensions": {"location": "global", "model": problem.model},
        }
        details.append({"@type": f"{_RPC}QuotaFailure", "violations": [violation]})
    if problem.retry_after_s is not None:
        seconds, ms = divmod(ceil(problem.retry_after_s * 1000), 1000)
        delay = f"{seconds}.{ms:03d}s" if ms else f"{seconds}s"
        details.append({"@type": f"{_RPC}RetryInfo", "retryDelay": delay})
    return details


def _gemini_document(problem: Problem) -> bytes:
    unnamed = "INTERNAL" if problem.status >= 500 else "INVALID_ARGUMENT"
    error: dict[str, object] = {
        "code": problem.status,
        "message": problem.message,
        "status": _GEMINI_STATUSES.get(problem.status, unnamed),
    }
    if details := _gemini_details(problem):
        error["details"] = details
    return _encode({"error": error})


# ── Ollama ───────────────────────────────────────────────────────────────────────────────────────


def _ollama_document(problem: Problem) -> bytes:
    return _encode({"error": problem.message})


MANNERS: dict[str, Manners] = {
    "openai": Manners(
        answer_id="chatcmpl-",
        call_id="call_",
        request_id="x-request-id",
        stream_type="text/event-stream; charset=utf-8",
        document=_openai_document,
        back_off=_openai_back_off,
        standing=_openai_standing,
    ),
    "anthropic": Manners(
        answer_id="msg_",
        call_id="toolu_",
        request_id="request-id",
        stream_type="text/event-stream; charset=utf-8",
        document=_anthropic_document,
        back_off=_anthropic_back_off,
        standing=_anthropic_standing,
    ),
    "gemini": Manners(
        answer_id="",
        call_id="",
        request_id="x-request-id",
        stream_type="text/event-stream",
        bad_key_status=400,
        document=_gemini_document,
        back_off=_nothing,
        standing=_nothing,
    ),
    "ollama": Manners(
        answer_id="",
        call_id="call_",
        request_id="x-request-id",
        stream_type="application/x-ndjson",
        document=_ollama_document,
        back_off=_nothing,
        standing=_nothing,
    ),
}
