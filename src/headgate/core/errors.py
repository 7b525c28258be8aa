"""Every failure the gateway can name.

    GatewayError
    ├── Refused                 the gateway said no; no upstream was harmed
    │   ├── InvalidRequest      the body is wrong, `param` says where
    │   │   └── Unsupported     the chosen upstream's dialect cannot express a parameter
    │   ├── MethodNotAllowed, RequestTooLarge, Unauthenticated, BudgetSpent, Forbidden, UnknownModel
    │   ├── RateLimited         the caller's own limit
    │   │   └── OverLimit       … or a provider's, where nobody else can serve
    │   ├── Overloaded          shed, or nobody healthy to ask
    │   ├── NotCached           the caller wanted a kept answer or none
    │   └── DeadlineExceeded
    ├── InternalError           a bug of ours
    └── UpstreamError           an upstream was asked and failed
        ├── UpstreamRejected    it found fault with the request itself: nobody else is asked
        ├── UpstreamUnavailable it could not answer: ask somebody else
        │   ├── UpstreamThrottled   … it has no room until `retry_after_s` from now
        │   ├── KeyRejected         … our key is no good there
        │   └── ModelMissing        … it does not have that model
        ├── UpstreamInterrupted it stopped after its first byte: nobody else may be asked
        └── AllUpstreamsFailed  every attempt the request was allowed has failed

`server/errors.py` is the only place that turns these into HTTP; a test keeps its table total.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.core.decision import Decision
    from headgate.core.quota import Allowed

from headgate.core.standing import Standing


class Scope(StrEnum):
    """How much of an upstream a failure speaks about."""

    REQUEST = "request"
    KEY = "key"
    MODEL = "model"
    PROVIDER = "provider"


class GatewayError(Exception):
    """Base of them all.

    `message` is written for the client: never a provider key, a stack trace or a file path.
    `param` names the field of the request at fault, `code` is the machine-readable reason,
    `retry_after_s` how many seconds from now the same request may fare better. `decision` is how the
    request had been routed when it failed, where there was something to decide.
    """

    decision: Decision | None = None

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.retry_after_s = retry_after_s


class Refused(GatewayError):
    """The gateway itself said no."""


class InvalidRequest(Refused):
    """The body is not what the API takes."""


class Unsupported(InvalidRequest):
    """The request is right, but the upstream's dialect has no words for `param`."""


class RequestTooLarge(Refused):
    """The body is over `max_body_bytes`."""


class Unauthenticated(Refused):
    """No key, or one we do not know."""


class MethodNotAllowed(Refused):
    """The path takes another method."""


class BudgetSpent(Refused):
    """The caller's budget is used up."""


class Forbidden(Refused):
    """The key is good but may not do this."""


class UnknownModel(Refused):
    """Neither a route nor a model of the configuration."""


class RateLimited(Refused):
    """The caller's own limit. `allowed` is what is left of its limits, where they are of a minute."""

    allowed: Allowed | None = None


class OverLimit(RateLimited):
    """What the providers allow us is used up, and to wait for more would take too long."""


class Overloaded(Refused):
    """Shed, or no upstream is well enough to be asked."""


class NotCached(Refused):
    """`Cache-Control: only-if-cached`, and no answer is kept (RFC 9111 § 5.2.1.7)."""


class DeadlineExceeded(Refused):
    """The caller's time is up."""


class InternalError(GatewayError):
    """A bug of ours. The message says nothing but where to look."""


class UpstreamError(GatewayError):
    """An upstream was asked and failed.

    `status` is the HTTP status it answered with, where it answered at all; `kind` is its own word
    for the error; `scope` says how much of it the failure speaks about. `attempts` counts the upstream
    calls made for this request when it was raised. `reached` is false where the request cannot have arrived
    there; `standing` is how our key stood with its limits, where the answer told.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        kind: str | None = None,
        scope: Scope = Scope.PROVIDER,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
        reached: bool = True,
    ) -> None:
        super().__init__(message, param=param, code=code, retry_after_s=retry_after_s)
        self.reached = reached
        self.standing: Standing | None = None
        self.status = status
        self.kind = kind
        self.scope = scope
        self.attempts = 1


class UpstreamRejected(UpstreamError):
    """A 4xx about the request itself (context too long, content filter): any other would say the same."""


class UpstreamUnavailable(UpstreamError):
    """5xx, connection refused, silence, or an answer that is not one. `beside`: the model of another call
    that was under way for the same request and has failed too, and how."""

    beside: tuple[str, UpstreamUnavailable] | None = None


class UpstreamThrottled(UpstreamUnavailable):
    """429, or the provider's own word for it."""


class KeyRejected(UpstreamUnavailable):
    """401 or 403: the key is dead or may not use this model."""


class ModelMissing(UpstreamUnavailable):
    """The provider does not have the model the configuration names."""


class UpstreamInterrupted(UpstreamError):
    """Cut after the first byte."""


class AllUpstreamsFailed(UpstreamError):
    """Every attempt the request was allowed has failed; `__cause__` groups them."""
