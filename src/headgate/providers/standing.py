"""How a key stands with its limits, from the headers of an answer.

Sources: OpenAI platform docs "Rate limits" (`x-ratelimit-*`, resets as durations; Groq, OpenRouter, Mistral
and others send the same, some with resets in seconds or as dates) and Anthropic API docs "Rate limits"
(`anthropic-ratelimit-*`, resets as RFC 3339). A header that makes no sense is as good as none.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from math import isfinite

from headgate.core.standing import Quota, Standing
from headgate.ports.codec import Header
from headgate.providers.retry_after import reset_s

MAX_DIGITS = 15

Reset = Callable[[str | None, float], float | None]


def of_openai(header: Header, wall: float) -> Standing | None:
    """`None` where the answer says nothing. `wall` is the time of day, for resets that are dates."""
    requests, tokens = header("x-ratelimit-limit-requests"), header("x-ratelimit-limit-tokens")
    if requests is None and tokens is None:
        return None
    left = "x-ratelimit-remaining-requests", "x-ratelimit-remaining-tokens"
    resets = "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens"
    return _standing(
        _quota(header, requests, left[0], resets[0], reset_s, wall),
        _quota(header, tokens, left[1], resets[1], reset_s, wall),
    )


def of_anthropic(header: Header, wall: float) -> Standing | None:
    """The same. Of tokens it is the limit that is nearest, as Anthropic tells: of input, output or both."""
    requests = header("anthropic-ratelimit-requests-limit")
    tokens = header("anthropic-ratelimit-tokens-limit")
    if requests is None and tokens is None:
        return None
    left = "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-tokens-remaining"
    resets = "anthropic-ratelimit-requests-reset", "anthropic-ratelimit-tokens-reset"
    return _standing(
        _quota(header, requests, left[0], resets[0], _until, wall),
        _quota(header, tokens, left[1], resets[1], _until, wall),
    )


def _standing(requests: Quota | None, tokens: Quota | None) -> Standing | None:
    return Standing(requests, tokens) if requests or tokens else None


def _quota(
    header: Header, limit: str | None, remaining: str, reset: str, read: Reset, wall: float
) -> Quota | None:
    """A limit of 0 is taken for none: a key that may do nothing is refused, and that is heard of."""
    count = _count(limit)
    return Quota(count, _count(header(remaining)), read(header(reset), wall)) if count else None


def _count(text: str | None) -> int | None:
    text = text.strip() if text else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else None


def _until(date: str | None, wall: float) -> float | None:
    """Seconds until a moment in RFC 3339."""
    try:
        seconds = datetime.fromisoformat(date).timestamp() - wall if date else None
    except (ValueError, OverflowError):
        return None
    return None if seconds is None or not isfinite(seconds) else max(seconds, 0.0)
