"""What was said in a request and its answer, where a route keeps it: only after it has been redacted."""

from __future__ import annotations

import msgspec


class Captured(msgspec.Struct, frozen=True, tag="captured", gc=False):
    """One request's. `question` is the request's body, `answer` what the caller got, both as text and
    redacted; `found` says what was taken out, as `email=2 card=1`. `at_us`: when it ended, in microseconds
    since the epoch. `until_us`: when it is to be deleted."""

    at_us: int
    until_us: int
    request_id: str
    tenant: str
    key: str
    requested: str
    question: str
    answer: str
    found: str
