"""The API's errors, from both ends (ai.google.dev/gemini-api/docs/troubleshooting, google.rpc.Status)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from headgate.core.chat import Failed
from headgate.core.errors import (
    GatewayError,
    KeyRejected,
    ModelMissing,
    Scope,
    UpstreamError,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from headgate.ports.codec import Header
from headgate.providers.gemini.wire import REFUSALS, REFUSED, Detail, Fault, Refused, Violation
from headgate.providers.retry_after import duration_s, retry_after_s
from headgate.providers.scrub import scrub

STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""google.rpc.Code by HTTP status."""

_RPC = "type.googleapis.com/google.rpc."
_PASSING = frozenset({"ABORTED", "CANCELLED", "DEADLINE_EXCEEDED", "INTERNAL", "UNAVAILABLE", "UNKNOWN"})
_PASSING_STATUS = frozenset({408, 409, 425, 499})
_TOO_LONG = re.compile(r"input token count|exceeds the maximum number of tokens", re.IGNORECASE)

_DAY_S = 86_400
_RESET_S = 8 * 3600
"""Daily quotas start afresh at midnight Pacific time: 8:00 UTC in winter, an hour earlier in summer."""


def failed(fault: Fault) -> Failed:
    """An error inside an answer, as the event it is."""
    return Failed(
        message=scrub(fault.message or "The upstream reported an error."),
        kind=fault.status,
        status=fault.code,
        retry_after_s=_delay_s(fault.details),
    )


def refusal(status: int, header: Header, body: bytes, wall: float) -> UpstreamError:
    """What a status of 400 or more means. A body that is not the API's (a proxy's page) is not shown.

    A dead key is a 400 here, told apart by its reason; so is a project or a place that may not use the
    API (FAILED_PRECONDITION). The wait is the header's, else RetryInfo's in the body; a spent daily
    quota comes with a delay of seconds that is not true, and waits for the quota's new day.
    """
    fault = fault_of(body)
    message = scrub(fault.message) if fault.message else f"The upstream answered with status {status}."
    kind = fault.status
    if status == 429 or kind == "RESOURCE_EXHAUSTED":
        return _throttled(fault, message, status, header, wall)
    if _key_trouble(status, fault):
        return KeyRejected(message, status=status, kind=kind, scope=Scope.KEY)
    if status >= 500 or status in _PASSING_STATUS or kind in _PASSING:
        scope = Scope.MODEL if status == 503 else Scope.PROVIDER
        after_s = _wait_s(fault, header, wall)
        return UpstreamUnavailable(message, status=status, kind=kind, scope=scope, retry_after_s=after_s)
    if status == 404:
        return ModelMissing(message, status=status, kind=kind, scope=Scope.MODEL)
    fields = [violation.field for detail in fault.details for violation in detail.field_violations]
    return UpstreamRejected(
        message,
        status=status,
        kind=kind,
        scope=Scope.REQUEST,
        code="context_length_exceeded" if _TOO_LONG.search(message) else None,
        param=next(filter(None, fields), None),
    )


def fault_of(body: bytes) -> Fault:
    """The error in a body, empty where there is none. A stream that never began wraps it in an array."""
    try:
        if body.lstrip().startswith(b"["):
            return next((refused.error for refused in REFUSALS.decode(body)), Fault())
        return REFUSED.decode(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Fault()


def _key_trouble(status: int, fault: Fault) -> bool:
    dead = any(detail.reason.startswith("API_KEY_") for detail in fault.details)
    return status in (401, 402, 403) or dead or fault.status == "FAILED_PRECONDITION"


def _throttled(fault: Fault, message: str, status: int, header: Header, wall: float) -> UpstreamThrottled:
    quotas = [violation.quota_id for detail in fault.details for violation in detail.violations]
    after_s = _wait_s(fault, header, wall)
    if any("PerDay" in quota for quota in quotas):
        after_s = max(after_s or 0.0, _DAY_S - (wall - _RESET_S) % _DAY_S)
    return UpstreamThrottled(
        message,
        status=status,
        kind=fault.status,
        scope=Scope.MODEL if quotas and all("PerModel" in quota for quota in quotas) else Scope.KEY,
        retry_after_s=after_s,
    )


def _wait_s(fault: Fault, header: Header, wall: float) -> float | None:
    said = retry_after_s(header, wall)
    return _delay_s(fault.details) if said is None else said


def _delay_s(details: Iterable[Detail]) -> float | None:
    """RetryInfo's delay, a Duration in JSON: `17s`, `34.074824224s`."""
    return next((duration_s(detail.retry_delay) for detail in details if detail.retry_delay), None)


# ── the server's end ─────────────────────────────────────────────────────────────────────────────


def fault_for(error: GatewayError, status: int, request_id: str) -> Refused:
    """Our own error in the API's shape."""
    name = STATUS_NAMES.get(status) or ("INTERNAL" if status >= 500 else "FAILED_PRECONDITION")
    details = _details(error, request_id)
    return Refused(error=Fault(code=status, message=error.message, status=name, details=[*details]))


def _details(error: GatewayError, request_id: str) -> Sequence[Detail]:
    details = [Detail(kind=_RPC + "RequestInfo", request_id=request_id)] if request_id else []
    if error.param:
        wrong = Violation(field=error.param, description=error.message)
        details.append(Detail(kind=_RPC + "BadRequest", field_violations=[wrong]))
    if error.retry_after_s is not None:
        delay = f"{error.retry_after_s:.9f}".rstrip("0").rstrip(".")
        details.append(Detail(kind=_RPC + "RetryInfo", retry_delay=delay + "s"))
    return details
