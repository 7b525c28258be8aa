"""What is written down of a request once it has ended."""

from __future__ import annotations

import msgspec

from headgate.core.call import Outcome
from headgate.core.usage import Usage


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One request, settled. Exactly one exists per request.

    Three models: `requested` by the caller, `upstream_model` asked of the provider, `served_model` by the
    provider's own word. Times are seconds: `total_s` until settled, `first_byte_s` until the answer opened,
    `upstream_s` of it spent waiting for the upstream that served. `error` is the error's class name.
    """

    request_id: str
    outcome: Outcome
    operation: str
    stream: bool
    tenant: str
    key: str
    requested: str
    model_id: str | None = None
    provider: str | None = None
    upstream_model: str | None = None
    served_model: str | None = None
    finish: str | None = None
    usage: Usage | None = None
    cost_nano: int | None = None
    attempts: int = 0
    fallback_from: str | None = None
    total_s: float = 0.0
    first_byte_s: float | None = None
    upstream_s: float | None = None
    error: str | None = None
    message: str | None = None
    tags: tuple[str, ...] = ()
