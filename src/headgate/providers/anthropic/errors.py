"""The API's errors, from both ends (platform.claude.com/docs/en/api/errors)."""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from headgate.core.chat import Failed
from headgate.core.errors import (
    KeyRejected,
    ModelMissing,
    Scope,
    UpstreamError,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from headgate.ports.codec import Header
from headgate.providers.anthropic.wire import ANSWER, Fault
from headgate.providers.retry_after import retry_after_s
from headgate.providers.scrub import scrub

STATUS_OF = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""The status an error of each type is answered with."""

TYPE_OF = {
    **{status: kind for kind, status in STATUS_OF.items()},
    502: "api_error",
    503: "overloaded_error",
}

_LIMITS = ("requests", "tokens", "input-tokens", "output-tokens")
_NO_CREDIT = "credit balance is too low"
_TRANSIENT = frozenset(("overloaded_error", "api_error", "timeout_error"))
_TRANSIENT_STATUS = frozenset((408, 409, 425))
_CODES = (
    ("prompt is too long", "context_length_exceeded"),
    ("exceed context limit", "context_length_exceeded"),
    ("content filtering policy", "content_filter"),
)
_PARAM = re.compile(r"([a-z_]+(?:\.[a-z0-9_]+)*): ")


def type_of(status: int) -> str:
    """The API's word for an error of this status."""
    return TYPE_OF.get(status) or ("api_error" if status >= 500 else "invalid_request_error")


def failed(fault: Fault) -> Failed:
    """An error inside an answer, as the event it is."""
    kind = fault.type
    return Failed(
        message=scrub(fault.message or "The upstream reported an error."),
        kind=kind,
        status=STATUS_OF.get(kind) if kind else None,
    )


def refusal(status: int, header: Header, body: bytes, wall: float) -> UpstreamError:
    """What a status of 400 or more means. A body that is not the API's (a proxy's page) is not shown.

    The type decides where it names something passing or our account, whatever the status; else the
    status does. A 400 about an empty account is the key's trouble and not the request's.
    """
    fault = fault_of(body)
    kind = fault.type
    message = scrub(fault.message) if fault.message else f"The upstream answered with status {status}."
    after_s = retry_after_s(header, wall)
    if status == 429 or kind == "rate_limit_error":
        after_s = _resets(header, wall) if after_s is None else after_s
        return UpstreamThrottled(message, status=status, kind=kind, scope=Scope.KEY, retry_after_s=after_s)
    if status >= 500 or kind in _TRANSIENT or status in _TRANSIENT_STATUS:
        return UpstreamUnavailable(message, status=status, kind=kind, retry_after_s=after_s)
    if status in (401, 402, 403) or kind == "billing_error" or _NO_CREDIT in message:
        return KeyRejected(message, status=status, kind=kind, scope=Scope.KEY)
    if status == 404:
        return ModelMissing(message, status=status, kind=kind, scope=Scope.MODEL)
    return _rejected(message, status, kind)


def fault_of(body: bytes) -> Fault:
    """The error in a document, empty where there is none."""
    try:
        return ANSWER.decode(body).error or Fault()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Fault()


def _rejected(message: str, status: int, kind: str | None) -> UpstreamRejected:
    """The API has no codes and no `param`, but says both in the message."""
    code = next((code for words, code in _CODES if words in message), None)
    param = _PARAM.match(message)
    return UpstreamRejected(
        message,
        status=status,
        kind=kind,
        scope=Scope.REQUEST,
        code=code,
        param=param[1] if param and kind == "invalid_request_error" else None,
    )


def _resets(header: Header, wall: float) -> float | None:
    """The longest wait among the limits that are used up: `anthropic-ratelimit-*-reset` is RFC 3339."""
    waits = []
    for limit in _LIMITS:
        if header(f"anthropic-ratelimit-{limit}-remaining") == "0":
            reset = _moment(header(f"anthropic-ratelimit-{limit}-reset"))
            if reset is not None:
                waits.append(max(0.0, reset - wall))
    return max(waits, default=None)


def _moment(date: str | None) -> float | None:
    """Seconds since the epoch of an RFC 3339 date with its zone."""
    try:
        at = datetime.fromisoformat(date) if date else None
    except ValueError:
        return None
    return at.timestamp() if at and at.tzinfo else None
