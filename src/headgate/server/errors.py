"""The only place that turns an error into an HTTP status. A test asserts that the table is total."""

from __future__ import annotations

import math

from headgate.core import errors as e

STATUS: dict[type[e.GatewayError], int] = {
    e.InvalidRequest: 400,
    e.Unauthenticated: 401,
    e.BudgetSpent: 402,
    e.Forbidden: 403,
    e.UnknownModel: 404,
    e.MethodNotAllowed: 405,
    e.RequestTooLarge: 413,
    e.RateLimited: 429,
    e.Overloaded: 503,
    e.NotCached: 504,
    e.DeadlineExceeded: 504,
    e.InternalError: 500,
    e.UpstreamRejected: 400,
    e.UpstreamThrottled: 429,
    e.UpstreamUnavailable: 502,
    e.UpstreamInterrupted: 502,
    e.AllUpstreamsFailed: 502,
}

SOON_S = 1.0
"""What `retry-after` says where nobody knows better."""
NEVER_S = 3600.0
"""And where, as things are, there will never be room: somebody may have changed that by then."""


def status_of(error: e.GatewayError) -> int:
    """The nearest entry of the table up the error's ancestry. A provider's 4xx keeps its own status."""
    if isinstance(error, e.UpstreamRejected) and error.status and 400 <= error.status < 500:
        return error.status
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def retry_after(error: e.GatewayError, status: int) -> bytes | None:
    """Whole seconds, rounded up, for every 429 and 503; `None` elsewhere."""
    if status not in (429, 503):
        return None
    seconds = SOON_S if error.retry_after_s is None else error.retry_after_s
    return b"%d" % max(1, math.ceil(NEVER_S if seconds == math.inf else seconds))
