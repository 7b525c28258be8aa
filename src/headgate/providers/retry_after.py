"""When a provider says to come back: the headers in use, read into seconds from now.

In order of trust: `retry-after-ms` and `x-ms-retry-after-ms` (OpenAI, Azure), `retry-after` (RFC 9110
§ 10.2.3: seconds or an HTTP date), then the `x-ratelimit-*` family where it says that nothing remains
(OpenAI's and Groq's durations, OpenRouter's epoch in milliseconds).
"""

from __future__ import annotations

import re
from email.utils import mktime_tz, parsedate_tz

from headgate.ports.codec import Header

_NUMBER = re.compile(r"\d{1,15}(?:\.\d{0,9})?", re.ASCII)
_STEP = re.compile(r"(\d{1,12}(?:\.\d{0,9})?)(ms|us|µs|ns|d|h|m|s)", re.ASCII)
_UNIT_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

_EPOCH_S = 1_000_000_000
"""A reset above this is a date, not a delay: nobody is told to wait thirty years."""
_EPOCH_MS = 100_000_000_000
"""… and above this one in milliseconds."""


def retry_after_s(header: Header, wall: float) -> float | None:
    """Seconds from now until the provider will listen again; `None` where it does not say.

    `wall` is the time of day in seconds since the epoch, for headers that give a date. Never negative;
    a header that makes no sense is passed over.
    """
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        milliseconds = _number(header(name))
        if milliseconds is not None:
            return milliseconds / 1000
    value = header("retry-after")
    if value is not None:
        seconds = _delay(value, wall)
        if seconds is not None:
            return seconds
    return _exhausted(header, wall)


def duration_s(text: str) -> float | None:
    """Seconds of a duration such as `1s`, `6m0s`, `120ms` or `1h2m3.5s`; `None` for anything else."""
    end = 0
    total = 0.0
    for step in _STEP.finditer(text):
        if step.start() != end:
            return None
        total += float(step[1]) * _UNIT_S[step[2]]
        end = step.end()
    return total if end and end == len(text) else None


def _number(value: str | None) -> float | None:
    value = value.strip() if value else ""
    return float(value) if _NUMBER.fullmatch(value) else None


def _delay(value: str, wall: float) -> float | None:
    """`retry-after`: seconds, an HTTP date, or (against the RFC, but seen) a duration with units."""
    seconds = _number(value)
    if seconds is None:
        seconds = duration_s(value.strip())
    return _until(value, wall) if seconds is None else seconds


def _until(date: str, wall: float) -> float | None:
    try:
        parsed = parsedate_tz(date)
        at = mktime_tz(parsed) if parsed else None
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return None if at is None else max(0.0, at - wall)


def _exhausted(header: Header, wall: float) -> float | None:
    """The longest wait among the limits of which nothing remains."""
    waits = [
        wait
        for kind in ("-requests", "-tokens", "")
        if _number(header(f"x-ratelimit-remaining{kind}")) == 0
        and (wait := reset_s(header(f"x-ratelimit-reset{kind}"), wall)) is not None
    ]
    return max(waits, default=None)


def reset_s(value: str | None, wall: float) -> float | None:
    """A reset: a duration, a delay in seconds, or a date in seconds or milliseconds since the epoch."""
    number = _number(value)
    if number is None:
        return duration_s(value.strip()) if value else None
    if number > _EPOCH_MS:
        number /= 1000
    return max(0.0, number - wall) if number > _EPOCH_S else number
